import { Terminal } from "../../../errors.js";
import { quoted, type Session, type SqlEndpoint } from "./session.js";
import { NAME } from "./subscription.js";

/**
 * Users' sessions on the database, except our own. Without pg_read_all_stats the kind of another role's session is not
 * told: it counts as a user's unless it replicates, which everybody may see. Autovacuum has no role, and nobody but RDS
 * itself is rdsadmin.
 */
const OTHERS = `pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL AND usename IS DISTINCT FROM 'rdsadmin'
  AND coalesce(backend_type, 'client backend') = 'client backend' AND pid NOT IN (SELECT pid FROM pg_stat_replication)`;

/** What works in a database beside its users' sessions, and writes nothing of its own accord. */
const QUIET = `('client backend', 'walsender', 'autovacuum worker', 'autovacuum launcher', 'parallel worker', 'logical replication launcher',
  'logical replication worker', 'logical replication apply worker', 'logical replication parallel worker', 'logical replication tablesync worker',
  'slotsync worker')`;

/** How long sessions that were ended may take to go. */
const GONE_MS = 15_000;
const POLL_MS = 100;

/** Whether we may end a role's sessions, as pg_terminate_backend judges it: a superuser's only as one. */
const mayEnd = (role: string): string =>
  `coalesce((SELECT pg_has_role(oid, 'USAGE') OR NOT rolsuper AND pg_has_role('pg_signal_backend', 'USAGE') FROM pg_roles WHERE oid = ${role}), false)`;

export const rights = (user: string): string => `GRANT pg_signal_backend, pg_read_all_stats TO ${quoted(user)}`;

/** Ends them, also our own of an earlier attempt. Replication's own backends stay: they are no writers. */
export async function endOthers(session: Session): Promise<number> {
  const ended = new Set<number>();
  for (const deadline = Date.now() + GONE_MS; ; ) {
    const found = await session.rows<{ pid: number; ended: boolean }>(
      `SELECT pid, CASE WHEN ${mayEnd("usesysid")} THEN pg_terminate_backend(pid) ELSE false END AS ended FROM ${OTHERS}`,
    );
    // A process seen for the first time may be a client that is just being turned away.
    const left = found.some((f) => f.ended && ended.has(f.pid));
    const first = ended.size === 0 && found.some((f) => f.ended);
    for (const { pid } of found.filter((f) => f.ended)) ended.add(pid);
    if ((!left && !first) || Date.now() > deadline) return ended.size;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export interface Beyond {
  role: string;
  superuser: boolean;
}

/** Roles whose sessions we may not end, or not even see for what they are. */
export const beyondReach = (session: Session): Promise<Beyond[]> =>
  session.rows<Beyond & Record<string, unknown>>(
    `SELECT DISTINCT coalesce(usename::text, usesysid::text) AS role,
            coalesce((SELECT rolsuper FROM pg_roles WHERE oid = usesysid), false) AS superuser
     FROM ${OTHERS} AND (backend_type IS NULL OR NOT ${mayEnd("usesysid")}) ORDER BY 1`,
  );

export function refuseBeyond(beyond: Beyond[], { host, port, database, user }: SqlEndpoint): void {
  if (beyond.length === 0) return;
  const supers = beyond.filter((b) => b.superuser).map((b) => b.role);
  const next = [
    ...(supers.length < beyond.length ? [`${rights(user)} (rds_superuser has both)`] : []),
    ...(supers.length > 0 ? [`close the sessions of ${supers.join(", ")}, which only a superuser can end`] : []),
  ];
  throw new Terminal(
    `${host}:${port}/${database}: ${user} may not end the sessions of ${beyond.map((b) => b.role).join(", ")}, which could go on writing.`,
    { next: `As the database's superuser: ${next.join("; ")}; then try again.` },
  );
}

/**
 * Why the barrier would not hold back everybody who is here now: somebody who goes through the door that is cutover's
 * own, work that is prepared and can be committed at any time, a background worker that writes.
 */
export async function obstaclesHere(session: Session): Promise<string[]> {
  const ours = await session.rows<{ what: string }>(
    `SELECT DISTINCT coalesce(nullif(application_name, ''), 'a client') || coalesce(' from ' || host(client_addr), '') AS what
     FROM ${OTHERS} AND usename = current_user AND application_name NOT IN ('cutover', '${NAME}') ORDER BY 1`,
  );
  const user = await session.value<string>("SELECT current_user::text");
  const prepared = await preparedTransactions(session);
  const workers = await backgroundWorkers(session);
  return [
    ...(ours.length === 0
      ? []
      : [`${user} is cutover's own user, and others are connected as it (${ours.map((o) => o.what).join(", ")}): ${OWN_ROLE}`]),
    ...(prepared.length === 0
      ? []
      : [`prepared transactions could be committed at any time: ${prepared.join(", ")} (COMMIT PREPARED or ROLLBACK PREPARED each)`]),
    ...workers.map(
      (w) => `the background worker ${w} can write here: stop what it does in this database, or take it out of shared_preload_libraries`,
    ),
  ];
}

/** What to do where the application and cutover go through one door. */
export const OWN_ROLE =
  "give cutover a role of its own (CREATE ROLE … LOGIN CREATEROLE, a member of the database's owner, on RDS of rds_superuser too), and name it as database.adminUser in targets.yaml";

export async function preparedTransactions(session: Session): Promise<string[]> {
  const found = await session.rows<{ gid: string }>("SELECT gid FROM pg_prepared_xacts WHERE database = current_database() ORDER BY 1");
  return found.map((f) => f.gid);
}

/** Those of extensions; pg_cron's only where it has something to do here. */
export async function backgroundWorkers(session: Session): Promise<string[]> {
  const found = await session.rows<{ what: string }>(
    `SELECT DISTINCT backend_type AS what FROM pg_stat_activity WHERE datname = current_database() AND backend_type NOT IN ${QUIET} ORDER BY 1`,
  );
  const workers = found.map((f) => f.what);
  if (!workers.includes("pg_cron launcher")) return workers;
  const jobs = await session.value<boolean>(
    "SELECT CASE WHEN to_regclass('cron.job') IS NULL THEN false ELSE (xpath('/row/c/text()', query_to_xml('SELECT count(*) AS c FROM cron.job WHERE active', false, true, '')))[1]::text <> '0' END",
  );
  return jobs ? workers : workers.filter((w) => w !== "pg_cron launcher");
}

/** Who is here that is not cutover, and whether somebody, cutover's own too, is in the middle of a write. */
export async function othersHere(session: Session): Promise<{ writing: boolean; hidden: string | null; who: string | null }> {
  const [others] = await session.rows<{ writing: boolean | null; hidden: string | null; who: string | null }>(
    `SELECT bool_or(backend_xid IS NOT NULL) AS writing,
            string_agg(DISTINCT coalesce(usename::text, usesysid::text), ', ') FILTER (WHERE backend_type IS NULL) AS hidden,
            string_agg(DISTINCT coalesce(usename::text, usesysid::text), ', ')
              FILTER (WHERE NOT (usename = current_user AND application_name = 'cutover')) AS who
     FROM ${OTHERS}`,
  );
  return { writing: others?.writing === true, hidden: others?.hidden ?? null, who: others?.who ?? null };
}

import { Terminal } from "../../../errors.js";
import { known, type Reading, unknown } from "../../../ports/observations.js";
import { inSession, quoted, type Session, type SqlEndpoint } from "./session.js";

/** SQLSTATE of a write in a read-only transaction. */
const READ_ONLY = "25006";

/**
 * Users' sessions on the database, except our own. Without pg_read_all_stats the kind of another role's session is not
 * told: it counts as a user's unless it replicates, which everybody may see. Autovacuum has no role, and nobody but RDS
 * itself is rdsadmin.
 */
const OTHERS = `pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL AND usename IS DISTINCT FROM 'rdsadmin'
  AND coalesce(backend_type, 'client backend') = 'client backend' AND pid NOT IN (SELECT pid FROM pg_stat_replication)`;

/** Whether we may end a role's sessions, as pg_terminate_backend judges it: a superuser's only as one. */
const mayEnd = (role: string): string =>
  `coalesce((SELECT pg_has_role(oid, 'USAGE') OR NOT rolsuper AND pg_has_role('pg_signal_backend', 'USAGE') FROM pg_roles WHERE oid = ${role}), false)`;

const rights = (user: string): string => `GRANT pg_signal_backend, pg_read_all_stats TO ${quoted(user)}`;

/**
 * Roles that write all the same, since their own default beats the database's; the one for this database beats the one
 * for all. RDS gives such a default to its own rdsadmin.
 */
async function rolesThatWrite(session: Session): Promise<string[]> {
  const roles = await session.rows<{ role: string }>(
    `SELECT role FROM (
       SELECT DISTINCT ON (setrole) rolname AS role, split_part(setting, '=', 2)::boolean AS read_only
       FROM pg_db_role_setting JOIN pg_roles r ON r.oid = setrole JOIN unnest(setconfig) AS setting ON setting LIKE 'default_transaction_read_only=%'
       WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
       AND rolcanlogin AND rolname <> 'rdsadmin' AND has_database_privilege(setrole, current_database(), 'CONNECT')
       ORDER BY setrole, setdatabase DESC) AS own
     WHERE NOT read_only ORDER BY 1`,
  );
  return roles.map((r) => r.role);
}

const resets = (roles: string[], database: string): string =>
  roles
    .map(quoted)
    .flatMap((role) =>
      ["", ` IN DATABASE ${quoted(database)}`].map((where) => `ALTER ROLE ${role}${where} RESET default_transaction_read_only`),
    )
    .join("; ");

const ownDefault = (roles: string[]): string =>
  `${roles.join(", ")} may write all the same: default_transaction_read_only is off for the role itself`;

export interface WritesSet {
  /** Sessions that were ended. */
  ended: number;
  /** Roles whose sessions could not be ended or seen; only where writes are allowed again. */
  left: string[];
}

/**
 * Makes a database refuse or accept writes. It is the database's own default, so it holds for every new session of
 * every user, and a physical replica has it too: a promoted replica refuses writes until it is told otherwise. Sessions
 * that were there before are ended, since the default does not reach them.
 * @throws Terminal when a role's own default lets it write all the same, or sessions that could go on writing are beyond
 * our rights; nothing is changed then
 */
export async function setWrites(endpoint: SqlEndpoint, allowed: boolean): Promise<WritesSet> {
  const database = quoted(endpoint.database);
  return inSession(
    endpoint,
    async (session) => {
      if (!allowed) {
        refuseWriters(await rolesThatWrite(session), endpoint);
        refuseBeyond(await beyondReach(session), endpoint);
      }
      await session.rows(
        allowed
          ? `ALTER DATABASE ${database} RESET default_transaction_read_only`
          : `ALTER DATABASE ${database} SET default_transaction_read_only = on`,
      );
      const ended = await endOthers(session);
      const left = await beyondReach(session);
      // One may have come in between.
      if (!allowed) refuseBeyond(left, endpoint);
      return { ended, left: left.map((l) => l.role) };
    },
    { write: true },
  );
}

/** Replication's own backends stay: they are no writers. */
async function endOthers(session: Session): Promise<number> {
  const ended = await session.rows(`SELECT pg_terminate_backend(pid) FROM ${OTHERS} AND ${mayEnd("usesysid")}`);
  return ended.length;
}

interface Beyond {
  role: string;
  superuser: boolean;
}

/** Roles whose sessions we may not end, or not even see for what they are. */
const beyondReach = (session: Session): Promise<Beyond[]> =>
  session.rows<Beyond & Record<string, unknown>>(
    `SELECT DISTINCT coalesce(usename::text, usesysid::text) AS role,
            coalesce((SELECT rolsuper FROM pg_roles WHERE oid = usesysid), false) AS superuser
     FROM ${OTHERS} AND (backend_type IS NULL OR NOT ${mayEnd("usesysid")}) ORDER BY 1`,
  );

function refuseWriters(roles: string[], { host, port, database }: SqlEndpoint): void {
  if (roles.length === 0) return;
  throw new Terminal(`${host}:${port}/${database}: ${ownDefault(roles)}.`, { next: `${resets(roles, database)}; then try again.` });
}

function refuseBeyond(beyond: Beyond[], { host, port, database, user }: SqlEndpoint): void {
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
 * What keeps us from ending users' sessions once they are there, by the roles that may log in; undefined when nothing
 * does. Can be asked of a replica too.
 */
export async function obstacleToStopping(session: Session, user: string): Promise<string | undefined> {
  const roles = await session.rows<{ role: string }>(
    `SELECT rolname AS role FROM pg_roles
     WHERE rolcanlogin AND NOT rolsuper AND has_database_privilege(oid, current_database(), 'CONNECT') AND NOT pg_has_role(oid, 'USAGE')
     AND NOT (pg_has_role('pg_signal_backend', 'USAGE') AND pg_has_role('pg_read_all_stats', 'USAGE')) ORDER BY 1`,
  );
  const writers = await rolesThatWrite(session);
  const found = [
    ...(writers.length === 0 ? [] : [ownDefault(writers)]),
    ...(roles.length === 0 ? [] : [`${user} may not see and end the sessions of ${roles.map((r) => r.role).join(", ")}: ${rights(user)}`]),
  ];
  return found.length === 0 ? undefined : found.join("; ");
}

/**
 * Whether writes are really stopped, not only asked to: a new session is refused a write, and no session that was there
 * before is in the middle of one.
 */
export async function writesStopped(endpoint: SqlEndpoint): Promise<Reading> {
  return inSession(endpoint, async (session) => {
    if (!(await refusesWrites(session))) return known(0);
    const writers = await rolesThatWrite(session);
    if (writers.length > 0) return unknown(ownDefault(writers));
    // Everybody may see that a session has a transaction number, also of one whose kind is hidden.
    const [others] = await session.rows<{ writing: boolean | null; hidden: string | null }>(
      `SELECT bool_or(backend_xid IS NOT NULL) AS writing,
              string_agg(DISTINCT coalesce(usename::text, usesysid::text), ', ') FILTER (WHERE backend_type IS NULL) AS hidden
       FROM ${OTHERS}`,
    );
    if (others?.writing === true) return known(0);
    if (typeof others?.hidden === "string")
      return unknown(`${endpoint.user} may not see what the sessions of ${others.hidden} are: ${rights(endpoint.user)}`);
    return known(1);
  }).catch((error: Error) => unknown(error.message));
}

/** Tries one, and takes it back when it succeeds. */
async function refusesWrites(session: Session): Promise<boolean> {
  await session.rows("BEGIN");
  try {
    await session.rows("CREATE TABLE cutover_write_probe (probe int)");
    return false;
  } catch (error) {
    if ((error as { code?: string }).code === READ_ONLY) return true;
    throw error;
  } finally {
    await session.rows("ROLLBACK");
  }
}

/** Whether the database is a primary, and not a replica in recovery. */
export async function isPrimary(endpoint: SqlEndpoint): Promise<Reading> {
  return inSession(endpoint, async (session) => known((await session.value<boolean>("SELECT NOT pg_is_in_recovery()")) ? 1 : 0)).catch(
    (error: Error) => unknown(error.message),
  );
}

/**
 * Seconds that a replica is behind its source. 0 means that it has replayed everything that the source had written when
 * it was asked: the source's own position is compared, for the time since the last replayed transaction says nothing
 * while the source is idle, or the stream is broken.
 */
export async function replicaLag(source: SqlEndpoint, replica: SqlEndpoint): Promise<Reading> {
  try {
    const written = await inSession(source, (s) => s.value<string>("SELECT pg_current_wal_lsn()::text"));
    return await inSession(replica, async (session) => {
      if (!(await session.value<boolean>("SELECT pg_is_in_recovery()"))) return unknown("it is no replica");
      const [row] = await session.rows<{ caught_up: boolean | null; seconds: number | null }>(
        `SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS caught_up,
                extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 AS seconds`,
        [written],
      );
      if (row?.caught_up === true) return known(0);
      // Behind by something, however short ago: never 0.
      return row?.seconds === null || row === undefined ? unknown("nothing was replayed yet") : known(Math.max(row.seconds, 0.1));
    });
  } catch (error) {
    return unknown((error as Error).message);
  }
}

/** Writes, reads and removes a row of cutover's own, also where the database still refuses writes to others. */
export async function verifyReadWrite(endpoint: SqlEndpoint): Promise<void> {
  const table = "cutover_verification";
  await inSession(
    endpoint,
    async (session) => {
      const wrote = `row ${Date.now()}`;
      await session.rows(`CREATE TABLE IF NOT EXISTS ${table} (note text NOT NULL)`);
      await session.rows(`INSERT INTO ${table} VALUES ($1)`, [wrote]);
      const read = await session.value<string>(`SELECT note FROM ${table} WHERE note = $1`, [wrote]);
      await session.rows(`DROP TABLE ${table}`);
      if (read !== wrote) throw new Error(`wrote "${wrote}" and read "${read}"`);
    },
    { write: true },
  );
}

import { type FindingKind, type ReadinessFinding, worstFirst } from "../../../ports/readiness.js";
import { stuckTables } from "./applies.js";
import { hiddenRows, hiddenTables } from "./catalog.js";
import { choiceFor, streamTables, whyNotStreamed } from "./identity.js";
import { obstacleToReverse } from "./reverse.js";
import { sequencesToCarry } from "./sequences.js";
import { inSession, quoted, type Session, type SqlEndpoint } from "./session.js";
import { obstacleToSubscription } from "./subscription.js";
import { surroundings } from "./surroundings.js";
import { obstacleToStopping } from "./writes.js";

/** Rows that a subscriber reads through for each change, from which on it falls behind: seconds for a few thousand changes. */
const MANY_ROWS = 10_000;

/**
 * Everything about two databases that would refuse the move, lose rows on the way, or slow it, from the catalogues, roles
 * and settings of both servers: before anybody depends on it. Reads only.
 * @param replica absent while there is none
 */
export async function readinessOf(
  old: SqlEndpoint,
  replica: SqlEndpoint | undefined,
  { publisher = replica, applicationUser }: { publisher?: SqlEndpoint | undefined; applicationUser?: string } = {},
): Promise<ReadinessFinding[]> {
  const stopping = await obstacleToStopping(old, applicationUser === undefined ? {} : { applicationUser });
  const level = await inSession(replica ?? old, obstacleToReverse);
  const [settings, tables, others] = [
    await streamSettings(old, replica ?? old),
    await ofTables(old),
    await inSession(old, (session) => beside(session, old.database)),
  ];
  const around = await surroundings(old);
  const hidden = await inSession(replica ?? old, hiddenTables);
  const stream =
    level ?? (publisher === undefined || replica === undefined ? undefined : await obstacleToSubscription(old, publisher, replica));
  const { left } = await sequencesToCarry(old, old);
  return [
    ...(stopping === undefined
      ? []
      : [{ ...finding("refuses", "stopping writes", stopping, STOPPABLE), stops: "stopping writes" as const }]),
    ...(hidden.length === 0
      ? []
      : [
          {
            ...finding("refuses", "the comparison", hiddenRows(hidden), "As it says there; then try again."),
            stops: "the comparison" as const,
          },
        ]),
    ...(stream === undefined ? [] : [noStream("the stream back", stream, "As it says there.")]),
    ...(replica === undefined ? [NO_REPLICA] : []),
    ...settings,
    ...others,
    ...around,
    ...tables,
    ...left.map(({ name, why }) =>
      finding("loses", name, `its value on the way back: ${why}`, `GRANT SELECT, UPDATE ON SEQUENCE ${name} TO ${quoted(old.user)}`),
    ),
  ];
}

/** Weeks before the night: what the old database says by itself. */
const NO_REPLICA: ReadinessFinding = {
  kind: "warns",
  what: "the replica",
  means: "it is not there yet: its settings, and the way from the old server to it, were not tried",
  cure: "Look again once it is.",
};

const STOPPABLE =
  "What it says beside each name; else a role of cutover's own (target.database.adminUser), no superusers of the application's, and nothing prepared.";

/** What a finding says where the stream as a whole is impossible. */
export const NOTHING_BACK = "nothing could stream back";
const noStream = (what: string, means: string, cure: string): ReadinessFinding => ({
  kind: "loses",
  what,
  means,
  cure,
  stops: "the stream back",
});
const finding = (kind: FindingKind, what: string, means: string, cure: string): ReadinessFinding => ({ kind, what, means, cure });

/** What servers and roles must have, that only shows once the promoted database is one. */
async function streamSettings(old: SqlEndpoint, replica: SqlEndpoint): Promise<ReadinessFinding[]> {
  const found: ReadinessFinding[] = [];
  const least = async (at: SqlEndpoint, setting: string, wanted: number) => {
    const is = Number(await inSession(at, (s) => s.value<string>("SELECT current_setting($1)", [setting])));
    if (is < wanted)
      found.push(noStream(setting, `${setting} is ${is} on ${at.host}:${at.port}`, `${setting} = ${wanted} or more, and a restart`));
  };
  await least(old, "max_logical_replication_workers", 2);
  await least(old, "max_worker_processes", 3);
  await least(replica, "max_replication_slots", 2);
  await least(replica, "max_wal_senders", 2);
  const replicates = await inSession(replica, (s) =>
    s.value<boolean>(
      `SELECT rolsuper OR rolreplication OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname IN ('rds_superuser', 'rds_replication') AND pg_has_role(r.oid, 'MEMBER'))
       FROM pg_roles WHERE rolname = current_user`,
    ),
  );
  if (!replicates)
    found.push(
      noStream(
        `role ${old.user}`,
        `${old.user} may make no replication slot`,
        `ALTER ROLE ${quoted(old.user)} REPLICATION; on RDS GRANT rds_replication TO ${quoted(old.user)}`,
      ),
    );
  const creates = await inSession(old, (s) => s.value<boolean>("SELECT has_database_privilege(current_database(), 'CREATE')"));
  if (!creates)
    found.push(
      finding(
        "refuses",
        `role ${old.user}`,
        "cutover can keep neither its fence nor its barrier there",
        `GRANT CREATE ON DATABASE ${quoted(old.database)} TO ${quoted(old.user)}`,
      ),
    );
  return found;
}

async function ofTables(old: SqlEndpoint): Promise<ReadinessFinding[]> {
  const stuck = new Map((await stuckTables(old)).map((s) => [s.table, s]));
  const [version, all] = await inSession(
    old,
    async (session) =>
      [await session.value<number>("SELECT current_setting('server_version_num')::int"), await streamTables(session)] as const,
  );
  // From 16 on any index serves that begins with a column.
  const indexed = version < 160_000 ? new Set<string>() : await inSession(old, indexedTables);
  return all.flatMap((table): ReadinessFinding[] => {
    const standing = stuck.get(table.table);
    const why = whyNotStreamed(table);
    if (why !== undefined) {
      const cure = table.owned
        ? table.secured
          ? `ALTER TABLE ${table.table} NO FORCE ROW LEVEL SECURITY`
          : `ALTER TABLE ${table.table} ADD PRIMARY KEY …`
        : `GRANT ${quoted(table.owner)} TO …, or accept it`;
      return [finding("loses", table.table, `what is written to its about ${table.rows} rows after the promotion: ${why}`, cure)];
    }
    if (standing !== undefined)
      return [
        finding(
          "loses",
          table.table,
          `what is written to its about ${table.rows} rows after the promotion: ${standing.why}`,
          standing.cure,
        ),
      ];
    if (choiceFor(table).kind !== "full" || indexed.has(table.table) || table.rows < MANY_ROWS) return [];
    return [
      finding(
        "slows",
        table.table,
        `each changed row is looked for among about ${table.rows} rows, since it has no usable key`,
        `ALTER TABLE ${table.table} ADD PRIMARY KEY …, or a unique index of columns that are NOT NULL`,
      ),
    ];
  });
}

const indexedTables = async (session: Session): Promise<Set<string>> =>
  new Set(
    (
      await session.rows<{ name: string }>(
        `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am a ON a.oid = x.relam WHERE a.amname = 'btree' AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] <> 0`,
      )
    ).map((r) => r.name),
  );

/** What replication never brings, physical or logical. */
async function beside(session: Session, database: string): Promise<ReadinessFinding[]> {
  const kinds = await session.rows<{ kind: string; name: string }>(
    `SELECT CASE WHEN c.relkind = 'm' THEN 'matview' ELSE 'unlogged' END AS kind, format('%I.%I', n.nspname, c.relname) AS name
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE (c.relkind = 'm' OR c.relkind = 'r' AND c.relpersistence = 'u') AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 2`,
  );
  const found: ReadinessFinding[] = [];
  for (const { kind, name } of kinds) {
    if (kind === "matview") {
      found.push(finding("warns", name, "on the way back it holds what it held at the promotion", `REFRESH MATERIALIZED VIEW ${name}`));
      continue;
    }
    const [count] = await session.rows<{ rows: string }>(`SELECT count(*) AS rows FROM ${name}`).catch(() => []);
    if (count?.rows !== "0")
      found.push(
        finding(
          "loses",
          name,
          `all ${count?.rows ?? "its"} rows at the promotion: it is UNLOGGED, and a replica has none of them`,
          `ALTER TABLE ${name} SET LOGGED`,
        ),
      );
  }
  const [objects] = await session.rows<{ all: number; foreign: number }>(
    `SELECT count(*)::int AS all, (count(*) FILTER (WHERE NOT pg_has_role(lomowner, 'USAGE')))::int AS foreign FROM pg_largeobject_metadata`,
  );
  if ((objects?.foreign ?? 0) > 0)
    found.push(
      finding(
        "loses",
        "large objects",
        `changes of ${objects?.foreign} of them on the way back: they belong to other roles`,
        "GRANT their owners to cutover's user",
      ),
    );
  if ((objects?.all ?? 0) > 0)
    found.push(
      finding(
        "slows",
        "large objects",
        `all ${objects?.all} are read on both sides of ${database} with writes stopped, on the way back`,
        "Keep large files outside of the database.",
      ),
    );
  return found;
}

/** As the step that tests the replica says it. */
export function sentenceOf({ kind, what, means, stops }: ReadinessFinding): string {
  if (stops === "the stream back") return `Its changes could not stream back after a promotion: ${means}.`;
  if (stops === "stopping writes") return `Writes could not surely be stopped: ${means}.`;
  if (stops === "the comparison") return `The comparison would end: ${means}.`;
  return `${kind === "loses" ? "Lost" : kind === "refuses" ? "Refused" : kind === "slows" ? "Slow" : "Note"}: ${what}, ${means}.`;
}

/** The report as Markdown, worst first. */
export function readinessReport(findings: ReadinessFinding[]): string {
  const lines = worstFirst(findings).map(
    (f) => `| ${[f.kind, f.what, f.means, f.cure].map((t) => t.replaceAll("|", "\\|")).join(" | ")} |`,
  );
  return ["# Readiness of the database", "", "| kind | what | what it means | what mends it |", "|---|---|---|---|", ...lines, ""].join(
    "\n",
  );
}

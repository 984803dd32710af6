import { Transient } from "../../../errors.js";
import { GUARD } from "./guard.js";
import { inSession, literal, quoted, type Session, type SqlEndpoint } from "./session.js";
import { NAME } from "./subscription.js";

/** Holds no table: its comment keeps, on each server, which replica identities were changed, so that they are put back. */
const KEPT = "cutover_back_identities";

/** One table, as far as a stream of its changes is concerned. */
export interface StreamTable {
  schema: string;
  name: string;
  /** As SQL writes it. */
  table: string;
  /** `d`, `n`, `f` or `i`, as pg_class has it. */
  identity: string;
  /** Index of the replica identity, where it was chosen. */
  index: string | null;
  /** The index that PostgreSQL itself finds rows by as things are. */
  serves: string | null;
  /** Another index that could serve: unique, immediate, valid, whole, of columns that are never null. */
  candidate: string | null;
  /** Whether cutover's user is, or is a member of, its owner. */
  owned: boolean;
  owner: string;
  /** Columns whose type knows no equality: such rows cannot be found by all their columns. */
  incomparable: string[];
  /** Whether its key has a generated column, which no stream carries. */
  generatedKey: boolean;
  /** Whether row security applies to cutover's user. */
  secured: boolean;
  rows: number;
}

/** Every table with rows of its own, with what a stream of its changes depends on. Indexes as RelationGetIndexList judges them. */
export const streamTables = (session: Session): Promise<StreamTable[]> =>
  session.rows<StreamTable & Record<string, unknown>>(
    `WITH RECURSIVE usable AS (
       SELECT i.indrelid, i.indexrelid, i.indisprimary, i.indisreplident, k.relname, i.indnkeyatts FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid
       WHERE i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
       AND NOT EXISTS (SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(attnum, at) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum
                       WHERE at <= i.indnkeyatts AND (NOT a.attnotnull OR a.attgenerated <> ''))),
     made_of(whole, part) AS (
       SELECT DISTINCT a.atttypid, a.atttypid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_')
       UNION
       SELECT m.whole, x.part FROM made_of m JOIN pg_type t ON t.oid = m.part CROSS JOIN LATERAL (
         SELECT nullif(t.typbasetype, 0) UNION SELECT nullif(t.typelem, 0) WHERE t.typcategory = 'A'
         UNION SELECT atttypid FROM pg_attribute WHERE attrelid = nullif(t.typrelid, 0) AND attnum > 0 AND NOT attisdropped) AS x(part) WHERE x.part IS NOT NULL),
     unlike AS (
       SELECT DISTINCT m.whole FROM made_of m JOIN pg_type t ON t.oid = m.part
       WHERE t.typtype = 'b' AND t.typcategory <> 'A' AND NOT EXISTS (
         SELECT FROM pg_opclass o JOIN pg_am am ON am.oid = o.opcmethod WHERE am.amname IN ('btree', 'hash') AND o.opcdefault
         AND (o.opcintype = t.oid OR EXISTS (SELECT FROM pg_cast k WHERE k.castsource = t.oid AND k.casttarget = o.opcintype AND k.castmethod = 'b' AND k.castcontext = 'i'))))
     SELECT n.nspname AS schema, c.relname AS name, format('%I.%I', n.nspname, c.relname) AS table, c.relreplident::text AS identity,
            (SELECT k.relname FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisreplident) AS index,
            (SELECT relname FROM usable u WHERE u.indrelid = c.oid AND (c.relreplident = 'd' AND indisprimary OR c.relreplident = 'i' AND indisreplident)) AS serves,
            (SELECT relname FROM usable u WHERE u.indrelid = c.oid ORDER BY indisprimary DESC, indnkeyatts, relname LIMIT 1) AS candidate,
            pg_has_role(c.relowner, 'USAGE') AS owned, pg_get_userbyid(c.relowner) AS owner,
            ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                  AND a.atttypid IN (SELECT whole FROM unlike) ORDER BY a.attnum) AS incomparable,
            EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey::int2[]) AND a.attgenerated <> ''
                    WHERE i.indrelid = c.oid AND (i.indisprimary OR i.indisreplident)) AS "generatedKey",
            row_security_active(c.oid) AS secured, greatest(c.reltuples, 0)::float8 AS rows
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', 'information_schema', '${GUARD}')
     AND NOT starts_with(n.nspname, 'pg_') ORDER BY 1, 2`,
  );

/** Tables that stream back; undefined where nothing does. */
export async function publishedTables(session: Session): Promise<Set<string> | undefined> {
  const found = await session.rows<{ table: string | null }>(
    `SELECT quote_ident(t.schemaname) || '.' || quote_ident(t.tablename) AS table
     FROM pg_publication p LEFT JOIN pg_publication_tables t USING (pubname) WHERE pubname = $1`,
    [NAME],
  );
  return found.length === 0 ? undefined : new Set(found.flatMap((f) => f.table ?? []));
}

/** How the subscriber will find a changed row of a table. `keep`: as it is; `full`: by all its columns. */
export type Choice = { kind: "keep" } | { kind: "index"; index: string } | { kind: "full" };

export function choiceFor({ identity, serves, candidate }: StreamTable): Choice {
  if (serves !== null || identity === "f") return { kind: "keep" };
  return candidate === null ? { kind: "full" } : { kind: "index", index: candidate };
}

/** Why a table's changes cannot stream; undefined when they can. Such a table is left out: publishing it would make a write fail. */
export function whyNotStreamed(table: StreamTable): string | undefined {
  if (!table.owned) return `it belongs to ${table.owner}, and cutover's user is no member of that role`;
  if (table.secured) return "its row security applies to cutover's user";
  const choice = choiceFor(table);
  // The old server looks by the key that there is, whatever the identity.
  if (choice.kind !== "index" && table.serves === null && table.generatedKey) return "its key is a generated column, which does not stream";
  const byAll = choice.kind === "full" || (choice.kind === "keep" && table.identity === "f");
  if (byAll && table.incomparable.length > 0)
    return `it has no usable key, and rows cannot be found by ${table.incomparable.join(", ")}, whose type knows no equality`;
  return undefined;
}

type Kept = Record<string, { identity: string; index: string | null }>;

const keptBy = async (session: Session): Promise<Kept> => {
  const text = await session.value<string | null>(
    "SELECT (SELECT obj_description(oid, 'pg_publication') FROM pg_publication WHERE pubname = $1)",
    [KEPT],
  );
  return text === null ? {} : (JSON.parse(text) as Kept);
};

const identityOf = (identity: string, index: string | null): string => {
  if (identity === "i" && index !== null) return `USING INDEX ${quoted(index)}`;
  return identity === "f" ? "FULL" : identity === "n" ? "NOTHING" : "DEFAULT";
};

/**
 * Gives tables the identity that the stream needs, and keeps what they had before it is changed. What serves somebody
 * already stays. The subscriber needs it as well: it looks for the row by its own.
 */
export async function chooseIdentities(session: Session, wanted: ReadonlySet<string>): Promise<void> {
  const changes = (await streamTables(session)).filter((t) => wanted.has(t.table) && t.owned && choiceFor(t).kind !== "keep");
  if (changes.length === 0) return;
  const before = await keptBy(session);
  const kept: Kept = { ...Object.fromEntries(changes.map((t) => [t.table, { identity: t.identity, index: t.index }])), ...before };
  await session.rows("BEGIN");
  if (!(await isKept(session))) await session.rows(`CREATE PUBLICATION ${KEPT}`);
  await session.rows(`COMMENT ON PUBLICATION ${KEPT} IS ${literal(JSON.stringify(kept))}`);
  await session.rows("COMMIT");
  // Each by itself: no table stays locked while another one is waited for.
  for (const t of changes) {
    const choice = choiceFor(t);
    const identity = choice.kind === "index" ? `USING INDEX ${quoted(choice.index)}` : "FULL";
    await session.rows(`ALTER TABLE ${t.table} REPLICA IDENTITY ${identity}`);
  }
}

const isKept = (session: Session): Promise<boolean> =>
  session.value<boolean>("SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1)", [KEPT]);

/** How often a table that somebody is reading for long is asked again, and how long each asks: the application's queries wait behind it. */
const TRIES = 5;
const WAIT_MS = 1_000;

/**
 * Gives an identity to tables that stream and have none any more, since a migration dropped their key: without one every
 * update of the application fails.
 */
export async function mendIdentities(promoted: SqlEndpoint): Promise<void> {
  const [published, tables] = await inSession(
    promoted,
    async (session) => [await publishedTables(session), await streamTables(session)] as const,
  );
  const bare = tables.filter((t) => published?.has(t.table) && t.owned && choiceFor(t).kind !== "keep").map((t) => t.table);
  if (bare.length > 0) await inSession(promoted, (session) => chooseIdentities(session, new Set(bare)), { write: true });
}

/**
 * Puts the identities back as they were. A table or an index that is gone since has none any more.
 * @throws Transient naming tables that were in use all the time; what they had is still remembered
 */
export const restoreIdentities = (endpoint: SqlEndpoint): Promise<void> =>
  inSession(
    endpoint,
    async (session) => {
      if (!(await isKept(session))) return;
      const there = new Set((await streamTables(session)).map((t) => t.table));
      let left = Object.entries(await keptBy(session)).filter(([table]) => there.has(table));
      await session.rows(`SET lock_timeout = ${WAIT_MS}`);
      for (let tries = 1; left.length > 0 && tries <= TRIES; tries += 1) {
        if (tries > 1) await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
        const busy: typeof left = [];
        for (const [table, before] of left) if (!(await putBack(session, table, before))) busy.push([table, before]);
        left = busy;
      }
      if (left.length === 0) return void (await session.rows(`DROP PUBLICATION ${KEPT}`));
      await session.rows(`COMMENT ON PUBLICATION ${KEPT} IS ${literal(JSON.stringify(Object.fromEntries(left)))}`);
      throw new Transient(
        `${left.map(([table]) => table).join(", ")} on ${endpoint.host}:${endpoint.port}/${endpoint.database} was in use all the time: its replica identity is not back yet.`,
        { retryAfterSeconds: 60 },
      );
    },
    { write: true },
  );

/** False where it could not be had in time. */
async function putBack(session: Session, table: string, { identity, index }: Kept[string]): Promise<boolean> {
  try {
    await session.rows(`ALTER TABLE ${table} REPLICA IDENTITY ${identityOf(identity, index)}`);
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "55P03") return false;
    // The server's own answer about this table keeps nobody from the way back; a connection that broke has none.
    if (code === undefined || /^(08|57)/.test(code)) throw error;
    return true;
  }
}

import { Conflict } from "../../../errors.js";
import type { Effect } from "../../../ports/target.js";
import { notApplied } from "./applies.js";
import { columnOf, enumOf, extensionOf, sequenceOf, tableOf } from "./definitions.js";
import { type Drift, driftOf, losing } from "./drift.js";
import { fenced } from "./guard.js";
import { chooseIdentities, publishedTables, streamTables, whyNotStreamed } from "./identity.js";
import { inSession, type Session, type SqlEndpoint } from "./session.js";
import { NAME } from "./subscription.js";

/** What is brought to the old database; what has only another name there is none of it. */
const BROUGHT: ReadonlySet<Drift["what"]> = new Set<Drift["what"]>(["only on the promoted database", "different"]);
/** Of two runners that carry over at once, one waits for the other. */
const LOCK = "SELECT pg_advisory_lock(hashtext('cutover_back carry'))";

/** Where something is brought to, and by whom. */
interface Bringing {
  there: Session;
  old: SqlEndpoint;
  effect: Effect | undefined;
}

/** Definitions with each name in its schema. */
const read = <T>(endpoint: SqlEndpoint, use: (session: Session) => Promise<T>): Promise<T> =>
  inSession(endpoint, async (session) => {
    await session.rows("SET search_path = ''");
    return use(session);
  });

/**
 * Brings what a migration of the application added on the promoted database to the old one, and lets it stream: new
 * tables with the rows that they have by now, partitions, and columns. What it cannot make stays a difference, for
 * whoever looks next. Asked again it does what is left.
 * @returns what was made
 */
export async function carrySchema(promoted: SqlEndpoint, old: SqlEndpoint, effect?: Effect): Promise<string[]> {
  const every = await driftOf(promoted, old);
  const all = losing(every);
  const drift = all.filter((d) => d.what === "only on the promoted database");
  const made = await inSession(
    old,
    async (there) => {
      const bringing: Bringing = { there, old, effect };
      await there.rows(LOCK);
      // The lock may have been waited for; a parent comes before its partitions, a table before its columns.
      const tables = drift.filter((d) => d.kind === "table" || d.kind === "partition").map((d) => d.name);
      const parents = await inSession(promoted, (session) => byDepth(session, tables));
      const done: string[] = [];
      // Where the server has it; types and indexes stand on it.
      for (const { name: extension } of every.filter((d) => d.kind === "extension" && d.what === "only on the promoted database"))
        if (await attempted(bringing, await read(promoted, (session) => extensionOf(session, extension)))) done.push(extension);
      for (const { name: type } of all.filter((d) => d.kind === "type" && BROUGHT.has(d.what))) {
        const statements = await enumOf(promoted, there, type);
        if (statements.length > 0 && (await attempted(bringing, statements))) done.push(type);
      }
      for (const table of parents) {
        const { sql, schema, owner, grants } = await read(promoted, (session) => tableOf(session, table));
        const statements = [`CREATE SCHEMA IF NOT EXISTS ${schema}`, ...sql, `ALTER TABLE ${table} OWNER TO ${owner}`, ...grants];
        if (await attempted(bringing, statements)) done.push(table);
      }
      for (const { name: column } of drift.filter((d) => d.kind === "column")) {
        const statements = await read(promoted, (session) => columnOf(session, there, column));
        if (statements.length > 0 && (await attempted(bringing, statements))) done.push(column);
      }
      // A table's own are there by now, and count otherwise perhaps.
      for (const { name: sequence } of all.filter((d) => d.kind === "sequence" && BROUGHT.has(d.what))) {
        const statements = await read(promoted, (session) => sequenceOf(session, sequence));
        if (statements.length > 0 && (await attempted(bringing, statements))) done.push(sequence);
      }
      return done;
    },
    { write: true },
  );
  await publishNew(promoted, old, effect);
  return made;
}

const byDepth = async (session: Session, tables: string[]): Promise<string[]> => {
  const found = await session.rows<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL
     ORDER BY (WITH RECURSIVE above AS (SELECT to_regclass(name)::oid AS oid UNION SELECT inhparent FROM pg_inherits JOIN above ON inhrelid = oid) SELECT count(*) FROM above), name`,
    [tables],
  );
  return found.map((f) => f.name);
};

/** All of them or none, and only while this still is our stream. What the server refuses stays a difference that is named. */
async function attempted({ there, old, effect }: Bringing, statements: string[]): Promise<boolean> {
  try {
    await fenced(there, old, effect, async () => {
      const streams = await there.value<boolean>(
        "SELECT EXISTS (SELECT FROM pg_subscription WHERE subname = $1 AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()))",
        [NAME],
      );
      if (!streams)
        throw new Conflict(`Nothing streams back to ${old.host}:${old.port}/${old.database} any more: nothing was brought there.`);
      // As the definitions were read: each name with its schema.
      await there.rows("SET LOCAL search_path = ''");
      for (const sql of statements) await there.rows(sql);
    });
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === undefined || error instanceof Conflict) throw error;
    return false;
  }
}

/** Tables that both sides have, that can stream, and do not yet: with the rows that they have by now. */
async function publishNew(promoted: SqlEndpoint, old: SqlEndpoint, effect: Effect | undefined): Promise<void> {
  const theirs = new Set((await inSession(old, streamTables)).map((t) => t.table));
  const refused = await notApplied(old);
  const added = await inSession(
    promoted,
    async (session) => {
      const there = (await publishedTables(session)) ?? new Set();
      const fresh = (await streamTables(session)).filter(
        (t) => !there.has(t.table) && whyNotStreamed(t) === undefined && theirs.has(t.table) && !refused.has(t.table),
      );
      const tables = fresh.map((t) => t.table);
      // What was there at the promotion and was left out has rows on the old side already.
      const empty = await inSession(old, (o) => emptyOnes(o, tables));
      await chooseIdentities(session, new Set(empty));
      await inSession(old, (o) => chooseIdentities(o, new Set(empty)), { write: true });
      if (empty.length > 0)
        await fenced(session, promoted, effect, async () => {
          await session.rows(`ALTER PUBLICATION ${NAME} ADD TABLE ${empty.map((t) => `ONLY ${t}`).join(", ")}`);
        });
      return [...there, ...empty];
    },
    { write: true },
  );
  await inSession(
    old,
    async (session) => {
      const [known] = await session.rows<{ count: number }>(
        `SELECT count(*)::int AS count FROM pg_subscription_rel WHERE srsubid IN (SELECT subid FROM pg_stat_subscription WHERE subname = $1)`,
        [NAME],
      );
      // Also where an earlier attempt died between the two servers.
      if (known?.count !== added.length) await session.rows(`ALTER SUBSCRIPTION ${NAME} REFRESH PUBLICATION WITH (copy_data = true)`);
    },
    { write: true },
  );
}

async function emptyOnes(session: Session, tables: string[]): Promise<string[]> {
  const empty: string[] = [];
  for (const table of tables) if (await session.value<boolean>(`SELECT NOT EXISTS (SELECT FROM ${table})`)) empty.push(table);
  return empty;
}

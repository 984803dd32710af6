import type { StoredTable } from "./blockCompare.js";
import { type Table, tableName, tablesOf } from "./catalog.js";
import type { Session } from "./session.js";

/** All tables with the files that hold their rows, and the large objects where they may be read: they are rows of a table too. */
export async function storedTables(session: Session): Promise<StoredTable[]> {
  const tables = await tablesOf(session);
  if (await session.value<boolean>("SELECT has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')")) tables.push(LARGE_OBJECTS);
  const found = await session.rows<{ schema: string; name: string; file: string; blocks: string }>(
    `SELECT n.nspname AS schema, c.relname AS name, pg_relation_filenode(c.oid)::text AS file,
            (coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::bigint)::text AS blocks
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND pg_relation_filenode(c.oid) IS NOT NULL`,
  );
  const stored = new Map(found.map((f) => [tableName(f), f]));
  return tables.flatMap((table) => {
    const at = stored.get(tableName(table));
    const columnsOf = table.columns.map((c) => `${c.name} ${c.type}`).join(", ");
    return at === undefined ? [] : [{ ...table, file: Number(at.file), columnsOf, blocks: Number(at.blocks) }];
  });
}

const LARGE_OBJECTS: Table = {
  schema: "pg_catalog",
  name: "pg_largeobject",
  columns: [
    { name: "loid", type: "oid" },
    { name: "pageno", type: "integer" },
    { name: "data", type: "bytea" },
  ],
  key: [
    { name: "loid", type: "oid" },
    { name: "pageno", type: "integer" },
  ],
};

/** Tables that keep their rows otherwise than in blocks as PostgreSQL's own do. */
export const otherwiseStored = async (session: Session): Promise<string[]> =>
  (
    await session.rows<{ schema: string; name: string }>(
      `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am a ON a.oid = c.relam
       WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND a.amname <> 'heap' ORDER BY 1, 2`,
    )
  ).map(tableName);

/**
 * Sequences whose replica would give a number a second time. The log runs ahead of a sequence by some numbers, so the
 * replica is ahead too: behind it may not be.
 */
export async function sequencesBehind(source: Session, replica: Session): Promise<string[]> {
  const values = async (session: Session) => {
    const found = await session.rows<{ name: string; at: string | null; rises: boolean; cycles: boolean }>(
      `SELECT format('%I.%I', schemaname, sequencename) AS name, last_value::text AS at, increment_by > 0 AS rises, cycle AS cycles FROM pg_sequences`,
    );
    return new Map(found.map((f) => [f.name, f]));
  };
  const [ours, theirs] = [await values(source), await values(replica)];
  return [...ours.values()].flatMap(({ name, at, rises, cycles }) => {
    const there = theirs.get(name)?.at;
    if (at === null || cycles) return [];
    if (there === undefined || there === null) return [name];
    return (rises ? BigInt(there) < BigInt(at) : BigInt(there) > BigInt(at)) ? [name] : [];
  });
}

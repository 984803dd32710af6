import { type Table, tableName, tablesOf } from "./catalog.js";
import { SAME_TEXT } from "./compare.js";
import { hashOf } from "./differences.js";
import { inSession, type Session, type SqlEndpoint } from "./session.js";

/** Tables that are tried, the largest ones; the others are taken for as fast as these. */
const TRIED = 5;
const ROWS = 20_000;
const STATEMENT_MS = 20_000;

interface Sized {
  name: string;
  blocks: number;
}

/**
 * Seconds that reading all of a database takes, from parts of its largest tables read on the replica, and from what the
 * catalogue takes: for a comparison that can only read everything.
 */
export async function secondsToReadAll(replica: SqlEndpoint, signal?: AbortSignal): Promise<{ seconds: number; gigabytes: number }> {
  return inSession(replica, (session) => measured(session), { statementMs: STATEMENT_MS, signal });
}

async function measured(session: Session): Promise<{ seconds: number; gigabytes: number }> {
  for (const setting of [...SAME_TEXT, "SET synchronize_seqscans = off"]) await session.rows(setting);
  const began = performance.now();
  const tables = new Map((await tablesOf(session)).map((t) => [tableName(t), t]));
  const sizes = await session.rows<{ schema: string; name: string; blocks: string; bytes: string }>(
    `SELECT n.nspname AS schema, c.relname AS name, (pg_relation_size(c.oid) / current_setting('block_size')::int)::text AS blocks,
            pg_table_size(c.oid)::text AS bytes
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relpersistence = 'p' ORDER BY pg_table_size(c.oid) DESC NULLS LAST`,
  );
  const ours = sizes.filter((s) => tables.has(tableName(s))).map((s): Sized => ({ name: tableName(s), blocks: Number(s.blocks) }));
  const bytes = sizes.filter((s) => tables.has(tableName(s))).reduce((sum, s) => sum + Number(s.bytes), 0);
  const catalogue = (performance.now() - began) / 1_000;
  const rates = new Map<string, number>();
  for (const { name, blocks } of ours.slice(0, TRIED)) {
    const table = tables.get(name);
    if (blocks > 0 && table !== undefined) rates.set(name, await secondsABlock(session, table));
  }
  const usual = rates.size === 0 ? 0 : [...rates.values()].reduce((sum, r) => sum + r, 0) / rates.size;
  const reading = ours.reduce((sum, { name, blocks }) => sum + blocks * (rates.get(name) ?? usual), 0);
  // A statement for a hundred small tables, each of which is planned and opened.
  const opening = (catalogue / Math.max(ours.length, 1)) * ours.length;
  return { seconds: reading + catalogue + opening, gigabytes: bytes / 1e9 };
}

async function secondsABlock(session: Session, table: Table): Promise<number> {
  const began = performance.now();
  const [read] = await session
    .rows<{ blocks: string | null }>(
      `SELECT (max(block) + 1)::text AS blocks FROM (
         SELECT split_part(trim(leading '(' FROM t.ctid::text), ',', 1)::bigint AS block, ${hashOf(table)} AS hash FROM ONLY ${tableName(table)} t LIMIT ${ROWS}
       ) r WHERE hash IS NOT NULL`,
    )
    .catch((error: Error & { code?: string }) => {
      // It did not get through these in time: at least so slow.
      if (error.code === "57014" || error.code === "40001") return [{ blocks: "1" }];
      throw error;
    });
  return (performance.now() - began) / 1_000 / Math.max(Number(read?.blocks ?? 1), 1);
}

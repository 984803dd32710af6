import { Terminal } from "../../../errors.js";
import { counted } from "../../../lib/plural.js";
import { type Column, hiddenRows, hiddenTables, schemaLines, smallTables, type Table, tableName, tablesOf } from "./catalog.js";
import { type Difference, differingIn, hashOf, rowOf } from "./differences.js";
import { inSession, literal, quoted, type Session, type SqlEndpoint } from "./session.js";

export interface CompareOptions {
  /** Rows that one query reads at most. @default 10 000 */
  chunkRows?: number;
  /** Pause after each chunk, as a share of the time it took: 1 halves the load on both databases. @default 0.25 */
  rest?: number;
  /** How it pauses. @default a timer */
  pause?: (ms: number) => Promise<void>;
  /** Differing rows that are named by key, per table. @default 20 */
  examples?: number;
  /** Where the comparison was when it was interrupted. */
  resume?: CompareProgress;
  /** Ends it within a second, wherever it is. */
  signal?: AbortSignal;
  /** Told after each chunk; what it gets can be resumed from. */
  onProgress?: (progress: CompareProgress) => Promise<void>;
}

/** Tables that are compared, and how far the one under way is. Plain JSON. */
export interface CompareProgress {
  done: TableResult[];
  current?: { result: TableResult; after: string[] };
}

export interface TableResult {
  table: string;
  sourceRows: number;
  targetRows: number;
  /** Rows that are in one database only, or differ; at least so many where there are very many. */
  differences: number;
  /** Keys of differing rows; values are never shown. */
  examples: Difference[];
  chunks: number;
}

export interface Comparison {
  tables: TableResult[];
  /** Parts of the schema that one side lacks. */
  schema: { line: string; what: "missing in the target" | "only in the target" }[];
  rows: number;
  differences: number;
}

/** What makes the same value the same text on both servers. */
export const SAME_TEXT = [
  "SET datestyle = 'ISO, YMD'",
  "SET intervalstyle = 'postgres'",
  "SET timezone = 'UTC'",
  "SET extra_float_digits = 3",
  "SET bytea_output = 'hex'",
  "SET lc_monetary = 'C'",
  "SET default_transaction_read_only = on",
  // Rows that a policy hides are an error, and no rows that are not there.
  "SET row_security = off",
];
const STATEMENT_MS = 600_000;
/** Small tables that one statement reads. */
const TOGETHER = 100;

/**
 * Compares schema, row counts and the content of every table of two databases, in chunks of bounded size along the
 * primary key. Writes must be stopped and the replica caught up, so that both hold one state; a chunk that differs is
 * read again before it counts.
 * @throws Transient when a database cannot be reached; resume from the last progress then
 */
export function compareDatabases(source: SqlEndpoint, target: SqlEndpoint, options: CompareOptions = {}): Promise<Comparison> {
  const open = { statementMs: STATEMENT_MS, signal: options.signal };
  return inSession(source, (a) => inSession(target, (b) => compareSessions(a, b, options), open), open);
}

async function compareSessions(source: Session, target: Session, options: CompareOptions): Promise<Comparison> {
  for (const session of [source, target]) for (const setting of SAME_TEXT) await session.rows(setting);
  for (const session of [source, target]) refuseHidden(await hiddenTables(session));
  const schema = compareLines(await schemaLines(source), await schemaLines(target));
  const theirs = new Set((await tablesOf(target)).map(tableName));
  // Bytes that are no text cannot be told apart here, and so lead from no chunk to the next.
  const hasText = (await source.value<string>("SHOW server_encoding")) !== "SQL_ASCII";
  const done = [...(options.resume?.done ?? [])];
  const finished = new Set(done.map((r) => r.table));
  // A table that the target lacks is a difference of the schema; there is nothing to read.
  const tables = (await tablesOf(source))
    .filter((t) => theirs.has(tableName(t)) && !finished.has(tableName(t)))
    .map((t) => (hasText ? t : { ...t, key: [] }));
  const small = await smallTables(source);
  const compareWhole = async (table: Table) => done.push(await compareTable(source, target, table, done, options));
  for (const table of tables.filter((t) => !small.has(tableName(t)))) {
    await compareWhole(table);
    await options.onProgress?.({ done: [...done] });
  }
  const rest = tables.filter((t) => small.has(tableName(t)));
  for (let at = 0; at < rest.length; at += TOGETHER) {
    const together = rest.slice(at, at + TOGETHER);
    const equal = await equalOnes(source, target, together);
    for (const table of together) {
      const rows = equal.get(tableName(table));
      if (rows === undefined) await compareWhole(table);
      else done.push({ table: tableName(table), sourceRows: rows, targetRows: rows, differences: 0, examples: [], chunks: 1 });
    }
    await options.onProgress?.({ done: [...done] });
  }
  return {
    tables: done,
    schema,
    rows: done.reduce((sum, t) => sum + t.sourceRows, 0),
    differences: schema.length + done.reduce((sum, t) => sum + t.differences, 0),
  };
}

/** Small tables that are alike, with their rows: one statement for many of them, since a schema of thousands has little in each. */
async function equalOnes(source: Session, target: Session, tables: Table[]): Promise<Map<string, number>> {
  const digests = async (session: Session) => {
    const parts = tables.map(
      (t, i) => `SELECT ${i} AS at, count(*) AS rows, coalesce(sum(${hashOf(t)}::numeric), 0)::text AS hash FROM ONLY ${tableName(t)} t`,
    );
    const found = await session.rows<{ at: number; rows: string; hash: string }>(parts.join(" UNION ALL "));
    return new Map(found.map((f) => [f.at, f]));
  };
  const [ours, theirs] = await Promise.all([digests(source), digests(target)]);
  const equal = new Map<string, number>();
  for (const [at, table] of tables.entries()) {
    const [a, b] = [ours.get(at), theirs.get(at)];
    if (a !== undefined && a.rows === b?.rows && a.hash === b.hash) equal.set(tableName(table), Number(a.rows));
  }
  return equal;
}

export function compareLines(source: string[], target: string[]): Comparison["schema"] {
  const there = new Set(target);
  const here = new Set(source);
  return [
    ...source.filter((line) => !there.has(line)).map((line) => ({ line, what: "missing in the target" as const })),
    ...target.filter((line) => !here.has(line)).map((line) => ({ line, what: "only in the target" as const })),
  ];
}

/** @throws Terminal naming tables whose rows we could not see */
export function refuseHidden(tables: string[]): void {
  if (tables.length > 0) throw new Terminal(`${hiddenRows(tables)}.`, { next: "Then try again: no row was compared that cannot be seen." });
}

const timer = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function compareTable(
  source: Session,
  target: Session,
  table: Table,
  done: TableResult[],
  { chunkRows = 10_000, rest = 0.25, pause = timer, examples = 20, resume, onProgress }: CompareOptions,
): Promise<TableResult> {
  const name = tableName(table);
  const resumed = resume?.current?.result.table === name ? resume.current : undefined;
  const result: TableResult = resumed?.result ?? { table: name, sourceRows: 0, targetRows: 0, differences: 0, examples: [], chunks: 0 };
  for (let after = resumed?.after; ; ) {
    const began = performance.now();
    const upTo = await chunkEnd(source, table, after, chunkRows);
    const range = { table, after, upTo };
    await addChunk(source, target, range, result, examples);
    if (upTo === undefined) return result;
    after = upTo;
    await onProgress?.({ done: [...done], current: { result: structuredClone(result), after } });
    if (rest > 0) await pause((performance.now() - began) * rest);
  }
}

interface Range {
  table: Table;
  /** Keys of the last row before it; undefined from the first row on. */
  after: string[] | undefined;
  /** Keys of its last row; undefined up to the last row, whatever either side has there. */
  upTo: string[] | undefined;
}

async function addChunk(source: Session, target: Session, range: Range, result: TableResult, examples: number): Promise<void> {
  let [ours, theirs] = await Promise.all([digest(source, range), digest(target, range)]);
  // Once more: a row that was still on its way is there now.
  if (ours.hash !== theirs.hash) [ours, theirs] = await Promise.all([digest(source, range), digest(target, range)]);
  result.chunks += 1;
  result.sourceRows += ours.rows;
  result.targetRows += theirs.rows;
  if (ours.hash === theirs.hash && ours.rows === theirs.rows) return;
  const rows = Math.max(ours.rows, theirs.rows);
  const { count, found } = await differingIn(
    { source, target },
    { table: range.table, where: condition(range) },
    { rows, examples: examples - result.examples.length },
  );
  result.differences += count;
  result.examples.push(...found);
}

const keyOf = (columns: Column[], values: string[]) => `(${columns.map((c, i) => `${literal(values[i] ?? "")}::${c.type}`).join(", ")})`;

function condition({ table: { key }, after, upTo }: Range): string {
  const parts = [
    ...(after === undefined ? [] : [`${rowOf(key)} > ${keyOf(key, after)}`]),
    ...(upTo === undefined ? [] : [`${rowOf(key)} <= ${keyOf(key, upTo)}`]),
  ];
  return parts.length === 0 ? "true" : parts.join(" AND ");
}

/** Keys of the last row of the next chunk, or undefined when fewer rows are left (or the table has no key to go along). */
async function chunkEnd(source: Session, table: Table, after: string[] | undefined, rows: number): Promise<string[] | undefined> {
  if (table.key.length === 0) return undefined;
  const keys = table.key.map((c) => `t.${quoted(c.name)}::text`).join(", ");
  const order = table.key.map((c) => `t.${quoted(c.name)}`).join(", ");
  const found = await source.rows<{ keys: string[] }>(
    `SELECT ARRAY[${keys}] AS keys FROM ONLY ${tableName(table)} t WHERE ${condition({ table, after, upTo: undefined })} ORDER BY ${order} OFFSET ${rows - 1} LIMIT 1`,
  );
  return found[0]?.keys;
}

/** Count and content of a chunk. A sum of hashes needs no order; columns by name, for their order may differ. */
async function digest(session: Session, range: Range): Promise<{ rows: number; hash: string }> {
  const [row] = await session.rows<{ rows: string; hash: string }>(
    `SELECT count(*) AS rows, coalesce(sum(${hashOf(range.table)}::numeric), 0)::text AS hash
     FROM ONLY ${tableName(range.table)} t WHERE ${condition(range)}`,
  );
  return { rows: Number(row?.rows ?? 0), hash: row?.hash ?? "" };
}

/** A comparison as Markdown, for the journal's files. Keys are named, values are not. */
export function comparisonReport({ tables, schema, rows, differences }: Comparison): string {
  const table = tables.map((t) => `| ${t.table} | ${t.sourceRows} | ${t.targetRows} | ${t.differences} | ${t.chunks} |`);
  const examples = tables.flatMap((t) => t.examples.map((e) => `- ${t.table} ${e.key}: ${e.what}`));
  return [
    "# Comparison of both databases",
    `${counted(tables.length, "table")} with ${counted(rows, "row")}; ${differences === 0 ? "no difference" : counted(differences, "difference")}.`,
    ...(schema.length === 0 ? [] : ["## Schema", schema.map((s) => `- ${s.what}: \`${s.line}\``).join("\n")]),
    "## Tables",
    ["| table | rows in the source | rows in the target | differences | chunks |", "|---|---|---|---|---|", ...table].join("\n"),
    ...(examples.length === 0 ? [] : ["## Rows that differ", examples.join("\n")]),
    "",
  ].join("\n\n");
}

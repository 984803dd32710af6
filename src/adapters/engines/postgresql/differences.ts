import type { Column, Table } from "./catalog.js";
import { quoted, type Session } from "./session.js";

/** One row that differs, by key; without a key by the content's hash. */
export interface Difference {
  key: string;
  what: "missing in the target" | "only in the target" | "different";
}

/** Rows of one side that are held in memory at once, about. */
const AT_ONCE = 20_000;
/** Parts that a larger range is split into, by hash: those that are alike are not read. A power of two. */
const BUCKETS = 4_096;
/** Differences that are counted; so many are a reason to stop, however many more there are. */
const COUNTED = 100_000;

export const rowOf = (columns: Column[], alias = "t") => `(${columns.map((c) => `${alias}.${quoted(c.name)}`).join(", ")})`;

/** Of a row's content. Columns by name, for their order may differ; bytes by their digest, which is no longer than any other's. */
export function hashOf({ columns }: Table): string {
  const sorted = [...columns].sort((a, b) => (a.name < b.name ? -1 : 1));
  const parts = sorted.map((c) => (c.type === "bytea" ? `sha256(t.${quoted(c.name)})` : `t.${quoted(c.name)}`));
  return `hashtextextended(ROW(${parts.join(", ")})::text, 0)`;
}

interface Sides {
  source: Session;
  target: Session;
}
interface Of {
  table: Table;
  /** Which rows, as SQL. */
  where: string;
}

/**
 * The rows of a range that differ, counted and some of them named. Memory does not grow with the range: a large one is
 * split by hash on both servers, and only the parts that differ are read, a few thousand rows at a time.
 */
export async function differingIn(
  sides: Sides,
  of: Of,
  { rows, examples }: { rows: number; examples: number },
): Promise<{ count: number; found: Difference[] }> {
  let count = 0;
  const found: Difference[] = [];
  for (const where of rows <= AT_ONCE ? [of.where] : await unlikeParts(sides, of, rows)) {
    const [ours, theirs] = await Promise.all([read(sides.source, { ...of, where }), read(sides.target, { ...of, where })]);
    for (const difference of between(ours, theirs)) {
      count += 1;
      if (found.length < examples) found.push(difference);
    }
    if (count >= COUNTED) break;
  }
  return { count, found };
}

const identityOf = (table: Table): string => (table.key.length === 0 ? hashOf(table) : `hashtextextended(ROW${rowOf(table.key)}::text, 0)`);

/** Conditions of parts that differ, each of about as many rows as fit. */
async function unlikeParts({ source, target }: Sides, { table, where }: Of, rows: number): Promise<string[]> {
  const bucket = `(${identityOf(table)} & ${BUCKETS - 1})`;
  const parts = async (session: Session) => {
    const found = await session.rows<{ bucket: string; digest: string }>(
      `SELECT ${bucket}::text AS bucket, count(*) || ' ' || sum(${hashOf(table)}::numeric) AS digest FROM ONLY ${nameOf(table)} t WHERE ${where} GROUP BY 1`,
    );
    return new Map(found.map((f) => [f.bucket, f.digest]));
  };
  const [ours, theirs] = await Promise.all([parts(source), parts(target)]);
  const unlike = [...new Set([...ours.keys(), ...theirs.keys()])].filter((b) => ours.get(b) !== theirs.get(b));
  const together = Math.max(1, Math.floor((AT_ONCE * BUCKETS) / rows));
  const groups: string[] = [];
  for (let at = 0; at < unlike.length; at += together)
    groups.push(`(${where}) AND ${bucket} IN (${unlike.slice(at, at + together).join(", ")})`);
  return groups;
}

const nameOf = ({ schema, name }: Table): string => `${quoted(schema)}.${quoted(name)}`;

/** What each row is known by, with its content. Without a key: each content, with how often it is there. */
async function read(session: Session, { table, where }: Of): Promise<Map<string, string>> {
  const keyless = table.key.length === 0;
  const rows = await session.rows<{ key: string; content: string }>(
    `SELECT ${keyless ? hashOf(table) : `ROW${rowOf(table.key)}`}::text AS key, ${keyless ? "count(*)" : hashOf(table)}::text AS content
     FROM ONLY ${nameOf(table)} t WHERE ${where} ${keyless ? "GROUP BY 1" : ""}`,
  );
  return new Map(rows.map((r) => [r.key, r.content]));
}

function* between(ours: Map<string, string>, theirs: Map<string, string>): Generator<Difference> {
  for (const [key, content] of ours) {
    const other = theirs.get(key);
    if (other === undefined) yield { key, what: "missing in the target" };
    else if (other !== content) yield { key, what: "different" };
  }
  for (const key of theirs.keys()) if (!ours.has(key)) yield { key, what: "only in the target" };
}

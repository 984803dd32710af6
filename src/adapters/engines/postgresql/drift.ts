import { GUARD } from "./guard.js";
import { inSession, type Session, type SqlEndpoint } from "./session.js";

/** Something that one side's schema has and the other's has not, or has otherwise. */
export interface Drift {
  /** `table`, `partition`, `column`, `sequence`, `type`, `materialized view`, `unlogged table` or `large objects`. */
  kind: string;
  /** As SQL writes it; a column as `table.column`. */
  name: string;
  what: "only on the promoted database" | "only on the old database" | "different";
}

const OURS = `n.nspname NOT IN ('pg_catalog', 'information_schema', '${GUARD}') AND NOT starts_with(n.nspname, 'pg_')`;

/** Everything that holds rows or values, and what they are made of: what a stream of rows does not bring by itself. */
const parts = (session: Session): Promise<{ kind: string; name: string; made: string }[]> =>
  session.rows(
    `SELECT CASE WHEN c.relkind = 'm' THEN 'materialized view' WHEN c.relkind = 'S' THEN 'sequence' WHEN c.relpersistence = 'u' THEN 'unlogged table'
                 WHEN c.relispartition THEN 'partition' ELSE 'table' END AS kind,
            format('%I.%I', n.nspname, c.relname) AS name, coalesce(pg_get_expr(c.relpartbound, c.oid), '') AS made
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'm', 'S') AND c.relpersistence <> 't' AND ${OURS}
     UNION ALL
     SELECT 'column', format('%I.%I.%I', n.nspname, c.relname, a.attname), format_type(a.atttypid, a.atttypmod)
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND ${OURS}
     UNION ALL
     SELECT 'type', format('%I.%I', n.nspname, t.typname), coalesce((SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), '')
     FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype IN ('e', 'd', 'r') AND ${OURS}
     ORDER BY 1, 2`,
  );

/** How both schemas differ now. Columns of a table that the other side lacks as a whole are not named one by one. */
export async function driftOf(promoted: SqlEndpoint, old: SqlEndpoint): Promise<Drift[]> {
  const [ours, theirs] = await Promise.all([inSession(promoted, parts), inSession(old, parts)]);
  const key = (p: { kind: string; name: string }) => `${p.kind} ${p.name}`;
  const [here, there] = [new Map(ours.map((p) => [key(p), p])), new Map(theirs.map((p) => [key(p), p]))];
  const found = [
    ...ours.flatMap(({ kind, name, made }): Drift[] => {
      const other = there.get(key({ kind, name }));
      if (other === undefined) return [{ kind, name, what: "only on the promoted database" }];
      return other.made === made ? [] : [{ kind, name, what: "different" }];
    }),
    ...theirs.filter((p) => !here.has(key(p))).map(({ kind, name }): Drift => ({ kind, name, what: "only on the old database" })),
  ];
  const tables = found.filter((d) => d.kind.endsWith("table") || d.kind === "partition").map((d) => `${d.name}.`);
  return found.filter((d) => d.kind !== "column" || !tables.some((table) => d.name.startsWith(table)));
}

/** What going back loses by it: what the old side alone has costs nobody a row. */
export const losing = (drift: Drift[]): Drift[] => drift.filter((d) => d.what !== "only on the old database");

const MOST_NAMED = 10;
export function namedDrift(drift: Drift[]): string {
  const named = drift.slice(0, MOST_NAMED).map((d) => `${d.kind} ${d.name} is ${d.what}`);
  return [...named, ...(drift.length > MOST_NAMED ? [`${drift.length - MOST_NAMED} more`] : [])].join("; ");
}

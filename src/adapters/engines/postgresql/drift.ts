import { GUARD } from "./guard.js";
import { inSession, type Session, type SqlEndpoint } from "./session.js";

/** Something that one side's schema has and the other's has not, or has otherwise. */
export interface Drift {
  /** `table`, `partition`, `column`, `constraint`, `trigger`, … as `PARTS` names it. */
  kind: string;
  /** As SQL writes it; what belongs to a table as `table.name`. */
  name: string;
  what: "only on the promoted database" | "only on the old database" | "different";
  /**
   * `rows`: going back loses rows or values by it. `stream`: the old database may refuse a row because of it, and then
   * nothing streams any more. `beside`: rows are all there, and the database works otherwise.
   */
  matters: "rows" | "stream" | "beside";
}

const OURS = `n.nspname NOT IN ('pg_catalog', 'information_schema', '${GUARD}') AND NOT starts_with(n.nspname, 'pg_')`;
const TABLES = `pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND ${OURS}`;
const OF_EXTENSION = (catalog: string, oid: string): string =>
  `EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`;

interface Part {
  kind: string;
  name: string;
  made: string;
}

/** What holds rows or values, what they are made of, what refuses a row, and what works on them. Names without a search path. */
const PARTS = `
  SELECT CASE WHEN c.relkind = 'm' THEN 'materialized view' WHEN c.relkind = 'S' THEN 'sequence' WHEN c.relpersistence = 'u' THEN 'unlogged table'
              WHEN c.relispartition THEN 'partition' ELSE 'table' END AS kind,
         format('%I.%I', n.nspname, c.relname) AS name, coalesce(pg_get_expr(c.relpartbound, c.oid), '') AS made
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm', 'S') AND c.relpersistence <> 't' AND ${OURS}
  UNION ALL
  SELECT 'column', format('%I.%I.%I', n.nspname, c.relname, a.attname), format_type(a.atttypid, a.atttypmod)
  FROM ${TABLES} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT 'NOT NULL of', format('%I.%I.%I', n.nspname, c.relname, a.attname), ''
  FROM ${TABLES} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
  UNION ALL
  SELECT CASE a.attgenerated WHEN '' THEN 'default of' ELSE 'expression of' END, format('%I.%I.%I', n.nspname, c.relname, a.attname), pg_get_expr(d.adbin, d.adrelid)
  FROM ${TABLES} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  UNION ALL
  SELECT CASE k.contype WHEN 'f' THEN 'foreign key' ELSE 'constraint' END, format('%I.%I.%I', n.nspname, c.relname, k.conname), pg_get_constraintdef(k.oid)
  FROM ${TABLES} JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('c', 'f', 'p', 'u', 'x')
  UNION ALL
  SELECT CASE WHEN i.indisunique THEN 'unique index' ELSE 'index' END, format('%I.%I.%I', n.nspname, c.relname, x.relname), pg_get_indexdef(i.indexrelid)
  FROM ${TABLES} JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid
  WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid)
  UNION ALL
  SELECT 'trigger', format('%I.%I.%I', n.nspname, c.relname, g.tgname), g.tgenabled::text || pg_get_triggerdef(g.oid)
  FROM ${TABLES} JOIN pg_trigger g ON g.tgrelid = c.oid AND NOT g.tgisinternal
  UNION ALL
  SELECT 'policy', format('%I.%I.%I', n.nspname, c.relname, p.polname),
         concat_ws(' ', p.polcmd, p.polpermissive, ARRAY(SELECT pg_get_userbyid(r) FROM unnest(p.polroles) r ORDER BY 1), pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid))
  FROM ${TABLES} JOIN pg_policy p ON p.polrelid = c.oid
  UNION ALL
  SELECT 'row security of', format('%I.%I', n.nspname, c.relname), concat(c.relrowsecurity, c.relforcerowsecurity) FROM ${TABLES} WHERE c.relrowsecurity
  UNION ALL
  SELECT 'grants of', format('%I.%I', n.nspname, c.relname),
         pg_get_userbyid(c.relowner) || (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, c.relowner))) a)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND c.relpersistence <> 't' AND ${OURS}
  UNION ALL
  SELECT 'view', format('%I.%I', n.nspname, c.relname), md5(pg_get_viewdef(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'v' AND c.relpersistence <> 't' AND ${OURS} AND NOT ${OF_EXTENSION("pg_class", "c.oid")}
  UNION ALL
  SELECT 'function', p.oid::regprocedure::text, md5(pg_get_functiondef(p.oid)) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE p.prokind IN ('f', 'p') AND ${OURS} AND NOT ${OF_EXTENSION("pg_proc", "p.oid")}
  UNION ALL
  SELECT 'extension', extname::text, extversion FROM pg_extension
  UNION ALL
  SELECT 'type', format('%I.%I', n.nspname, t.typname),
         coalesce((SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), '')
         || coalesce((SELECT string_agg(pg_get_constraintdef(k.oid), ' ' ORDER BY conname) FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'), '')
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype IN ('e', 'd', 'r') AND ${OURS}
  ORDER BY 1, 2`;

async function parts(session: Session): Promise<Part[]> {
  await session.rows("SET search_path = ''");
  return session.rows<Part & Record<string, unknown>>(PARTS);
}

/** What refuses a row that the promoted database took, where the old one has it alone or otherwise. */
const REFUSING = new Set(["constraint", "unique index", "NOT NULL of", "expression of"]);
const BESIDE = new Set([
  "default of",
  "foreign key",
  "index",
  "trigger",
  "policy",
  "row security of",
  "grants of",
  "view",
  "function",
  "extension",
]);

function matters(kind: string, what: Drift["what"]): Drift["matters"] {
  if (BESIDE.has(kind)) return "beside";
  if (REFUSING.has(kind)) return what === "only on the promoted database" ? "beside" : "stream";
  return what === "only on the old database" ? "beside" : "rows";
}

/** How both schemas differ now. What belongs to a table that the other side lacks as a whole is not named by itself. */
export async function driftOf(promoted: SqlEndpoint, old: SqlEndpoint): Promise<Drift[]> {
  const [ours, theirs] = await Promise.all([inSession(promoted, parts), inSession(old, parts)]);
  const key = (p: { kind: string; name: string }) => `${p.kind} ${p.name}`;
  const [here, there] = [new Map(ours.map((p) => [key(p), p])), new Map(theirs.map((p) => [key(p), p]))];
  const drift = (part: Part, what: Drift["what"]): Drift => ({ kind: part.kind, name: part.name, what, matters: matters(part.kind, what) });
  const found = [
    ...ours.flatMap((part): Drift[] => {
      const other = there.get(key(part));
      if (other === undefined) return [drift(part, "only on the promoted database")];
      return other.made === part.made ? [] : [drift(part, "different")];
    }),
    ...theirs.filter((p) => !here.has(key(p))).map((part) => drift(part, "only on the old database")),
  ];
  const whole = new Set(found.filter((d) => WHOLE.has(d.kind) && d.what !== "different").map((d) => d.name));
  const columns = new Set(found.filter((d) => d.kind === "column" && d.what !== "different").map((d) => d.name));
  // A column that a migration dropped still has to get a value on the old side.
  const needed = (name: string) => there.has(`column ${name}`) && !there.has(`default of ${name}`) && !there.has(`expression of ${name}`);
  return found.filter(({ kind, name }) => {
    if (WHOLE.has(kind)) return true;
    if (whole.has(name) || [...whole].some((table) => name.startsWith(`${table}.`))) return false;
    return kind === "column" || !columns.has(name) || (kind === "NOT NULL of" && needed(name));
  });
}
const WHOLE = new Set(["table", "partition", "unlogged table", "materialized view", "sequence"]);

/** What holds a migration: going back loses rows by it, or nothing may stream any more. */
export const losing = (drift: Drift[]): Drift[] => drift.filter((d) => d.matters !== "beside");
/** What is otherwise on the old database, and costs nobody a row. */
export const otherwise = (drift: Drift[]): Drift[] =>
  drift.filter((d) => d.matters === "beside" && !(WHOLE.has(d.kind) || d.kind === "column" || d.kind === "type"));

const MOST_NAMED = 10;
export function namedDrift(drift: Drift[]): string {
  const named = drift.slice(0, MOST_NAMED).map((d) => `${d.kind} ${d.name} is ${d.what}`);
  return [...named, ...(drift.length > MOST_NAMED ? [`${drift.length - MOST_NAMED} more`] : [])].join("; ");
}

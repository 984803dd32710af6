import { notApplied } from "./applies.js";
import { GUARD } from "./guard.js";
import { publishedTables, streamTables, whyNotStreamed } from "./identity.js";
import { inSession, type Session, type SqlEndpoint } from "./session.js";
import { NAME } from "./subscription.js";

/** Something that one side's schema has and the other's has not, or has otherwise. */
export interface Drift {
  /** `table`, `partition`, `column`, `constraint`, `trigger`, … as `PARTS` names it. */
  kind: string;
  /** As SQL writes it; what belongs to a table as `table.name`. */
  name: string;
  what:
    | "only on the promoted database"
    | "only on the old database"
    | "different"
    | "another one than what streams"
    | "new, and cannot stream"
    | "named otherwise";
  /** What it is named on the old database. */
  was?: string;
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
         format('%I.%I', n.nspname, c.relname) AS name,
         concat(pg_get_expr(c.relpartbound, c.oid), (SELECT concat_ws(' ', format_type(seqtypid, NULL), seqincrement, seqmin, seqmax, seqcycle) FROM pg_sequence WHERE seqrelid = c.oid)) AS made
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm', 'S') AND c.relpersistence <> 't' AND ${OURS}
  UNION ALL
  SELECT 'parents of', format('%I.%I', n.nspname, c.relname), (SELECT string_agg(i.inhparent::regclass::text, ' ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid)
  FROM ${TABLES} WHERE NOT c.relispartition AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
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
  SELECT 'trigger', format('%I.%I.%I', n.nspname, c.relname, g.tgname), pg_get_triggerdef(g.oid)
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
  SELECT 'rule', format('%I.%I.%I', n.nspname, c.relname, w.rulename), pg_get_ruledef(w.oid) FROM ${TABLES} JOIN pg_rewrite w ON w.ev_class = c.oid
  UNION ALL
  SELECT 'foreign table', format('%I.%I', n.nspname, c.relname), '' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'f' AND ${OURS}
  UNION ALL
  SELECT 'schema', format('%I', n.nspname), pg_get_userbyid(n.nspowner) || coalesce((SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(n.nspacl) a), '') FROM pg_namespace n WHERE ${OURS}
  UNION ALL
  SELECT 'event trigger', format('%I', evtname), concat_ws(' ', evtevent, evtenabled, evttags, evtfoid::regproc) FROM pg_event_trigger
  UNION ALL
  SELECT 'role', format('%I', r.rolname), concat(r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls,
         ARRAY(SELECT pg_get_userbyid(m.roleid) FROM pg_auth_members m WHERE m.member = r.oid ORDER BY 1)) FROM pg_roles r WHERE NOT starts_with(r.rolname, 'pg_')
  UNION ALL
  SELECT 'extension', extname::text, extversion FROM pg_extension
  UNION ALL
  SELECT 'type', format('%I.%I', n.nspname, t.typname),
         coalesce((SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), '')
         || coalesce((SELECT string_agg(pg_get_constraintdef(k.oid), ' ' ORDER BY conname) FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'), '')
         || coalesce((SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod)), ',' ORDER BY attnum) FROM pg_attribute a
                      WHERE a.attrelid = t.typrelid AND t.typtype = 'c' AND NOT attisdropped), '')
         || CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE '' END
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE (t.typtype IN ('e', 'd', 'r') OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')) AND ${OURS}
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
  "rule",
  "foreign table",
  "schema",
  "event trigger",
  "role",
]);

function matters(kind: string, what: Drift["what"]): Drift["matters"] {
  if (BESIDE.has(kind)) return "beside";
  if (REFUSING.has(kind)) return what === "only on the promoted database" ? "beside" : "stream";
  return what === "only on the old database" ? "beside" : "rows";
}

/** How both schemas differ now. What belongs to a table that the other side lacks as a whole is not named by itself. */
export async function driftOf(promoted: SqlEndpoint, old: SqlEndpoint): Promise<Drift[]> {
  const [ours, theirs] = await Promise.all([inSession(promoted, parts), inSession(old, parts)]);
  // A table that was attached, detached or logged since is the same one.
  const key = (p: { kind: string; name: string }) => `${TABLE.has(p.kind) ? "table" : p.kind} ${p.name}`;
  const [here, there] = [new Map(ours.map((p) => [key(p), p])), new Map(theirs.map((p) => [key(p), p]))];
  const drift = (part: Part, what: Drift["what"]): Drift => ({ kind: part.kind, name: part.name, what, matters: matters(part.kind, what) });
  const differing = [
    ...ours.flatMap((part): Drift[] => {
      const other = there.get(key(part));
      if (other === undefined) return [drift(part, "only on the promoted database")];
      return other.made === part.made && other.kind === part.kind ? [] : [drift(part, "different")];
    }),
    ...theirs.filter((p) => !here.has(key(p))).map((part) => drift(part, "only on the old database")),
  ];
  const renamed = await renamedOf(promoted, old, differing);
  const named = new Set(renamed.flatMap((d) => [key(d), key({ kind: d.kind, name: d.was ?? d.name })]));
  const found = [...renamed, ...differing.filter((d) => !named.has(key(d)))];
  const names = ({ name, was }: Drift) => (was === undefined ? [name] : [name, was]);
  const whole = new Set(found.filter((d) => WHOLE.has(d.kind) && d.what !== "different").flatMap(names));
  const columns = new Set(found.filter((d) => d.kind === "column" && d.what !== "different").flatMap(names));
  // A column that a migration dropped still has to get a value on the old side.
  const needed = (name: string) => there.has(`column ${name}`) && !there.has(`default of ${name}`) && !there.has(`expression of ${name}`);
  const schema = found.filter(({ kind, name }) => {
    if (WHOLE.has(kind)) return true;
    if (whole.has(name) || [...whole].some((table) => name.startsWith(`${table}.`))) return false;
    return kind === "column" || !columns.has(name) || (kind === "NOT NULL of" && needed(name));
  });
  return [...(await notStreaming(promoted, old, new Set(found.filter((d) => WHOLE.has(d.kind)).map((d) => d.name)))), ...schema];
}

/** Numbers that a physical copy shares with its source, and that a new name does not change. */
const numbersOf = (endpoint: SqlEndpoint, kind: "relation" | "column", names: string[]): Promise<{ name: string; number: string }[]> =>
  inSession(endpoint, (session) =>
    session.rows(
      kind === "relation"
        ? "SELECT name, to_regclass(name)::oid::text AS number FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL"
        : `SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname) AS name, c.oid || '.' || a.attnum AS number
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
           WHERE NOT a.attisdropped AND format('%I.%I.%I', n.nspname, c.relname, a.attname) = ANY ($1)`,
      [names],
    ),
  );

/** What was given another name, or another schema, since: it holds what it held. */
async function renamedOf(promoted: SqlEndpoint, old: SqlEndpoint, drift: Drift[]): Promise<Drift[]> {
  const kinds = { relation: (d: Drift) => d.kind === "sequence" || TABLE.has(d.kind), column: (d: Drift) => d.kind === "column" };
  const pairs = await Promise.all(
    (["relation", "column"] as const).map(async (kind) => {
      const of = (what: Drift["what"]) => drift.filter((d) => kinds[kind](d) && d.what === what);
      const [ours, theirs] = [of("only on the promoted database"), of("only on the old database")];
      if (ours.length === 0 || theirs.length === 0) return [];
      const there = new Map(
        (
          await numbersOf(
            old,
            kind,
            theirs.map((d) => d.name),
          )
        ).map((n) => [n.number, n.name]),
      );
      return (
        await numbersOf(
          promoted,
          kind,
          ours.map((d) => d.name),
        )
      ).flatMap(({ name, number }): Drift[] => {
        const [now, was] = [ours.find((d) => d.name === name), there.get(number)];
        return now === undefined || was === undefined || was === name ? [] : [{ ...now, what: "named otherwise", was }];
      });
    }),
  );
  return pairs.flat();
}

/**
 * Tables that both sides have, and that do not stream: a migration made them again, or put others in their place; or they are
 * new, and cannot. What could not stream from the beginning was named then.
 */
async function notStreaming(promoted: SqlEndpoint, old: SqlEndpoint, named: ReadonlySet<string>): Promise<Drift[]> {
  const left = await inSession(promoted, async (session) => {
    const published = await publishedTables(session);
    if (published === undefined) return [];
    return (await streamTables(session)).filter((t) => !published.has(t.table) && !named.has(t.table));
  });
  if (left.length === 0) return [];
  const refused = await notApplied(old);
  const names = left.map((t) => t.table);
  // Numbers are given in order: what is older than the stream was there when it began.
  const older = await inSession(promoted, (session) =>
    session.rows<{ name: string }>(
      "SELECT name FROM unnest($1::text[]) AS name JOIN pg_publication p ON p.pubname = $2 AND to_regclass(name)::oid < p.oid",
      [names, NAME],
    ),
  );
  const before = new Set(older.map((o) => o.name));
  return left.flatMap((t): Drift[] => {
    const could = whyNotStreamed(t) === undefined && !refused.has(t.table);
    if (!could && before.has(t.table)) return [];
    return [{ kind: "table", name: t.table, what: could ? "another one than what streams" : "new, and cannot stream", matters: "rows" }];
  });
}

const TABLE = new Set(["table", "partition", "unlogged table"]);
const WHOLE = new Set([...TABLE, "materialized view", "sequence"]);

/** What holds a migration: going back loses rows by it, or nothing may stream any more. */
export const losing = (drift: Drift[]): Drift[] => drift.filter((d) => d.matters !== "beside");
/** What is otherwise on the old database, and costs nobody a row. */
export const otherwise = (drift: Drift[]): Drift[] =>
  drift.filter((d) => d.matters === "beside" && !(WHOLE.has(d.kind) || d.kind === "column" || d.kind === "type"));

const MOST_NAMED = 10;
export function namedDrift(drift: Drift[]): string {
  const named = drift
    .slice(0, MOST_NAMED)
    .map(({ kind, name, what, was }) => `${kind} ${name} is ${was === undefined ? what : `${was} on the old database`}`);
  return [...named, ...(drift.length > MOST_NAMED ? [`${drift.length - MOST_NAMED} more`] : [])].join("; ");
}

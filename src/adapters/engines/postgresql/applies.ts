import { GUARD } from "./guard.js";
import { streamTables } from "./identity.js";
import { inSession, type Session, type SqlEndpoint } from "./session.js";
import { calledIn, type Names, unqualifiedIn } from "./unqualified.js";

/**
 * What the old database's server runs for each row that it applies: indexes of expressions, CHECKs of tables and domains,
 * generated columns, keys of partitions, and the triggers that are ENABLE ALWAYS or REPLICA; others do not fire then. Its
 * worker has an empty search path, so what such a function names without a schema is not found, and the stream stands
 * still at the first row. It is tried with rows that are there, and read in the functions' own text, for tables are empty
 * and branches are not taken.
 */
export interface Stuck {
  table: string;
  /** What is run, and what is not found, in words. */
  why: string;
  cure: string;
}

/** Something that is run for a table's rows. */
interface Run {
  table: string;
  what: string;
  /** As SQL that says itself without a search path; null of a trigger. */
  expression: string | null;
  functions: string[];
}

interface Code {
  oid: string;
  schema: string;
  name: string;
  language: string;
  body: string;
  /** Whether it sets a search path for itself. */
  settled: boolean;
  /** Whether its body was understood when it was made, and holds no names. */
  parsed: boolean;
  /** Functions that such a body calls. */
  calls: string[];
  signature: string;
}

const SAMPLE = 20;
const STATEMENT_MS = 10_000;
const OURS = `n.nspname NOT IN ('pg_catalog', 'information_schema', '${GUARD}') AND NOT starts_with(n.nspname, 'pg_')`;
/** Functions of the application that something depends on, itself or by an operator or an operator class; before 15 a generated column's stand with its table. */
const functionsOf = (classid: string, objid: string): string =>
  `ARRAY(SELECT DISTINCT f::text FROM pg_depend x CROSS JOIN LATERAL (
     SELECT x.refobjid WHERE x.refclassid = 'pg_proc'::regclass
     UNION ALL SELECT oprcode::oid FROM pg_operator WHERE x.refclassid = 'pg_operator'::regclass AND oid = x.refobjid
     UNION ALL SELECT amproc::oid FROM pg_amproc a JOIN pg_opclass o ON o.opcfamily = a.amprocfamily WHERE x.refclassid = 'pg_opclass'::regclass AND o.oid = x.refobjid
   ) AS u(f) WHERE x.classid = '${classid}'::regclass AND x.objid = ${objid} AND f >= 16384)`;

const runsOf = (session: Session): Promise<Run[]> =>
  session.rows<Run & Record<string, unknown>>(
    `WITH tables AS (SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS "table", c.relispartition FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND ${OURS}),
     runs AS (
       SELECT "table", 'index ' || i.indexrelid::regclass AS what, pg_get_indexdef(i.indexrelid, k, false) AS expression, ${functionsOf("pg_class", "i.indexrelid")} AS functions
       FROM tables t JOIN pg_index i ON i.indrelid = t.oid AND i.indexprs IS NOT NULL CROSS JOIN generate_series(1, i.indnkeyatts) k WHERE i.indkey[k - 1] = 0
       UNION ALL
       SELECT "table", 'index ' || i.indexrelid::regclass, pg_get_expr(i.indpred, i.indrelid), ${functionsOf("pg_class", "i.indexrelid")}
       FROM tables t JOIN pg_index i ON i.indrelid = t.oid AND i.indpred IS NOT NULL
       UNION ALL
       SELECT "table", 'index ' || i.indexrelid::regclass, NULL, ${functionsOf("pg_class", "i.indexrelid")}
       FROM tables t JOIN pg_index i ON i.indrelid = t.oid AND i.indexprs IS NULL AND i.indpred IS NULL
       UNION ALL
       SELECT "table", 'constraint ' || k.conname, pg_get_expr(k.conbin, k.conrelid), ${functionsOf("pg_constraint", "k.oid")}
       FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'c'
       UNION ALL
       SELECT "table", 'generated column ' || a.attname, pg_get_expr(d.adbin, d.adrelid), ${functionsOf("pg_attrdef", "d.oid")} || ${functionsOf("pg_class", "t.oid")}
       FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attgenerated = 's' JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
       UNION ALL
       SELECT "table", 'partition key of ' || p.oid::regclass, pg_get_partition_constraintdef(t.oid), ${functionsOf("pg_class", "p.oid")}
       FROM tables t CROSS JOIN LATERAL pg_partition_ancestors(t.oid) AS a(oid) JOIN pg_partitioned_table pt ON pt.partrelid = a.oid JOIN pg_class p ON p.oid = a.oid WHERE t.relispartition
       UNION ALL
       SELECT "table", format('domain %s of %s', y.oid::regtype, a.attname), format('(%I::text)::%s', a.attname, y.oid::regtype), ${functionsOf("pg_constraint", "k.oid")}
       FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type y ON y.oid = a.atttypid AND y.typtype = 'd'
       JOIN pg_constraint k ON k.contypid = y.oid
       UNION ALL
       SELECT "table", 'trigger ' || g.tgname, NULL, ARRAY[g.tgfoid::text]
       FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal AND g.tgenabled IN ('A', 'R') AND g.tgtype & 1 = 1)
     SELECT * FROM runs WHERE functions <> '{}' ORDER BY 1, 2`,
  );

const codeOf = (session: Session): Promise<Code[]> =>
  session.rows<Code & Record<string, unknown>>(
    `SELECT p.oid::text AS oid, n.nspname::text AS schema, p.proname::text AS name, l.lanname::text AS language, p.prosrc AS body,
            EXISTS (SELECT FROM unnest(p.proconfig) AS s WHERE s LIKE 'search_path=%') AS settled,
            to_jsonb(p) ->> 'prosqlbody' IS NOT NULL AS parsed,
            ARRAY(SELECT d.refobjid::text FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_proc'::regclass) AS calls, p.oid::regprocedure::text AS signature
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang WHERE ${OURS} AND l.lanname NOT IN ('c', 'internal')`,
  );

async function namesOf(session: Session): Promise<Names> {
  const found = await session.rows<{ kind: "relation" | "function" | "type"; name: string }>(
    `SELECT 'relation' AS kind, relname::text AS name FROM pg_class n_c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ${OURS} AND NOT EXISTS (SELECT FROM pg_class b WHERE b.relname = n_c.relname AND b.relnamespace = 'pg_catalog'::regnamespace)
     UNION SELECT 'function', proname::text FROM pg_proc n_p JOIN pg_namespace n ON n.oid = pronamespace
     WHERE ${OURS} AND NOT EXISTS (SELECT FROM pg_proc b WHERE b.proname = n_p.proname AND b.pronamespace = 'pg_catalog'::regnamespace)
     UNION SELECT 'type', typname::text FROM pg_type n_t JOIN pg_namespace n ON n.oid = typnamespace
     WHERE ${OURS} AND NOT EXISTS (SELECT FROM pg_type b WHERE b.typname = n_t.typname AND b.typnamespace = 'pg_catalog'::regnamespace)`,
  );
  const of = (kind: string) => new Set(found.filter((f) => f.kind === kind).map((f) => f.name));
  return { relations: of("relation"), functions: of("function"), types: of("type") };
}

/** Tables whose rows could not be applied there, each with why. Reads only; no function of a trigger is called. */
export const stuckTables = (endpoint: SqlEndpoint): Promise<Stuck[]> =>
  inSession(
    endpoint,
    async (session) => {
      await session.rows(
        "SET search_path = ''; SET default_transaction_read_only = on; SET check_function_bodies = on; SET lock_timeout = '2s'",
      );
      const runs = await runsOf(session);
      if (runs.length === 0) return [];
      const code = new Map((await codeOf(session)).map((c) => [c.oid, c]));
      const names = await namesOf(session);
      const known = new Map<string, string | undefined>();
      const stuck = new Map<string, Stuck>();
      for (const run of runs) {
        if (stuck.has(run.table)) continue;
        const read = await firstOf(run.functions, (oid) => notFoundBy(session, oid, { code, names, known }));
        const why = read?.why ?? (await triedWith(session, run));
        if (why === undefined) continue;
        const at = read?.signature ?? run.functions.map((oid) => code.get(oid)?.signature).find((s) => s !== undefined);
        const cure = `ALTER FUNCTION ${at ?? "…"} SET search_path = ${schemasOf(code)}`;
        stuck.set(run.table, { table: run.table, why: `its ${run.what} is worked out with an empty search path there: ${why}`, cure });
      }
      return [...stuck.values()];
    },
    { statementMs: STATEMENT_MS },
  );

/** Tables whose rows the old database would not take, each with why. */
export async function notApplied(old: SqlEndpoint): Promise<Map<string, string>> {
  const refused = (await inSession(old, streamTables)).filter((t) => t.secured || !t.owned);
  return new Map([
    ...(await stuckTables(old)).map(({ table, why }) => [table, why] as const),
    ...refused.map(({ table }) => [table, "the old database does not let cutover's user write to it"] as const),
  ]);
}

const schemasOf = (code: Map<string, Code>): string => {
  const schemas = [...new Set([...code.values()].map((c) => c.schema))];
  return schemas.length === 1 ? `${schemas[0]}, pg_temp` : "the schemas that it uses";
};

interface Reading {
  code: Map<string, Code>;
  names: Names;
  known: Map<string, string | undefined>;
}

/** By a function's own text, and by that of those that it calls. */
async function notFoundBy(
  session: Session,
  oid: string,
  { code, names, known }: Reading,
  seen = new Set<string>(),
): Promise<{ why: string; signature: string } | undefined> {
  const of = code.get(oid);
  if (of === undefined || of.settled || seen.has(oid)) return undefined;
  seen.add(oid);
  if (!known.has(oid)) known.set(oid, of.parsed ? undefined : await notFoundIn(session, of, names));
  const why = known.get(oid);
  if (why !== undefined) return { why: `${of.signature}: ${why}`, signature: of.signature };
  const called = new Set(calledIn(of.body));
  const next = [...code.values()].filter((c) => of.calls.includes(c.oid) || called.has(`${c.schema}.${c.name}`)).map((c) => c.oid);
  return firstOf(next, (inner) => notFoundBy(session, inner, { code, names, known }, seen));
}

async function notFoundIn(session: Session, { oid, language, body }: Code, names: Names): Promise<string | undefined> {
  if (language === "sql" || language === "plpgsql") {
    // The language's own judgement: of the whole body in SQL, of what is declared in PL/pgSQL.
    const validator = language === "sql" ? "pg_catalog.fmgr_sql_validator" : await validatorOf(session, language);
    const said = await unresolved(session.rows(`SELECT ${validator}(${oid})`));
    if (said !== undefined) return said;
  }
  const found = unqualifiedIn(body, names);
  return found.length === 0 ? undefined : `${found.join(", ")} ${found.length === 1 ? "stands" : "stand"} there without a schema`;
}

const validatorOf = (session: Session, language: string): Promise<string> =>
  session.value<string>(
    "SELECT format('%I.%I', n.nspname, p.proname) FROM pg_language l JOIN pg_proc p ON p.oid = l.lanvalidator JOIN pg_namespace n ON n.oid = p.pronamespace WHERE l.lanname = $1",
    [language],
  );

async function triedWith(session: Session, { table, expression }: Run): Promise<string | undefined> {
  if (expression === null) return undefined;
  return unresolved(session.rows(`SELECT (${expression}) IS NULL FROM ${table} LIMIT ${SAMPLE}`));
}

/** What was not found: undefined functions, tables, types, columns, schemas. Other errors are not of the search path. */
const unresolved = (asked: Promise<unknown>): Promise<string | undefined> =>
  asked.then(
    () => undefined,
    (error: Error & { code?: string }) => {
      if (error.code === undefined || /^(08|57P)/.test(error.code)) throw error;
      return /^(42883|42P01|42704|42703|3F000|42725)$/.test(error.code) ? error.message : undefined;
    },
  );

async function firstOf<T, R>(all: T[], use: (one: T) => Promise<R | undefined>): Promise<R | undefined> {
  for (const one of all) {
    const found = await use(one);
    if (found !== undefined) return found;
  }
  return undefined;
}

import { GUARD } from "./guard.js";
import { quoted, type Session } from "./session.js";

export interface Column {
  name: string;
  /** As SQL writes it, for example `character varying(40)`. */
  type: string;
}

export interface Table {
  schema: string;
  name: string;
  columns: Column[];
  /** Columns of the primary key, in its order; empty without one. */
  key: Column[];
}

/** The application's schemas: not the system's, no temporary ones, not our own. Whatever the database makes of a backslash. */
const OURS = `n.nspname NOT IN ('pg_catalog', 'information_schema', '${GUARD}') AND left(n.nspname, 3) <> 'pg_'`;

export const tableName = ({ schema, name }: Pick<Table, "schema" | "name">): string => `${quoted(schema)}.${quoted(name)}`;

/** Ordinary tables with their columns and primary keys, sorted by name. Partitions are tables of their own; their parents hold no rows. */
export async function tablesOf(session: Session): Promise<Table[]> {
  const columns = await session.rows<{ schema: string; table: string; name: string; type: string; key: number | null }>(
    `SELECT n.nspname AS schema, c.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
            array_position(i.indkey::int2[], a.attnum) AS key
     FROM pg_class c
     JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND ${OURS}
     ORDER BY 1, 2, a.attnum`,
  );
  const tables = new Map<string, Table & { order: { column: Column; at: number }[] }>();
  for (const { schema, table, name, type, key } of columns) {
    const id = `${schema}.${table}`;
    const known = tables.get(id) ?? { schema, name: table, columns: [], key: [], order: [] };
    const column = { name, type };
    known.columns.push(column);
    if (key !== null) known.order.push({ column, at: key });
    tables.set(id, known);
  }
  return [...tables.values()].map(({ order, ...table }) => ({ ...table, key: order.sort((a, b) => a.at - b.at).map((o) => o.column) }));
}

/** Everything that a schema is made of, one line each, so that two schemas are compared line by line. */
export async function schemaLines(session: Session): Promise<string[]> {
  const lines = await session.rows<{ line: string }>(
    `SELECT format('column %s.%s.%s %s%s%s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                   CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
                   coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) AS line
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relpersistence = 'p' AND ${OURS}
     UNION ALL
     SELECT format('index %s.%s: %s', schemaname, indexname, indexdef) FROM pg_indexes
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema', '${GUARD}')
     UNION ALL
     SELECT format('constraint %s.%s on %s: %s', n.nspname, k.conname, k.conrelid::regclass, pg_get_constraintdef(k.oid))
     FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE k.conrelid <> 0 AND ${OURS}
     UNION ALL
     SELECT format('sequence %s.%s', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'S' AND ${OURS}
     UNION ALL
     SELECT format('trigger %s on %s', tgname, tgrelid::regclass) FROM pg_trigger WHERE NOT tgisinternal
     UNION ALL
     SELECT format('function %s.%s(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE ${OURS}
     ORDER BY 1`,
  );
  return lines.map((l) => l.line);
}

/** Tables some of whose rows a policy would hide from us. */
export async function hiddenTables(session: Session): Promise<string[]> {
  const found = await session.rows<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.relrowsecurity AND row_security_active(c.oid) AND ${OURS} ORDER BY 1, 2`,
  );
  return found.map(tableName);
}

/** What that means, and what mends it. */
export const hiddenRows = (tables: string[]): string =>
  `row security hides rows of ${tables.join(", ")} from cutover's user: give it BYPASSRLS, or as the owner ${tables.map((t) => `ALTER TABLE ${t} NO FORCE ROW LEVEL SECURITY`).join("; ")}`;

/** Names of tables of a few pages. */
export async function smallTables(session: Session): Promise<Set<string>> {
  const found = await session.rows<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND ${OURS} AND pg_relation_size(c.oid) <= 32768
     AND coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0) <= 262144`,
  );
  return new Set(found.map(tableName));
}

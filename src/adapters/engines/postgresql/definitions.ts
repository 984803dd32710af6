import { inSession, literal, type Session, type SqlEndpoint } from "./session.js";

// The statements that make on the old database what a migration made on the promoted one, from the catalogue.

/** An enum that is new, or has labels more: what it had stays, in its order. Anything else about a type is nothing to bring over. */
export async function enumOf(promoted: SqlEndpoint, there: Session, type: string): Promise<string[]> {
  const labels = async (session: Session) =>
    (
      await session.rows<{ label: string }>(
        "SELECT enumlabel::text AS label FROM pg_enum WHERE enumtypid = to_regtype($1)::oid ORDER BY enumsortorder",
        [type],
      )
    ).map((l) => l.label);
  const [ours, theirs] = [await inSession(promoted, labels), await labels(there)];
  if (ours.length === 0) return [];
  const [made] = await inSession(promoted, (session) =>
    session.rows<{ schema: string; owner: string }>(
      "SELECT quote_ident(n.nspname) AS schema, quote_ident(pg_get_userbyid(t.typowner)) AS owner FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = to_regtype($1)::oid",
      [type],
    ),
  );
  if (theirs.length === 0)
    return [
      `CREATE SCHEMA IF NOT EXISTS ${made?.schema}`,
      `CREATE TYPE ${type} AS ENUM (${ours.map(literal).join(", ")})`,
      `ALTER TYPE ${type} OWNER TO ${made?.owner}`,
    ];
  const kept = ours.filter((l) => theirs.includes(l));
  if (kept.length !== theirs.length || kept.some((l, i) => l !== theirs[i])) return [];
  return ours.flatMap((label, i) => {
    if (theirs.includes(label)) return [];
    const before = ours[i - 1];
    return [
      `ALTER TYPE ${type} ADD VALUE ${literal(label)} ${before === undefined ? `BEFORE ${literal(ours[1] ?? "")}` : `AFTER ${literal(before)}`}`,
    ];
  });
}

interface Made {
  name: string;
  schema: string;
  owner: string;
  /** Who may do what with it. */
  grants: string[];
  /** Statements that make it, in order. */
  sql: string[];
}

/** A table's statements, from the catalogue. Foreign keys and triggers are left out: nothing that is applied needs them. */
export async function tableOf(session: Session, table: string): Promise<Made> {
  const [made] = await session.rows<Made>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, quote_ident(n.nspname) AS schema, quote_ident(pg_get_userbyid(c.relowner)) AS owner,
       ARRAY(SELECT format('GRANT %s ON %I.%I TO %s%s', a.privilege_type, n.nspname, c.relname,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
             FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner) AS grants,
       CASE WHEN c.relispartition THEN
         ARRAY[format('CREATE TABLE %I.%I PARTITION OF %s %s', n.nspname, c.relname,
           (SELECT format('%I.%I', pn.nspname, p.relname) FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE i.inhrelid = c.oid),
           pg_get_expr(c.relpartbound, c.oid)) || CASE WHEN c.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) ELSE '' END]
       ELSE
         ARRAY(SELECT DISTINCT format('CREATE SEQUENCE IF NOT EXISTS %I.%I', sn.nspname, s.relname)
               FROM pg_attrdef d JOIN pg_depend dep ON dep.classid = 'pg_attrdef'::regclass AND dep.objid = d.oid AND dep.refclassid = 'pg_class'::regclass
               JOIN pg_class s ON s.oid = dep.refobjid AND s.relkind = 'S' JOIN pg_namespace sn ON sn.oid = s.relnamespace WHERE d.adrelid = c.oid)
         || format('CREATE TABLE %I.%I (%s)%s', n.nspname, c.relname,
           (SELECT string_agg(line, ', ' ORDER BY at) FROM (
              SELECT a.attnum AS at, format('%I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END,
                CASE WHEN a.attidentity <> '' THEN format(' GENERATED %s AS IDENTITY', CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END)
                     WHEN a.attgenerated <> '' THEN format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid))
                     ELSE coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') END,
                CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END) AS line
              FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              UNION ALL SELECT 10000, format('CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE conrelid = c.oid AND contype IN ('p', 'u', 'c', 'x')) AS lines),
           coalesce((SELECT ' INHERITS (' || string_agg(format('%I.%I', pn.nspname, p.relname), ', ' ORDER BY i.inhseqno) || ')'
                     FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE i.inhrelid = c.oid), '')
           || CASE WHEN c.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) ELSE '' END)
         || ARRAY(SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indrelid = c.oid AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid))
       END AS sql
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${literal(table)}::regclass`,
  );
  if (made === undefined) throw new Error(`${table} is gone`);
  return made;
}

/**
 * A column that is the same for every row that was there before it: another default would have to be carried row by row. What
 * those rows have is kept beside the default, which may be another one by now, or none; in partitions alone, where it has any.
 */
export async function columnOf(session: Session, old: Session, column: string): Promise<string[]> {
  const [made] = await session.rows<{ sql: string[] | null }>(
    `WITH added AS (
       SELECT c.oid, format('ALTER TABLE %I.%I', n.nspname, c.relname) AS alter, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod) AS type,
              a.attgenerated, pg_get_expr(d.adbin, d.adrelid) AS def, a.attnotnull,
              CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END AS collated
       FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
       LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
       WHERE format('%I.%I.%I', n.nspname, c.relname, a.attname) = $1 AND NOT a.attisdropped AND a.attinhcount = 0 AND a.attidentity = ''),
     before AS (
       SELECT count(*) FILTER (WHERE p.atthasmissing) AS missing, count(*) AS every, min(p.attmissingval::text) AS value, count(DISTINCT p.attmissingval::text) AS differing
       FROM added x CROSS JOIN LATERAL (${BELOW("x.oid")}) AS b(oid) JOIN pg_class c ON c.oid = b.oid AND c.relkind = 'r'
       JOIN pg_attribute p ON p.attrelid = b.oid AND p.attname = x.attname)
     SELECT CASE
       WHEN attgenerated <> '' THEN
         ARRAY[format('%s ADD COLUMN %I %s%s GENERATED ALWAYS AS (%s) %s', alter, attname, type, collated, def, CASE attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)]
       WHEN missing > 0 AND differing = 1 THEN
         ARRAY[format('%s ADD COLUMN %I %s%s DEFAULT (%L::%s[])[1]', alter, attname, type, collated, value, type),
               format('%s ALTER COLUMN %I %s', alter, attname, coalesce('SET DEFAULT ' || def, 'DROP DEFAULT'))]
         || CASE WHEN attnotnull THEN ARRAY[format('%s ALTER COLUMN %I SET NOT NULL', alter, attname)] ELSE '{}' END
       WHEN missing = 0 AND (every = 0 OR def IS NULL AND $2) THEN
         ARRAY[format('%s ADD COLUMN %I %s%s %s', alter, attname, type, collated, 'DEFAULT ' || def)]
       END AS sql
     FROM added, before`,
    [column, await isEmptyBefore(session, old, column)],
  );
  return made?.sql ?? [];
}

/** A table, and all that inherit from it, partitions too. */
const BELOW = (oid: string): string =>
  `WITH RECURSIVE below AS (SELECT ${oid}::oid AS oid UNION SELECT inhrelid FROM pg_inherits JOIN below ON inhparent = below.oid) SELECT oid FROM below`;

/** Whether rows have nothing in a new column but what was written there since: a table that was written again as a whole has values of no stream. */
async function isEmptyBefore(session: Session, old: Session, column: string): Promise<boolean> {
  const files = await session.rows<{ name: string; file: string; root: string; column: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_relation_filenode(c.oid)::text AS file, x.root, x.column
     FROM (SELECT r.oid, format('%I.%I', rn.nspname, r.relname) AS root, format('%I', a.attname) AS column
           FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
           WHERE format('%I.%I.%I', rn.nspname, r.relname, a.attname) = $1) x
     CROSS JOIN LATERAL (${BELOW("x.oid")}) AS b(oid) JOIN pg_class c ON c.oid = b.oid AND c.relkind = 'r' JOIN pg_namespace n ON n.oid = c.relnamespace`,
    [column],
  );
  const theirs = await old.rows<{ name: string; file: string }>(
    "SELECT name, pg_relation_filenode(to_regclass(name))::text AS file FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL",
    [files.map((f) => f.name)],
  );
  const there = new Map(theirs.map((t) => [t.name, t.file]));
  const [other] = files.filter(({ name, file }) => there.has(name) && there.get(name) !== file);
  if (other === undefined) return true;
  return session.value<boolean>(`SELECT NOT EXISTS (SELECT FROM ${other.root} WHERE ${other.column} IS NOT NULL)`);
}

/** An extension, in the schema that it is in there. */
export async function extensionOf(session: Session, extension: string): Promise<string[]> {
  const [made] = await session.rows<{ schema: string; name: string }>(
    "SELECT quote_ident(n.nspname) AS schema, quote_ident(e.extname) AS name FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = $1",
    [extension],
  );
  return made === undefined ? [] : [`CREATE SCHEMA IF NOT EXISTS ${made.schema}`, `CREATE EXTENSION ${made.name} SCHEMA ${made.schema}`];
}

/** A sequence as it counts; not where it is, which is carried over in the end. */
export async function sequenceOf(session: Session, sequence: string): Promise<string[]> {
  const [made] = await session.rows<{ sql: string[] }>(
    `SELECT ARRAY[format('CREATE SCHEMA IF NOT EXISTS %I', n.nspname), format('CREATE SEQUENCE IF NOT EXISTS %I.%I', n.nspname, c.relname),
              format('ALTER SEQUENCE %I.%I AS %s INCREMENT %s MINVALUE %s MAXVALUE %s START %s CACHE %s %s CYCLE', n.nspname, c.relname, format_type(s.seqtypid, NULL),
                s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache, CASE WHEN s.seqcycle THEN '' ELSE 'NO' END)]
            || CASE WHEN EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('a', 'i')) THEN '{}'
               ELSE ARRAY[format('ALTER SEQUENCE %I.%I OWNER TO %I', n.nspname, c.relname, pg_get_userbyid(c.relowner))] END
            || ARRAY(SELECT format('GRANT %s ON SEQUENCE %I.%I TO %s', a.privilege_type, n.nspname, c.relname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
                     FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner) AS sql
     FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)`,
    [sequence],
  );
  return made?.sql ?? [];
}

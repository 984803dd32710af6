import fc from "fast-check";

/** Types with an expression of the number `g` that gives each row another value. */
const TYPES: Record<string, (g: string) => string> = {
  integer: (g) => `(${g} % 1000)::int`,
  bigint: (g) => `${g}::bigint * 4000000000`,
  text: (g) => `md5((${g})::text)`,
  "character varying(40)": (g) => `'Grüße ' || (${g})`,
  "character(5)": (g) => `lpad((${g} % 999)::text, 3)`,
  "numeric(12, 3)": (g) => `(${g})::numeric / 7`,
  "double precision": (g) => `(${g})::float8 / 3`,
  boolean: (g) => `(${g}) % 2 = 0`,
  "timestamp with time zone": (g) => `'2026-03-01'::timestamptz + make_interval(mins => (${g} % 90000)::int)`,
  date: (g) => `'2026-01-01'::date + (${g} % 700)::int`,
  interval: (g) => `make_interval(hours => (${g} % 500)::int)`,
  json: (g) => `json_build_object('n', ${g})`,
  jsonb: (g) => `jsonb_build_object('n', ${g}, 'deep', jsonb_build_array(1, null))`,
  bytea: (g) => `decode(md5((${g})::text), 'hex')`,
  uuid: (g) => `md5((${g})::text)::uuid`,
  "text[]": (g) => `ARRAY['a"b', (${g})::text, NULL]`,
  int4range: (g) => `int4range((${g} % 100)::int, (${g} % 100)::int + 5)`,
  inet: (g) => `'10.0.0.1'::inet + (${g})`,
  point: (g) => `point((${g})::float8, 1.5)`,
  "bit(4)": (g) => `(${g} % 16)::int::bit(4)`,
  colour: (g) => `(ARRAY['red', 'green', 'blue'])[1 + (${g} % 3)]::colour`,
  positive: (g) => `(1 + ${g} % 50)::positive`,
};

export type Key =
  | "serial"
  | "identity"
  | "uuid"
  | "two columns"
  | "deferrable"
  | "unique not null"
  | "unique nullable"
  | "none"
  | "none, full";
export type Shape = "plain" | "range" | "list" | "hash" | "inherited" | "unlogged";

export interface AnyTable {
  key: Key;
  shape: Shape;
  types: string[];
  /** What else it has. */
  extras: string[];
  rows: number;
}
export interface Work {
  table: number;
  what: "insert" | "update" | "delete" | "all" | "sequence" | "object" | "migrate";
  n: number;
}
export interface AnySchema {
  tables: AnyTable[];
  before: Work[];
  after: Work[];
  /** After how many of these it comes back. */
  moment: number;
}

const work = fc.record({
  table: fc.nat(3),
  what: fc.constantFrom("insert", "insert", "update", "update", "delete", "all", "sequence", "object", "migrate") as fc.Arbitrary<
    Work["what"]
  >,
  n: fc.integer({ min: 1, max: 40 }),
});
export const anySchema: fc.Arbitrary<AnySchema> = fc.record({
  tables: fc.array(
    fc.record({
      key: fc.constantFrom<Key>(
        "serial",
        "identity",
        "uuid",
        "two columns",
        "deferrable",
        "unique not null",
        "unique nullable",
        "none",
        "none, full",
      ),
      shape: fc.constantFrom<Shape>("plain", "plain", "plain", "range", "list", "hash", "inherited", "unlogged"),
      types: fc.array(fc.constantFrom(...Object.keys(TYPES)), { minLength: 1, maxLength: 5 }),
      extras: fc.uniqueArray(
        fc.constantFrom(
          "owned by another",
          "row security",
          "forced row security",
          "generated",
          "unqualified",
          "expression index",
          "trigger",
          "trigger, always",
          "foreign",
          "rule",
        ),
        { maxLength: 2 },
      ),
      rows: fc.nat(60),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  before: fc.array(work, { maxLength: 4 }),
  after: fc.array(work, { maxLength: 12 }),
  moment: fc.nat(12),
});

/** One schema in SQL: what makes it, and each piece of work on it. `s` is its name. */
export class Written {
  private counter = 1_000;

  constructor(
    readonly s: string,
    private readonly of: AnySchema,
  ) {}

  private nameOf(i: number): string {
    return `${this.s}.t${i}`;
  }
  private table(at: number): { i: number; t: AnyTable } {
    const i = at % this.of.tables.length;
    return { i, t: this.of.tables[i] as AnyTable };
  }

  make(): string[] {
    return [
      `CREATE SCHEMA ${this.s}; SET search_path = ${this.s}`,
      `CREATE TYPE colour AS ENUM ('red', 'green', 'blue'); CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE SEQUENCE numbers`,
      "CREATE TABLE looked_up (id int PRIMARY KEY, what text); INSERT INTO looked_up VALUES (1, 'x')",
      "CREATE FUNCTION unsettled(i int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN EXISTS (SELECT FROM looked_up WHERE id >= 0) OR i > 0; END $$",
      "CREATE TABLE seen (id int PRIMARY KEY, n int); INSERT INTO seen VALUES (1, 0)",
      "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
      ...this.of.tables.flatMap((t, i) => this.madeBy(t, i)),
      `CREATE MATERIALIZED VIEW sums AS SELECT count(*) FROM ${this.nameOf(0)}`,
      ...this.of.tables.map((t, i) => this.inserted(i, t.rows)),
      ...this.of.before.flatMap((w) => (w.what === "migrate" ? [] : this.does(w))),
    ];
  }

  private madeBy({ key, shape, types, extras }: AnyTable, i: number): string[] {
    const name = `t${i}`;
    const columns = types.map((type, at) => `c${at} ${type}`);
    const parted = shape === "range" || shape === "list" || shape === "hash";
    const ids: Record<Key, string> = {
      serial: "id bigserial PRIMARY KEY",
      identity: "id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
      uuid: parted
        ? "id bigint, u uuid DEFAULT gen_random_uuid(), PRIMARY KEY (id, u)"
        : "id bigint, u uuid PRIMARY KEY DEFAULT gen_random_uuid()",
      "two columns": "id bigint, second text DEFAULT 'b', PRIMARY KEY (id, second)",
      deferrable: parted ? "id bigint" : "id bigint PRIMARY KEY DEFERRABLE INITIALLY DEFERRED",
      "unique not null": "id bigint NOT NULL UNIQUE",
      "unique nullable": "id bigint UNIQUE",
      none: "id bigint",
      "none, full": "id bigint",
    };
    const more = extras.includes("generated") ? [", twice bigint GENERATED ALWAYS AS (id * 2) STORED"] : [];
    const check = extras.includes("unqualified") ? ", CHECK (unsettled(id::int))" : "";
    const how =
      { range: " PARTITION BY RANGE (id)", list: " PARTITION BY LIST (id)", hash: " PARTITION BY HASH (id)" }[shape as "range"] ?? "";
    const parts: Record<string, string[]> = {
      range: [
        `CREATE TABLE ${name}_a PARTITION OF ${name} FOR VALUES FROM (MINVALUE) TO (1500)`,
        `CREATE TABLE ${name}_b PARTITION OF ${name} DEFAULT`,
      ],
      list: [
        `CREATE TABLE ${name}_a PARTITION OF ${name} FOR VALUES IN (1, 2, 3, 1001, 1002)`,
        `CREATE TABLE ${name}_b PARTITION OF ${name} DEFAULT`,
      ],
      hash: [0, 1].map((r) => `CREATE TABLE ${name}_${r} PARTITION OF ${name} FOR VALUES WITH (MODULUS 2, REMAINDER ${r})`),
      inherited: [`CREATE TABLE ${name}_child (own text DEFAULT 'child') INHERITS (${name})`],
    };
    const leaves = parted ? (shape === "hash" ? [`${name}_0`, `${name}_1`] : [`${name}_a`, `${name}_b`]) : [name];
    return [
      `CREATE ${shape === "unlogged" ? "UNLOGGED " : ""}TABLE ${name} (${ids[key]}, ${columns.join(", ")}${more.join("")}${check})${how}`,
      ...(parts[shape] ?? []),
      ...(key === "none, full" ? leaves.map((l) => `ALTER TABLE ${l} REPLICA IDENTITY FULL`) : []),
      ...(extras.includes("owned by another") ? leaves.map((l) => `ALTER TABLE ${l} OWNER TO stranger`) : []),
      ...(extras.includes("row security") ? [`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`] : []),
      ...(extras.includes("forced row security")
        ? [`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY; ALTER TABLE ${name} FORCE ROW LEVEL SECURITY`]
        : []),
      ...(extras.includes("expression index") ? [`CREATE INDEX ON ${name} ((id + 1)) WHERE id > 0`] : []),
      ...(extras.includes("trigger")
        ? [`CREATE TRIGGER touched BEFORE INSERT OR UPDATE ON ${name} FOR EACH ROW EXECUTE FUNCTION touch()`]
        : []),
      ...(extras.includes("trigger, always")
        ? [
            `CREATE FUNCTION ${name}_seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE ${this.s}.seen SET n = n + 1; RETURN NEW; END $$`,
            `CREATE TRIGGER seen BEFORE INSERT OR UPDATE ON ${name} FOR EACH ROW EXECUTE FUNCTION ${name}_seen()`,
            ...leaves.map((l) => `ALTER TABLE ${l} ENABLE ALWAYS TRIGGER seen`),
          ]
        : []),
      ...(extras.includes("foreign") && shape !== "unlogged"
        ? [`ALTER TABLE ${name} ADD COLUMN ref int DEFAULT 1 REFERENCES looked_up (id)`]
        : []),
      ...(extras.includes("rule") && !parted ? [`CREATE RULE quiet AS ON INSERT TO ${name} WHERE NEW.id < 0 DO INSTEAD NOTHING`] : []),
    ];
  }

  private inserted(i: number, n: number): string {
    const t = this.of.tables[i] as AnyTable;
    const from = this.counter;
    this.counter += n;
    const into = t.shape === "inherited" && n % 2 === 0 ? `${this.nameOf(i)}_child` : this.nameOf(i);
    const columns = t.types.map((_, at) => `c${at}`).join(", ");
    const values = t.types.map((type) => (TYPES[type] ?? String)("g")).join(", ");
    return `INSERT INTO ${into} (id, ${columns}) SELECT g, ${values} FROM generate_series(${from}, ${from + n - 1}) g`;
  }

  /** One piece of an application's work. */
  does({ table, what, n }: Work): string[] {
    const { i, t } = this.table(table);
    const name = this.nameOf(i);
    const [type = "text"] = t.types;
    if (what === "insert") return [this.inserted(i, n)];
    if (what === "update") return [`UPDATE ${name} SET c0 = ${(TYPES[type] ?? String)("(id + 13)")} WHERE id % ${1 + (n % 7)} = 0`];
    if (what === "delete") return [`DELETE FROM ${name} WHERE id % ${2 + (n % 9)} = 1`];
    if (what === "all") return n % 5 === 0 ? [`TRUNCATE ${name} CASCADE`] : [`UPDATE ${name} SET id = id + 100000 WHERE id % 17 = 3`];
    if (what === "sequence") return [`SELECT setval('${this.s}.numbers', ${n * 10})`];
    if (what === "object") return [`SELECT lo_from_bytea(0, decode(repeat('ab', ${n}), 'hex'))`];
    return this.migrated(name, t, n);
  }

  /** What a new version's migration does. */
  private migrated(name: string, t: AnyTable, n: number): string[] {
    this.counter += 1;
    const id = `m${this.counter}`;
    switch (n % 12) {
      case 0:
      case 4:
        return [
          `CREATE TABLE ${this.s}.${id} (id int PRIMARY KEY, what text DEFAULT 'x'); INSERT INTO ${this.s}.${id} SELECT g FROM generate_series(1, ${n}) g`,
        ];
      case 1:
        return [`ALTER TABLE ${name} ADD COLUMN ${id} int DEFAULT ${n}`];
      case 2:
        return [`ALTER TYPE ${this.s}.colour ADD VALUE '${id}'`];
      case 3:
        return [`ALTER TABLE ${name} ADD COLUMN ${id} int NOT NULL DEFAULT ${n}; ALTER TABLE ${name} ALTER COLUMN ${id} DROP DEFAULT`];
      case 5:
        return [`ALTER TABLE ${name} ADD COLUMN ${id} uuid DEFAULT gen_random_uuid(); ALTER TABLE ${name} ALTER COLUMN ${id} DROP DEFAULT`];
      case 6:
        return t.shape === "plain"
          ? [
              `CREATE TABLE ${this.s}.${id} () INHERITS (${name}); INSERT INTO ${this.s}.${id} (id) SELECT 500000 + g FROM generate_series(1, ${n}) g`,
            ]
          : [];
      case 7:
        return [`CREATE SEQUENCE ${this.s}.${id} INCREMENT BY ${n} CYCLE; SELECT nextval('${this.s}.${id}')`];
      case 8:
        return [`ALTER TABLE ${name} OWNER TO stranger; ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`];
      case 9:
        return t.shape === "plain"
          ? [
              `CREATE TABLE ${this.s}.${id} (LIKE ${name} INCLUDING ALL); DROP TABLE ${name}; ALTER TABLE ${this.s}.${id} RENAME TO ${name.split(".")[1]}`,
            ]
          : [];
      case 10:
        return [
          `CREATE FUNCTION ${this.s}.${id}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER ${id} BEFORE DELETE ON ${name} FOR EACH ROW EXECUTE FUNCTION ${this.s}.${id}()`,
        ];
    }
    return t.shape === "plain" ? [`CREATE INDEX ${id} ON ${name} (c0) WHERE false`.replace(" (c0) WHERE false", " (id)")] : [];
  }
}

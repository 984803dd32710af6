import { expect } from "chai";
import { sqlDataPort, sqlObservations } from "../../../../src/adapters/engines/postgresql/dataPort.js";
import type { Drift } from "../../../../src/adapters/engines/postgresql/drift.js";
import type { SqlEndpoint } from "../../../../src/adapters/engines/postgresql/session.js";
import type { Side } from "../../../../src/ports/observations.js";
import { risingEffects } from "../../../support/effects.js";
import { inSession, type Postgres, postgresForSuite } from "../../../support/postgres.js";

const ROWS = "CREATE TABLE t (id serial PRIMARY KEY, what text); INSERT INTO t (what) SELECT 'row ' || g FROM generate_series(1, 20) g;";

interface Case {
  title: string;
  /** Before the copy. */
  before: string;
  /** On the promoted database, each by itself. */
  after: string[];
  /** What the look says that something is lost by; absent where all of it is carried. */
  lost?: string;
  /** What the readiness report names as lost. */
  refused?: string[];
  /** Read on both sides afterwards. @default every row of t */
  read?: string;
}

const CASES: Case[] = [
  {
    title: "[postgresql-7] a table that is dropped and made again is another one",
    before: ROWS,
    after: ["DROP TABLE t; CREATE TABLE t (id serial PRIMARY KEY, what text); INSERT INTO t (what) VALUES ('only there')"],
    lost: "table public.t is another one than what streams",
  },
  {
    title: "[postgresql-7] a table that takes another one's place and name",
    before: ROWS,
    after: [
      "CREATE TABLE t_new (LIKE t INCLUDING ALL); INSERT INTO t_new SELECT * FROM t; ALTER TABLE t RENAME TO t_old; ALTER TABLE t_new RENAME TO t",
    ],
    lost: "table public.t is another one than what streams",
  },
  {
    title: "[postgresql-14] a new table whose rows could not be found",
    before: ROWS,
    after: ["CREATE TABLE notes (note json); INSERT INTO notes VALUES ('{}')"],
    lost: "table public.notes is new, and cannot stream",
  },
  {
    title: "[postgresql-7] a table of another name",
    before: ROWS,
    after: ["ALTER TABLE t RENAME TO orders"],
    lost: "table public.orders is public.t on the old database",
  },
  {
    title: "[postgresql-7] a table, and its sequence, in another schema",
    before: ROWS,
    after: ["CREATE SCHEMA other; ALTER TABLE t SET SCHEMA other"],
    lost: "table other.t is public.t on the old database",
  },
  {
    title: "[postgresql-7] a column of another name keeps its values",
    before: ROWS,
    after: ["ALTER TABLE t RENAME COLUMN what TO how"],
    lost: "column public.t.how is public.t.what on the old database",
  },
  {
    title: "[postgresql-7] a composite type with one part more",
    before: "CREATE TYPE place AS (x int, y int); CREATE TABLE t (id int PRIMARY KEY, at place); INSERT INTO t VALUES (1, (1, 2))",
    after: ["ALTER TYPE place ADD ATTRIBUTE z int"],
    lost: "type public.place is different",
  },
  {
    title: "[postgresql-7] a column whose default was for the rows that were there, and is another one or none by now",
    before: ROWS,
    after: [
      "ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 5; ALTER TABLE t ALTER COLUMN a DROP DEFAULT; ALTER TABLE t ADD COLUMN b text DEFAULT 'it''s'; ALTER TABLE t ALTER COLUMN b SET DEFAULT 'other'",
      "INSERT INTO t (what, a) VALUES ('new', 6)",
    ],
  },
  {
    title: "[postgresql-7] a column of values that were worked out for each row",
    before: ROWS,
    after: ["ALTER TABLE t ADD COLUMN u uuid DEFAULT gen_random_uuid(); ALTER TABLE t ALTER COLUMN u DROP DEFAULT"],
    lost: "column public.t.u is only on the promoted database",
  },
  {
    title: "[postgresql-8] a column of a partitioned table, with its default, a generated one of another, and new partitions of partitions",
    before:
      "CREATE TABLE t (id int, k int, PRIMARY KEY (id, k)) PARTITION BY RANGE (id); CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (100); INSERT INTO t SELECT g, 1 FROM generate_series(1, 20) g; CREATE TABLE g (id int PRIMARY KEY); INSERT INTO g VALUES (4)",
    after: [
      "CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (100) TO (200) PARTITION BY LIST (k); CREATE TABLE t_2_all PARTITION OF t_2 DEFAULT; INSERT INTO t VALUES (150, 7)",
      "ALTER TABLE t ADD COLUMN c int DEFAULT 5; ALTER TABLE g ADD COLUMN d int GENERATED ALWAYS AS (id * 2) STORED",
      "UPDATE t SET id = 160 WHERE id = 3; INSERT INTO g VALUES (5)",
    ],
    read: "SELECT t.*, ARRAY(SELECT g::text FROM g ORDER BY 1) FROM t ORDER BY 1",
  },
  {
    title: "[postgresql-8] a partition that was detached",
    before: "CREATE TABLE t (id int) PARTITION BY RANGE (id); CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (100)",
    after: ["ALTER TABLE t DETACH PARTITION t_1"],
    lost: "table public.t_1 is different",
  },
  {
    title: "[postgresql-7] a table that inherits is seen through its parent",
    before: ROWS,
    after: ["CREATE TABLE t_child (more int) INHERITS (t); INSERT INTO t_child (what, more) VALUES ('child', 1)"],
  },
  {
    title: "[postgresql-5] sequences: new ones, where they were set to, and as they count by now",
    before: `${ROWS} CREATE SEQUENCE small AS int; CREATE SEQUENCE set; CREATE SEQUENCE down INCREMENT -1; SELECT nextval('down'), setval('set', 50)`,
    after: [
      "ALTER SEQUENCE small AS bigint; SELECT setval('small', 3000000000); ALTER SEQUENCE set RESTART WITH 1000; SELECT nextval('down')",
      "CREATE SEQUENCE fresh INCREMENT BY 5 CYCLE MAXVALUE 100; SELECT nextval('fresh'); TRUNCATE t RESTART IDENTITY",
    ],
    read: "SELECT * FROM small, set, down, fresh, t_id_seq",
  },
  {
    title: "[postgresql-4] a key that a migration drops makes no write of the application fail",
    before: `${ROWS} CREATE TABLE k (a int NOT NULL UNIQUE, what text); INSERT INTO k VALUES (1, 'x')`,
    after: [
      "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE k DROP CONSTRAINT k_a_key",
      "LOOK",
      "UPDATE t SET what = 'u' WHERE id = 3; UPDATE k SET what = 'y'",
    ],
    lost: "constraint public.t.t_pkey is only on the old database",
  },
  {
    title: "[postgresql-15] triggers that fire for what streams as well do their work once, and are back afterwards",
    before: `${ROWS} CREATE TABLE audit (id serial PRIMARY KEY, what text);
      CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$ BEGIN INSERT INTO audit (what) VALUES (NEW.what); RETURN NEW; END $$;
      CREATE TRIGGER audited AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION audited(); ALTER TABLE t ENABLE ALWAYS TRIGGER audited;
      CREATE FUNCTION skipped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
      CREATE TRIGGER skipped BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION skipped(); ALTER TABLE t ENABLE REPLICA TRIGGER skipped`,
    after: ["INSERT INTO t (what) VALUES ('one'), ('two')"],
    read: "SELECT t.what, (SELECT count(*) FROM audit), ARRAY(SELECT tgenabled FROM pg_trigger WHERE tgrelid = 't'::regclass ORDER BY tgname) FROM t ORDER BY 1",
  },
  {
    title: "[postgresql-17] an event trigger that keeps what is made hears nothing of what cutover makes",
    before: `${ROWS} CREATE TABLE made (id serial PRIMARY KEY, tag text);
      CREATE FUNCTION made() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN INSERT INTO made (tag) VALUES (tg_tag); END $$;
      CREATE EVENT TRIGGER made ON ddl_command_end EXECUTE FUNCTION made()`,
    after: ["CREATE TABLE fresh (id int PRIMARY KEY)", "INSERT INTO t (what) VALUES ('new')"],
    read: "SELECT tag, (SELECT count(*) FROM t) FROM made ORDER BY made.id",
  },
  {
    title: "[postgresql-14] types without an equality at any depth, and a key that is generated, are named",
    before: `${ROWS} CREATE TYPE deep AS (a int, j json); CREATE DOMAIN once AS json; CREATE DOMAIN twice AS once;
      CREATE TABLE by_part (v deep); CREATE TABLE by_domain (v twice); CREATE TABLE by_array (v deep[]); CREATE TABLE by_path (v jsonpath);
      CREATE TABLE by_cursor (v refcursor); CREATE TABLE by_generated (a int, b int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY);
      CREATE TABLE well (a int, b name, c varchar(3)[], d aclitem, e oidvector); INSERT INTO well VALUES (1, 'b', '{c}')`,
    after: ["UPDATE well SET a = 2", "INSERT INTO t (what) VALUES ('new')"],
    refused: ["by_array", "by_cursor", "by_domain", "by_generated", "by_part", "by_path"].map((name) => `public.${name}`),
    read: "SELECT well.*, t.what FROM well, t ORDER BY t.id",
  },
];

/** A physical copy that is promoted, and what applications and their migrations do to it then: carried without a difference, or named. */
describe("what is done to the promoted database, on real PostgreSQL", function () {
  this.timeout(240_000);
  const postgres = postgresForSuite();
  let old: Postgres;
  let fresh: Postgres;
  const effect = risingEffects();
  const at = (side: Side, database: string): SqlEndpoint => ({ ...(side === "old" ? old : fresh).endpoint, database });
  const run = (endpoint: SqlEndpoint, sql: string) => inSession(endpoint, (s) => s.rows(sql), { write: true });
  const databaseOf = (i: number) => `case_${i}`;

  before("a database for each case, and their copy", async () => {
    old = await postgres.primary("old", "max_locks_per_transaction = 256\n");
    for (const [i, { before }] of CASES.entries()) {
      await run(old.endpoint, `CREATE DATABASE ${databaseOf(i)}`);
      await run(at("old", databaseOf(i)), before);
    }
    fresh = await postgres.replica("new", old);
    await fresh.promote();
  });

  for (const [i, { title, after, lost, refused = [], read = "SELECT t.* FROM t ORDER BY 1" }] of CASES.entries())
    it(title, async () => {
      const endpoint = async (side: Side) => at(side, databaseOf(i));
      const port = sqlDataPort({ endpoint, schemaChanges: () => "carry" });
      const look = sqlObservations({ endpoint, schemaChanges: () => "carry" })["reverse-lag"];
      await port.setWrites("old", false, effect());
      await port.setWrites("new", false, effect());
      const started = await port.startReverseReplication(effect());
      expect(((started.facts?.left ?? []) as { name: string }[]).map((l) => l.name).sort()).to.deep.equal(refused);
      await port.setWrites("new", true, effect());
      for (const sql of after) await (sql === "LOOK" ? look() : run(await endpoint("new"), sql));
      const seen = await look();
      if (lost !== undefined) expect(seen.known && seen.value === -2 && seen.note, JSON.stringify(seen)).to.contain(lost);
      else expect(seen.known && seen.value === -2, JSON.stringify(seen)).to.equal(false);
      const { facts, summary } = await port.stopReverseReplication(effect(), { refuseWrites: true });
      if (lost !== undefined) return;
      expect((facts?.drift ?? []) as Drift[], summary).to.deep.equal([]);
      expect(facts?.differences, summary).to.equal(0);
      expect(await run(await endpoint("old"), read), summary).to.deep.equal(await run(await endpoint("new"), read));
    });
});

import { expect } from "chai";
import { carrySchema } from "../../../../src/adapters/engines/postgresql/carry.js";
import { sqlDataPort, sqlObservations } from "../../../../src/adapters/engines/postgresql/dataPort.js";
import { Conflict } from "../../../../src/errors.js";
import type { Reading, Side } from "../../../../src/ports/observations.js";
import { type Postgres, postgresForSuite } from "../../../support/postgres.js";

/** What a new version's migrations do to the promoted database while changes stream back from it. */
describe("schema changes after the promotion, on real PostgreSQL", function () {
  this.timeout(180_000);
  const postgres = postgresForSuite();
  let old: Postgres;
  let fresh: Postgres;
  const endpoint = async (side: Side) => (side === "old" ? old : fresh).endpoint;
  const portWith = (schemaChanges: "carry" | "hold") => sqlDataPort({ endpoint, schemaChanges: () => schemaChanges });
  let fence = 0;
  const effect = () => {
    fence += 1;
    return { key: `k${fence}`, fence };
  };
  const both = async (sql: string) => {
    for (const server of [old, fresh]) await server.sql((s) => s.rows(sql));
  };
  const rows = (at: Postgres, table: string) => at.sql((s) => s.rows(`SELECT t::text FROM ${table} t ORDER BY 1`));
  const MIGRATION = `
    CREATE TABLE coupons (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), code text NOT NULL, worth numeric(8, 2) DEFAULT 1);
    CREATE INDEX coupons_code ON coupons (lower(code));
    INSERT INTO coupons (code) SELECT 'before ' || g FROM generate_series(1, 50) g;
    CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (100) TO (200);
    INSERT INTO events SELECT g, 'new' FROM generate_series(100, 149) g;
    ALTER TABLE orders ADD COLUMN note text DEFAULT 'none'; INSERT INTO orders (what, note) VALUES ('after', 'said')`;

  before(async () => {
    [old, fresh] = [await postgres.primary("old"), await postgres.primary("new")];
  });
  beforeEach(async () => {
    await both(`CREATE TABLE orders (id serial PRIMARY KEY, what text); INSERT INTO orders (what) VALUES ('first');
                CREATE TABLE events (id int PRIMARY KEY, what text) PARTITION BY RANGE (id); CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (100)`);
  });
  afterEach(async () => {
    await portWith("hold").stopReverseReplication(effect(), { drain: false });
    await both("DROP SCHEMA public CASCADE; CREATE SCHEMA public; SELECT lo_unlink(oid) FROM pg_largeobject_metadata");
  });

  it("[postgresql-7] [postgresql-8] hold: the next look says what does not stream, and the way back what it lost", async () => {
    const look = sqlObservations({ endpoint })["reverse-lag"];
    await portWith("hold").startReverseReplication(effect());
    await fresh.sql((s) => s.rows(MIGRATION));
    const seen = await look();
    expect(seen).to.include({ known: true, value: -2 });
    expect((seen as { note: string }).note).to.equal(
      "column public.orders.note is only on the promoted database; partition public.events_2 is only on the promoted database; table public.coupons is only on the promoted database",
    );
  });

  it("[postgresql-7] [postgresql-8] carry: tables with their rows, partitions and columns are there when the old side takes over", async () => {
    const look = sqlObservations({ endpoint, schemaChanges: () => "carry" })["reverse-lag"];
    const port = portWith("carry");
    await port.startReverseReplication(effect());
    await fresh.sql((s) => s.rows(MIGRATION));
    const seen = await look();
    expect(seen.known && seen.value, JSON.stringify(seen)).to.not.equal(-2);
    await fresh.sql((s) =>
      s.rows(
        "INSERT INTO coupons (code) VALUES ('after'); UPDATE events SET what = 'changed' WHERE id = 120; DELETE FROM coupons WHERE code = 'before 7'",
      ),
    );
    // And one more, which only the way back itself sees.
    await fresh.sql((s) => s.rows("CREATE TABLE late (id bigserial PRIMARY KEY); INSERT INTO late SELECT FROM generate_series(1, 9)"));
    const { summary, facts } = await port.stopReverseReplication(effect());
    expect(summary).to.contain("was drained and ended").and.contain("no difference").and.not.contain("Lost");
    expect(facts).to.include({ differences: 0 });
    for (const table of ["orders", "events", "coupons", "late"])
      expect(await rows(old, table), table).to.deep.equal(await rows(fresh, table));
    expect(await rows(old, "coupons")).to.have.length(50);
    // Its sequence too: the old side writes on.
    await old.sql((s) => s.rows("INSERT INTO late DEFAULT VALUES"));
  });

  /** Looks until the stream has said how far it is. */
  const seen = async (look: () => Promise<Reading>): Promise<Reading & { note?: string }> => {
    for (let tries = 0; ; tries += 1) {
      const reading = await look();
      if (reading.known || tries > 20) return reading;
    }
  };

  it("names what else differs, and holds only for what loses rows or may stop the stream", async () => {
    await both(`CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT i * 2'; CREATE TABLE lines (id int PRIMARY KEY, "order" int);
                ALTER TABLE orders ADD CONSTRAINT named CHECK (what <> ''); CREATE VIEW few AS SELECT id FROM orders`);
    const look = sqlObservations({ endpoint })["reverse-lag"];
    await portWith("hold").startReverseReplication(effect());
    await fresh.sql((s) =>
      s.rows(`
        ALTER TABLE lines ADD CONSTRAINT to_order FOREIGN KEY ("order") REFERENCES orders; CREATE INDEX lines_order ON lines ("order");
        ALTER TABLE orders ALTER COLUMN what SET DEFAULT 'x'; GRANT SELECT ON orders TO PUBLIC;
        CREATE OR REPLACE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT i + i';
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER touched BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
        CREATE OR REPLACE VIEW few AS SELECT id FROM orders WHERE id > 0;
        ALTER TABLE lines ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON lines USING (true)`),
    );
    const beside = await seen(look);
    expect(beside.known && beside.value, JSON.stringify(beside)).to.be.at.least(0);
    const parts = (beside.note ?? "").replace("nothing is lost by it: ", "").split("; ").sort();
    expect(parts).to.deep.equal(
      [
        "default of public.orders.what is only on the promoted database",
        "foreign key public.lines.to_order is only on the promoted database",
        "function public.touch() is only on the promoted database",
        "function public.twice(integer) is different",
        "grants of public.orders is different",
        "index public.lines.lines_order is only on the promoted database",
        "policy public.lines.mine is only on the promoted database",
        "row security of public.lines is only on the promoted database",
        "trigger public.orders.touched is only on the promoted database",
        "view public.few is different",
      ].sort(),
    );
    // A row that the promoted database takes now, the old one would refuse: the stream would stand still.
    await fresh.sql((s) => s.rows("ALTER TABLE orders DROP CONSTRAINT named"));
    expect(await look()).to.deep.equal({ known: true, value: -2, note: "constraint public.orders.named is only on the old database" });
    await fresh.sql((s) => s.rows("ALTER TABLE orders ADD CONSTRAINT named CHECK (what <> '')"));
    const { summary, facts } = await portWith("hold").stopReverseReplication(effect());
    expect(summary).to.contain("Otherwise on the old database: ").and.not.contain("Lost on");
    expect(facts?.otherwise).to.have.length(10);
    expect(facts).to.include({ differences: 0 });
  });

  it("tells of a column that a migration dropped where the old database cannot fill it", async () => {
    await both("CREATE TABLE wide (id int PRIMARY KEY, needed int NOT NULL, filled int NOT NULL DEFAULT 1, free int)");
    const look = sqlObservations({ endpoint })["reverse-lag"];
    await portWith("hold").startReverseReplication(effect());
    await fresh.sql((s) => s.rows("ALTER TABLE wide DROP COLUMN filled, DROP COLUMN free; INSERT INTO wide VALUES (1, 1)"));
    const without = await seen(look);
    expect(without.known && without.value, JSON.stringify(without)).to.be.at.least(0);
    await fresh.sql((s) => s.rows("ALTER TABLE wide DROP COLUMN needed"));
    expect(await look()).to.deep.equal({ known: true, value: -2, note: "NOT NULL of public.wide.needed is only on the old database" });
  });

  it("carry: brings labels and new enums with the tables that have them, and who may use these", async () => {
    await both("CREATE TYPE state AS ENUM ('open', 'closed'); CREATE TABLE jobs (id int PRIMARY KEY, state state)");
    for (const server of [old, fresh]) await server.sql((s) => s.rows("DROP ROLE IF EXISTS clerk; CREATE ROLE clerk"));
    const look = sqlObservations({ endpoint, schemaChanges: () => "carry" })["reverse-lag"];
    await portWith("carry").startReverseReplication(effect());
    await fresh.sql((s) =>
      s.rows(
        "ALTER TYPE state ADD VALUE 'new' BEFORE 'open'; ALTER TYPE state ADD VALUE 'paused' AFTER 'open'; ALTER TYPE state ADD VALUE 'lost' AFTER 'paused'",
      ),
    );
    await fresh.sql((s) =>
      s.rows(`CREATE TYPE kind AS ENUM ('a', 'b'); CREATE TABLE kinds (id int PRIMARY KEY, kind kind DEFAULT 'b'); GRANT SELECT, INSERT ON kinds TO clerk;
              INSERT INTO kinds VALUES (1, 'a'); INSERT INTO jobs VALUES (1, 'new'), (2, 'lost')`),
    );
    const said = await seen(look);
    expect(said.known && said.value, JSON.stringify(said)).to.be.at.least(0);
    const { summary } = await portWith("carry").stopReverseReplication(effect());
    expect(summary).to.contain("no difference").and.not.contain("Lost on").and.not.contain("Otherwise on");
    for (const table of ["jobs", "kinds"]) expect(await rows(old, table), table).to.deep.equal(await rows(fresh, table));
    await both("DROP OWNED BY clerk; DROP ROLE clerk");
  });

  it("[postgresql-23] carry: a runner that lost its lease brings nothing over, nor a look after another one has taken over", async () => {
    const port = portWith("carry");
    const look = sqlObservations({ endpoint, schemaChanges: () => "carry" })["reverse-lag"];
    await port.startReverseReplication(effect());
    const late = { key: "late", fence };
    await old.sql((s) => s.rows(`UPDATE cutover_guard.fence SET token = ${fence + 5}`));
    await fresh.sql((s) => s.rows("CREATE TABLE coupons (id int PRIMARY KEY)"));
    const stale = await carrySchema(fresh.endpoint, old.endpoint, late).catch((e: Error) => e);
    expect(stale).to.be.instanceOf(Conflict);
    expect(await old.sql((s) => s.value("SELECT to_regclass('coupons')"))).to.equal(null);
    fence += 10;
    // The stream has ended on the old side, which another runner has handed over to.
    await port.stopReverseReplication(effect(), { drain: false });
    const after = await carrySchema(fresh.endpoint, old.endpoint).catch((e: Error) => e);
    expect(after).to.be.instanceOf(Conflict);
    expect((after as Error).message).to.contain("Nothing streams back");
    expect((await look()).known).to.equal(false);
    expect(await old.sql((s) => s.value("SELECT to_regclass('coupons')"))).to.equal(null);
  });

  it("[postgresql-9] brings large objects: new, changed and removed ones", async () => {
    await both("SELECT lo_from_bytea(9001, 'same'), lo_from_bytea(9002, 'before'), lo_from_bytea(9003, 'goes')");
    const port = portWith("hold");
    await port.startReverseReplication(effect());
    await fresh.sql((s) =>
      s.rows("SELECT lo_put(9002, 0, 'after!'), lo_unlink(9003), lo_from_bytea(9004, decode(repeat('ab', 5000000), 'hex'))"),
    );
    await port.stopReverseReplication(effect());
    const held = (at: Postgres) =>
      at.sql((s) => s.rows("SELECT oid::int AS oid, md5(lo_get(oid)) AS md5 FROM pg_largeobject_metadata ORDER BY 1"));
    expect(await held(old))
      .to.deep.equal(await held(fresh))
      .and.to.have.length(3);
  });

  it("compares rows once drained: a row that the old side alone changed is named, and the way back ends", async () => {
    const port = portWith("hold");
    await port.startReverseReplication(effect());
    await old.sql((s) => s.rows("INSERT INTO orders (id, what) VALUES (77, 'stray')"));
    const { summary, facts } = await port.stopReverseReplication(effect());
    expect(summary).to.contain('1 row differs, in "public"."orders"');
    expect(facts).to.include({ differences: 1 });
  });
});

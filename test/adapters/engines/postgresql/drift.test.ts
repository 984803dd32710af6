import { expect } from "chai";
import { sqlDataPort, sqlObservations } from "../../../../src/adapters/engines/postgresql/dataPort.js";
import type { Side } from "../../../../src/ports/observations.js";
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

import { expect } from "chai";
import { type CompareProgress, compareDatabases, comparisonReport } from "../../../../src/adapters/engines/postgresql/compare.js";
import { sqlDataPort, sqlObservations } from "../../../../src/adapters/engines/postgresql/dataPort.js";
import { replicaLag } from "../../../../src/adapters/engines/postgresql/writes.js";
import { Terminal } from "../../../../src/errors.js";
import type { Side } from "../../../../src/ports/observations.js";
import { inSession, type Postgres, postgresForSuite } from "../../../support/postgres.js";

const effect = (key = "k") => ({ key, fence: 1 });
const SCHEMA = [
  "CREATE TABLE customers (id bigserial PRIMARY KEY, name varchar(40) NOT NULL, balance numeric, at timestamptz DEFAULT now())",
  'CREATE TABLE "Order Lines" ("order" int, line text, amount double precision, note bytea, PRIMARY KEY (line, "order"))',
  "CREATE TABLE log (what text)",
  "CREATE SCHEMA reports",
  "CREATE TABLE reports.daily (day date PRIMARY KEY, total numeric(12,2))",
  "INSERT INTO customers (name, balance) SELECT 'customer ' || i, i * 1.5 FROM generate_series(1, 2500) i",
  `INSERT INTO "Order Lines" SELECT i, 'it''s ' || (i % 7), i / 3.0, decode(md5(i::text), 'hex') FROM generate_series(1, 900) i`,
  "INSERT INTO log SELECT 'line ' || (i % 3) FROM generate_series(1, 30) i",
  "INSERT INTO reports.daily SELECT date '2026-01-01' + i, i FROM generate_series(0, 40) i",
];

async function eventually<T>(look: () => Promise<T>, right: (value: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    const value = await look();
    if (right(value) || tries > 100) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const zero = (r: { known: boolean; value?: number }) => r.known && r.value === 0;

describe("the data port on real PostgreSQL with streaming replication", function () {
  this.timeout(120_000);
  const postgres = postgresForSuite();
  let old: Postgres;
  let fresh: Postgres;
  const endpoint = async (side: Side) => (side === "old" ? old : fresh).endpoint;
  const port = sqlDataPort({ endpoint, compare: { chunkRows: 1_000, rest: 0 } });
  const observe = sqlObservations({ endpoint });

  before("a primary with data, and its replica", async () => {
    old = await postgres.primary("old");
    await old.sql(async (s) => {
      for (const statement of SCHEMA) await s.rows(statement);
    });
    fresh = await postgres.replica("new", old);
  });

  it("promise 1: a lag of 0 means that everything written was replayed; a broken stream is never 0", async () => {
    expect(zero(await eventually(observe["replica-lag"], zero))).to.equal(true);
    await old.sql((s) => s.rows("INSERT INTO log VALUES ('replayed')"));
    expect(zero(await eventually(observe["replica-lag"], zero))).to.equal(true);
    // A replica that cannot replay, while the source writes.
    await fresh.sql((s) => s.rows("SELECT pg_wal_replay_pause()"));
    await old.sql((s) => s.rows("INSERT INTO log VALUES ('behind')"));
    const behind = await replicaLag(old.endpoint, fresh.endpoint);
    expect(behind.known && behind.value).to.be.greaterThan(0);
    await fresh.sql((s) => s.rows("SELECT pg_wal_replay_resume()"));
    expect(zero(await eventually(observe["replica-lag"], zero))).to.equal(true);
    await fresh.stop();
    expect(await observe["replica-lag"]()).to.include({ known: false });
    await fresh.start();
  });

  it("stops writes for every session, and says so only once nobody is in the middle of one", async () => {
    expect(await observe["writes-stopped"]()).to.deep.equal({ known: true, value: 0 });
    const open = inSession(old.endpoint, async (s) => {
      await s.rows("BEGIN");
      await s.rows("INSERT INTO log VALUES ('half a transaction')");
      await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
    }).then(
      () => "went on",
      (error: Error) => error,
    );
    await eventually(
      () => old.sql((s) => s.value<string>("SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL")),
      (n) => Number(n) > 0,
    );
    const evidence = await port.setWrites("old", false, effect());
    expect(evidence.facts?.sessionsEnded).to.be.at.least(1);
    expect(await observe["writes-stopped"]()).to.deep.equal({ known: true, value: 1 });
    const refused = await inSession(old.endpoint, (s) => s.rows("INSERT INTO log VALUES ('late')")).catch((e: Error) => e);
    expect(refused).to.be.instanceOf(Terminal).with.property("message").that.contains("read-only transaction");
    // Asked again, as after a crash, it is the same.
    await port.setWrites("old", false, effect());
    void open;
  });

  it("is not fooled by a session of its own that is in the middle of a write", async () => {
    let writing: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      writing = resolve;
    });
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const rogue = old.sql(async (s) => {
      await s.rows("BEGIN");
      await s.rows("INSERT INTO log VALUES ('rogue')");
      writing();
      await ended;
      await s.rows("ROLLBACK");
    });
    await begun;
    expect(await observe["writes-stopped"]()).to.deep.equal({ known: true, value: 0 });
    end();
    await rogue;
    expect(await observe["writes-stopped"]()).to.deep.equal({ known: true, value: 1 });
  });

  it("compares schema, counts and content of every table in chunks, and finds them equal", async () => {
    await eventually(observe["replica-lag"], zero);
    const evidence = await port.compare(effect());
    expect(evidence.differences, evidence.files?.["comparison.md"]).to.equal(0);
    expect(evidence.facts).to.deep.include({ tables: 4, differences: 0 });
    expect(evidence.facts?.rows).to.equal(2_500 + 900 + 32 + 41);
    expect(evidence.files?.["comparison.md"]).to.match(/\| "public"\."customers" \| 2500 \| 2500 \| 0 \| 3 \|/);
  });

  it("finds out that a replica's changes could stream back once it is promoted, while it is none", async () => {
    expect((await port.testReplica(effect())).facts).to.deep.equal({ tables: 4, streamsBack: true, stopsWrites: true });
    for (const server of [old, fresh])
      expect(
        await server.sql((s) =>
          s.value<string>(
            "SELECT (SELECT count(*) FROM pg_subscription) + (SELECT count(*) FROM pg_replication_slots) + (SELECT count(*) FROM pg_replication_origin)",
          ),
        ),
      ).to.equal("0");
  });

  it("promotes, while the promoted database refuses writes until it is told to accept them", async () => {
    expect(await observe["database-primary"]()).to.deep.equal({ known: true, value: 0 });
    await fresh.promote();
    expect(await observe["database-primary"]()).to.deep.equal({ known: true, value: 1 });
    const refused = await inSession(fresh.endpoint, (s) => s.rows("INSERT INTO log VALUES ('too early')")).catch((e: Error) => e);
    expect(refused).to.be.instanceOf(Terminal);
    expect((await port.testReplica(effect())).facts).to.deep.equal({ tables: 4, streamsBack: true, stopsWrites: true });
  });

  it("streams back what is written after the promotion, and a rollback loses nothing, not even sequences", async () => {
    const started = await port.startReverseReplication(effect());
    expect(started).to.deep.include({ supported: true, facts: { tables: 4 } });
    expect(await port.startReverseReplication(effect())).to.deep.include({ supported: true });
    await port.verifyReadWrite(effect());
    await port.setWrites("new", true, effect());
    await inSession(fresh.endpoint, async (s) => {
      await s.rows("INSERT INTO customers (name) SELECT 'after promotion ' || i FROM generate_series(1, 500) i");
      await s.rows("UPDATE customers SET balance = -1 WHERE id <= 10");
      await s.rows("DELETE FROM reports.daily WHERE total = 7");
      await s.rows("UPDATE log SET what = 'changed without a key' WHERE what = 'line 1'");
    });
    // The way back: writes stop on the new database, the stream drains, the old one takes over.
    await port.setWrites("new", false, effect());
    const stopped = await port.stopReverseReplication(effect());
    expect(stopped.facts).to.deep.equal({ sequences: 1, rows: 3972, differences: 0 });
    const after = await compareDatabases(fresh.endpoint, old.endpoint, { rest: 0 });
    expect(after.differences, comparisonReport(after)).to.equal(0);
    await port.setWrites("old", true, effect());
    const id = await inSession(old.endpoint, (s) =>
      s.value<string>("INSERT INTO customers (name) VALUES ('first after the rollback') RETURNING id"),
    );
    expect(Number(id)).to.equal(3_001);
    // Again, as after a crash: there is no stream any more.
    expect((await port.stopReverseReplication(effect())).facts).to.deep.equal({ sequences: 0 });
  });

  it("finds planted differences and names them by key, never by value", async () => {
    await fresh.sql(async (s) => {
      await s.rows("UPDATE customers SET name = 'somebody else' WHERE id = 1234");
      await s.rows("DELETE FROM customers WHERE id = 2");
      await s.rows("INSERT INTO customers (id, name) VALUES (999999, 'only here')");
      await s.rows(`UPDATE "Order Lines" SET amount = amount + 0.0000001 WHERE "order" = 5`);
      await s.rows("INSERT INTO log VALUES ('a line more')");
      await s.rows("ALTER TABLE reports.daily ADD COLUMN extra int");
    });
    const result = await compareDatabases(old.endpoint, fresh.endpoint, { chunkRows: 500, rest: 0 });
    const customers = result.tables.find((t) => t.table.includes("customers"));
    expect(customers?.examples).to.deep.include.members([
      { key: "(1234)", what: "different" },
      { key: "(2)", what: "missing in the target" },
      { key: "(999999)", what: "only in the target" },
    ]);
    expect(customers?.examples.map((e) => e.key)).to.include("(3001)");
    expect(result.tables.find((t) => t.table.includes("Order"))?.examples).to.deep.equal([{ key: `("it's 5",5)`, what: "different" }]);
    expect(result.tables.find((t) => t.table.includes("log"))?.differences).to.equal(1);
    expect(result.schema).to.deep.include({ line: "column reports.daily.extra integer", what: "only in the target" });
    expect(comparisonReport(result)).to.not.contain("somebody else");
  });

  it("goes on where a comparison was interrupted, and ends the same", async () => {
    const whole = await compareDatabases(old.endpoint, fresh.endpoint, { chunkRows: 300, rest: 0 });
    let last: CompareProgress | undefined;
    let chunks = 0;
    const interrupted = compareDatabases(old.endpoint, fresh.endpoint, {
      chunkRows: 300,
      rest: 0,
      onProgress: async (progress) => {
        chunks += 1;
        if (chunks > 5) throw new Error("killed");
        last = JSON.parse(JSON.stringify(progress)) as CompareProgress;
      },
    });
    expect(await interrupted.catch((e: Error) => e.message)).to.contain("killed");
    expect(last?.current?.result.chunks).to.be.greaterThan(0);
    const resumed = await compareDatabases(old.endpoint, fresh.endpoint, {
      chunkRows: 300,
      rest: 0,
      ...(last === undefined ? {} : { resume: last }),
    });
    expect(resumed).to.deep.equal(whole);
  });

  it("rests after each chunk in proportion to what it took, and not at all when told so", async () => {
    const load = async (rest: number) => {
      const pauses: number[] = [];
      const began = performance.now();
      await compareDatabases(old.endpoint, fresh.endpoint, { chunkRows: 300, rest, pause: async (ms) => void pauses.push(ms) });
      return { pauses, took: performance.now() - began };
    };
    const { pauses, took } = await load(3);
    // As many as there are chunks before the last of each table: 8 of customers, 2 or 3 of the others.
    expect(pauses.length).to.be.at.least(10);
    expect(pauses.reduce((a, b) => a + b, 0)).to.be.within(0, 3 * took);
    expect(Math.min(...pauses)).to.be.above(0);
    expect((await load(0)).pauses).to.deep.equal([]);
  });

  it("goes on by the port where an earlier process was killed, and begins again for another effect", async () => {
    const saved = new Map<string, CompareProgress>();
    let kills = 3;
    const progress = {
      load: async (key: string) => structuredClone(saved.get(key)),
      save: async (key: string, at: CompareProgress) => {
        saved.set(key, structuredClone(at));
        kills -= 1;
        if (kills === 0) throw new Error("killed");
      },
    };
    const restarted = () => sqlDataPort({ endpoint, progress, compare: { chunkRows: 300, rest: 0 } });
    expect(
      await restarted()
        .compare(effect("one"))
        .catch((e: Error) => e.message),
    ).to.contain("killed");
    const chunksDone = saved.get("one")?.current?.result.chunks ?? 0;
    expect(chunksDone).to.be.above(0);
    kills = Number.POSITIVE_INFINITY;
    const whole = await sqlDataPort({ endpoint, compare: { chunkRows: 300, rest: 0 } }).compare(effect("other"));
    expect(await restarted().compare(effect("one"))).to.deep.equal(whole);
    await restarted().compare(effect("two"));
    expect(saved.get("two")?.done).to.have.length(4);
  });
});

describe("a promoted database without logical WAL", function () {
  this.timeout(60_000);
  const postgres = postgresForSuite();

  it("says that changes cannot stream back, and what to set before the cutover", async () => {
    const server = await postgres.primary("plain");
    await server.sql((s) => s.rows("ALTER SYSTEM SET wal_level = replica"));
    await server.stop();
    await server.start();
    const port = sqlDataPort({ endpoint: async () => server.endpoint });
    const answer = await port.startReverseReplication(effect());
    expect(answer.supported).to.equal(false);
    expect(answer.summary)
      .to.contain("wal_level is replica: set rds.logical_replication")
      .and.contain("Going back loses what is written after the promotion");
    expect((await port.testReplica(effect())).summary).to.contain("could not stream back after a promotion: wal_level is replica");
  });
});

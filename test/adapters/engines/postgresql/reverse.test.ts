import { expect } from "chai";
import { sqlDataPort, sqlObservations } from "../../../../src/adapters/engines/postgresql/dataPort.js";
import { startReverse, stopReverse } from "../../../../src/adapters/engines/postgresql/reverse.js";
import { allowWrites } from "../../../../src/adapters/engines/postgresql/writes.js";
import { Terminal } from "../../../../src/errors.js";
import type { Reading, Side } from "../../../../src/ports/observations.js";
import { inSession, type Postgres, postgresForSuite } from "../../../support/postgres.js";

const effect = { key: "k", fence: 1 };
const DRAINED = "what streamed back is said to be there as a whole, and nothing streams any more";

describe("the stream back on real PostgreSQL, interrupted", function () {
  this.timeout(60_000);
  const postgres = postgresForSuite();
  let old: Postgres;
  let fresh: Postgres;
  const endpoint = async (side: Side) => (side === "old" ? old : fresh).endpoint;
  const port = sqlDataPort({ endpoint });
  const stop = () => port.stopReverseReplication(effect);
  const failing = async (asked: Promise<unknown>): Promise<Error> =>
    asked.then(
      () => new Error("it went well"),
      (error: Error) => error,
    );
  const write = (what: string) => fresh.sql((s) => s.rows("INSERT INTO orders (what) VALUES ($1)", [what]));
  const orders = () => old.sql((s) => s.rows<{ what: string }>("SELECT what FROM orders ORDER BY id").then((r) => r.map((o) => o.what)));
  /** What is there of a stream on either server. */
  const remains = async (): Promise<string[]> => {
    const named = (at: Postgres, sql: string) => at.sql((s) => s.rows<{ what: string }>(sql));
    const found = await Promise.all([
      named(fresh, "SELECT 'publication ' || pubname AS what FROM pg_publication"),
      named(fresh, "SELECT 'slot ' || rtrim(slot_name, '_0123456789') AS what FROM pg_replication_slots"),
      named(old, "SELECT 'subscription ' || subname AS what FROM pg_subscription"),
    ]);
    return found.flat().map((f) => f.what);
  };
  /** The server refuses a kind of statement until it is allowed again, as if the process had died before it. */
  const refusing = async (at: Postgres, tag: string, use: () => Promise<void>) => {
    await at.sql(async (s) => {
      await s.rows("CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the process died here'; END $$");
      await s.rows(`CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('${tag}') EXECUTE FUNCTION refuse()`);
      // Others are not asked where cutover may say so.
      await s.rows("ALTER EVENT TRIGGER refuse ENABLE ALWAYS");
    });
    await use();
    await at.sql(async (s) => {
      await s.rows("DROP EVENT TRIGGER refuse");
      await s.rows("DROP FUNCTION refuse()");
    });
  };

  before("two databases with the same rows, as after a promotion", async () => {
    [old, fresh] = [await postgres.primary("old"), await postgres.primary("new")];
  });
  beforeEach(async () => {
    for (const server of [old, fresh]) await server.sql((s) => s.rows("CREATE TABLE orders (id serial PRIMARY KEY, what text)"));
  });
  afterEach("leaves nothing for the next test", async () => {
    await fresh.sql((s) => s.rows("DROP PUBLICATION IF EXISTS cutover_back"));
    await port.stopReverseReplication(effect, { drain: false });
    for (const server of [old, fresh]) await server.sql((s) => s.rows("DROP TABLE IF EXISTS orders"));
  });

  it("promise 5: a start that fails at the subscription leaves a way back, at once", async () => {
    const unreachable = { ...fresh.endpoint, port: 1 };
    expect((await failing(startReverse(fresh.endpoint, old.endpoint, unreachable))).message).to.contain(
      "could not connect to the publisher",
    );
    expect(await remains()).to.not.include("subscription cutover_back");
    const began = Date.now();
    const { summary, facts } = await stop();
    expect(Date.now() - began).to.be.below(5_000);
    expect(summary).to.contain("there was nothing to drain").and.not.contain("drained and ended");
    expect(facts).to.deep.equal({ sequences: 0 });
    expect(await remains()).to.deep.equal([]);
  });

  it("starts after such a failure, also where the old server died while it subscribed and left a slot", async () => {
    await failing(startReverse(fresh.endpoint, old.endpoint, { ...fresh.endpoint, port: 1 }));
    expect(await remains()).to.include("slot cutover_back");
    expect((await port.startReverseReplication(effect)).supported).to.equal(true);
    await write("after the second attempt");
    expect((await stop()).summary).to.contain("was drained and ended; 1 sequences were carried over");
    expect(await orders()).to.deep.equal(["after the second attempt"]);
    expect(await remains()).to.deep.equal([]);
  });

  it("promise 9: the server's log holds no password of a subscription that failed", async () => {
    await failing(startReverse(fresh.endpoint, old.endpoint, { ...fresh.endpoint, port: 1 }));
    const log = await old.sql((s) => s.value<string>("SELECT pg_read_file(current_setting('data_directory') || '.log')"));
    expect(log).to.contain("could not connect to the publisher").and.not.contain("p@ss");
  });

  it("drains what streams although the process died before it remembered that", async () => {
    await refusing(fresh, "COMMENT", async () => {
      expect((await failing(port.startReverseReplication(effect))).message).to.contain("the process died here");
    });
    await write("kept");
    expect((await stop()).summary).to.contain("drained and ended");
    expect(await orders()).to.deep.equal(["kept"]);
  });

  it("promise 6: asked twice to start and twice to stop, streams once and carries everything over", async () => {
    for (const _ of [1, 2]) expect((await port.startReverseReplication(effect)).summary).to.contain("1 table of");
    await write("one");
    expect((await stop()).facts).to.deep.equal({ sequences: 1, rows: 1, differences: 0 });
    expect((await stop()).summary).to.contain("there was nothing to drain");
    expect(await orders()).to.deep.equal(["one"]);
    // The way forward again: what an earlier stream was says nothing about this one.
    await port.startReverseReplication(effect);
    await write("two");
    await stop();
    expect(await orders()).to.deep.equal(["one", "two"]);
  });

  it("promise 6: goes on where it was killed between the subscription's end and the publication's", async () => {
    await port.startReverseReplication(effect);
    await write("before the end");
    await refusing(fresh, "DROP PUBLICATION", async () => {
      expect((await failing(stop())).message).to.contain("the process died here");
    });
    expect(await remains()).to.deep.equal(["publication cutover_back"]);
    const began = Date.now();
    expect((await stop()).summary)
      .to.contain("it had been drained before")
      .and.not.contain("was drained");
    expect(Date.now() - began).to.be.below(5_000);
    expect(await orders()).to.deep.equal(["before the end"]);
    expect(await remains()).to.deep.equal([]);
  });

  it("drains again where it was killed before the subscription's end, and writes were allowed in between", async () => {
    await port.startReverseReplication(effect);
    await refusing(old, "DROP SUBSCRIPTION", async () => {
      expect((await failing(stop())).message).to.contain("the process died here");
    });
    await write("in between");
    expect((await stop()).summary).to.contain("was drained and ended");
    expect(await orders()).to.deep.equal(["in between"]);
    expect(await remains()).to.deep.equal([]);
  });

  it("ends also where the server dropped the slot, and died before it forgot the subscription", async () => {
    await port.startReverseReplication(effect);
    await old.sql((s) => s.rows("ALTER SUBSCRIPTION cutover_back DISABLE"));
    await dropSlot();
    await fresh.sql((s) => s.rows("COMMENT ON PUBLICATION cutover_back IS 'drained'"));
    expect((await stop()).summary).to.contain("it had been drained before");
    expect(await remains()).to.deep.equal([]);
  });

  const dropSlot = async () => {
    for (let tries = 0; ; tries += 1) {
      const dropped = await failing(
        fresh.sql((s) => s.rows("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name ~ '^cutover_back'")),
      );
      if (dropped.message === "it went well") return;
      if (tries > 50) throw dropped;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  it("promise 5: says at once that a stream is broken whose slot is gone, and starts no other over it", async () => {
    await port.startReverseReplication(effect);
    await old.sql((s) => s.rows("ALTER SUBSCRIPTION cutover_back DISABLE"));
    await dropSlot();
    await write("lost");
    const began = Date.now();
    const error = await failing(stop());
    expect(Date.now() - began).to.be.below(5_000);
    expect(error).to.be.instanceOf(Terminal).with.property("message").that.contains("its replication slot is gone");
    expect(await failing(port.startReverseReplication(effect))).to.be.instanceOf(Terminal);
    expect(await remains()).to.have.length(2);
    // A person carried over what was missing, and says so as the error told.
    const said = /COMMENT ON PUBLICATION cutover_back IS 'drained'/.exec((error as Terminal).next ?? "")?.[0] ?? "";
    await fresh.sql((s) => s.rows(said));
    await stop();
    expect(await remains()).to.deep.equal([]);
  });

  it("says at once that a stream is broken whose slot the server gave up", async () => {
    await port.startReverseReplication(effect);
    await old.sql((s) => s.rows("ALTER SUBSCRIPTION cutover_back DISABLE"));
    await fresh.sql(async (s) => {
      await s.rows("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'");
      await s.rows("SELECT pg_reload_conf()");
    });
    for (let segment = 0; segment < 4; segment += 1) {
      await write("more than is kept");
      await fresh.sql((s) => s.rows("SELECT pg_switch_wal()"));
    }
    await fresh.sql(async (s) => {
      await s.rows("CHECKPOINT");
      await s.rows("ALTER SYSTEM RESET max_slot_wal_keep_size");
      await s.rows("SELECT pg_reload_conf()");
    });
    expect((await failing(stop())).message).to.contain("its replication slot was invalidated");
    await fresh.sql((s) => s.rows("COMMENT ON PUBLICATION cutover_back IS 'drained'"));
    await stop();
    expect(await remains()).to.deep.equal([]);
  });

  it("says at once that a stream is broken whose subscription is gone", async () => {
    await port.startReverseReplication(effect);
    await old.sql(async (s) => {
      await s.rows("ALTER SUBSCRIPTION cutover_back DISABLE");
      await s.rows("ALTER SUBSCRIPTION cutover_back SET (slot_name = NONE)");
      await s.rows("DROP SUBSCRIPTION cutover_back");
    });
    const error = await failing(stop());
    expect(error).to.be.instanceOf(Terminal).with.property("message").that.contains("its subscription is gone");
    await fresh.sql((s) => s.rows("COMMENT ON PUBLICATION cutover_back IS 'drained'"));
    await stop();
    expect(await remains()).to.deep.equal([]);
  });

  it("finds out before the cutover that the old server could not subscribe, and leaves nothing behind", async () => {
    const unreachable = sqlDataPort({ endpoint, publisher: async () => ({ ...fresh.endpoint, port: 1 }) });
    const warned = await unreachable.testReplica(effect);
    expect(warned.facts).to.include({ streamsBack: false });
    expect(warned.summary).to.match(/could not stream back after a promotion: the old database cannot subscribe to it .*could not connect/);
    expect(warned.summary).to.not.contain("p@ss");
    expect((await port.testReplica(effect)).facts).to.include({ streamsBack: true });
    expect(await remains()).to.deep.equal([]);
  });

  it("says what a stream that hangs waits for, and leaves it", async () => {
    await port.startReverseReplication(effect);
    await old.sql((s) => s.rows("ALTER SUBSCRIPTION cutover_back DISABLE"));
    await write("later");
    const error = await failing(stopReverse(fresh.endpoint, old.endpoint, { timeoutSeconds: 1 }));
    expect(error.message).to.match(/within 1 s: it is .* behind and not connected/);
    await old.sql((s) => s.rows("ALTER SUBSCRIPTION cutover_back ENABLE"));
    await stop();
    expect(await orders()).to.deep.equal(["later"]);
  });

  describe("on the way back", () => {
    const back = sqlDataPort({ endpoint, drainSeconds: 1 });
    const goBack = () => back.stopReverseReplication(effect, { refuseWrites: true });
    /** As the application's user, whoever cutover's own is. */
    const accepts = (at: Postgres) =>
      inSession({ ...at.endpoint, user: "app", password: "app" }, (s) =>
        s.rows("INSERT INTO orders (id, what) VALUES (-1 - floor(random() * 2000000000)::int, 'probe')"),
      ).then(
        () => true,
        () => false,
      );
    const which = async () => ({ old: await accepts(old), new: await accepts(fresh) });
    const disable = () => old.sql((s) => s.rows("ALTER SUBSCRIPTION cutover_back DISABLE"));

    beforeEach("streams, with writes on the promoted side", async () => {
      for (const server of [old, fresh])
        await server.sql(async (s) => {
          await s.rows(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') THEN CREATE ROLE app LOGIN PASSWORD 'app'; END IF; END $$",
          );
          await s.rows("GRANT ALL ON ALL TABLES IN SCHEMA public TO app");
          await s.rows("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app");
        });
      await back.setWrites("old", false, effect);
      await back.startReverseReplication(effect);
      expect(await which()).to.deep.equal({ old: false, new: true });
      await back.setWrites("new", false, effect);
      expect(await which()).to.deep.equal({ old: false, new: false });
    });
    afterEach(async () => {
      for (const server of [old, fresh])
        await server.sql(async (s) => {
          await s.rows("DROP EVENT TRIGGER IF EXISTS refuse");
          await s.rows("DROP FUNCTION IF EXISTS refuse()");
        });
      // As the other tests have them.
      for (const side of ["old", "new"] as const) await back.setWrites(side, true, effect);
    });

    it("[postgresql-5] [postgresql-6] a stream that cannot drain in time leaves the promoted side writable, and says so", async () => {
      await disable();
      await write("behind");
      for (const _ of [1, 2]) {
        const error = await failing(goBack());
        expect(error).to.be.instanceOf(Terminal);
        expect(error.message).to.match(/within 1 s: .*, which has all rows, accepts writes again, and .* refuses them\.$/);
        expect(error.message).to.match(new RegExp(`:${fresh.endpoint.port}/db, which .* and [^ ]*:${old.endpoint.port}/db refuses`));
        expect((error as Terminal).next).to.contain("what is written to the promoted database meanwhile is drained then");
        expect(await which()).to.deep.equal({ old: false, new: true });
      }
      // Mended, it takes everything along that was written meanwhile, and the promoted side is closed.
      await old.sql((s) => s.rows("ALTER SUBSCRIPTION cutover_back ENABLE"));
      await sqlDataPort({ endpoint }).stopReverseReplication(effect, { refuseWrites: true });
      expect(await orders()).to.include.members(["behind", "probe"]);
      expect(await which()).to.deep.equal({ old: false, new: false });
    });

    it("[postgresql-5] a stream that is broken leaves the promoted side writable, and says so", async () => {
      await disable();
      await dropSlot();
      const error = await failing(goBack());
      expect(error).to.be.instanceOf(Terminal);
      expect(error.message).to.match(/its replication slot is gone.* accepts writes again, and .* refuses them\.$/);
      expect(await which()).to.deep.equal({ old: false, new: true });
      await fresh.sql((s) => s.rows("COMMENT ON PUBLICATION cutover_back IS 'drained'"));
    });

    it("[postgresql-6] a statement refused after draining leaves the promoted side writable, and its writes are drained again", async () => {
      await refusing(old, "DROP SUBSCRIPTION", async () => {
        const error = await failing(sqlDataPort({ endpoint }).stopReverseReplication(effect, { refuseWrites: true }));
        expect(error.message).to.match(/the process died here.* accepts writes again/);
        expect(await which()).to.deep.equal({ old: false, new: true });
      });
      await sqlDataPort({ endpoint }).stopReverseReplication(effect, { refuseWrites: true });
      expect(await orders()).to.deep.equal(["probe", "probe"]);
    });

    it("hands over once nothing streams any more, whatever cannot be cleared away, and says what is left", async () => {
      await write("last");
      await refusing(fresh, "DROP PUBLICATION", async () => {
        const { summary } = await sqlDataPort({ endpoint }).stopReverseReplication(effect, { refuseWrites: true });
        expect(summary).to.match(/drained and ended.*Something of it is left: .*the process died here/);
      });
      expect(await orders()).to.include("last");
    });

    it("promise 3: opens nothing where the old side accepts writes already, or another runner has taken over", async () => {
      await disable();
      await write("behind");
      await old.sql(async (s) => s.rows("UPDATE cutover_guard.fence SET token = 2"));
      const stale = await failing(goBack());
      expect(stale.message).to.contain("the lease 1 was lost");
      await old.sql(async (s) => s.rows("UPDATE cutover_guard.fence SET token = 1"));
      expect(await which()).to.deep.equal({ old: false, new: false });
      // By hand, past cutover.
      await allowWrites(old.endpoint, effect);
      expect((await failing(goBack())).message).to.match(/accepts writes, and .* refuses them: somebody opened it\.$/);
      expect(await which()).to.deep.equal({ old: true, new: false });
    });
  });

  it("makes nothing where there are no tables, and removes what an earlier version made there", async () => {
    for (const server of [old, fresh]) await server.sql((s) => s.rows("DROP TABLE orders"));
    expect((await port.startReverseReplication(effect)).summary).to.contain("no tables");
    expect(await remains()).to.deep.equal([]);
    const { host, port: at, user, password } = fresh.endpoint;
    const escaped = password.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("'", "''");
    await inSession(old.endpoint, (s) =>
      s.rows(
        `CREATE SUBSCRIPTION cutover_back CONNECTION 'host=${host} port=${at} dbname=db user=${user} password=''${escaped}''' PUBLICATION cutover_back`,
      ),
    );
    await stop();
    expect(await remains()).to.deep.equal([]);
  });

  it("promise 5: says how far the old database is behind, in seconds, and that a stream is lost", async () => {
    const look = sqlObservations({ endpoint })["reverse-lag"];
    /** A server starts a subscription's worker every five seconds at most. */
    const caughtUp = async () => {
      for (let tries = 0; tries < 6 && !(seconds(await look()) < 3); tries += 1);
      expect(seconds(await look())).to.be.within(0, 3);
    };
    /** The old server's worker has let go of the slot. */
    const released = () =>
      fresh.sql(async (s) => {
        for (let tries = 0; tries < 100; tries += 1) {
          if (await s.value<boolean>("SELECT bool_and(active_pid IS NULL) FROM pg_replication_slots")) return;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      });
    const seconds = (reading: Reading): number => (reading.known ? reading.value : Number.NaN);
    expect(await look()).to.deep.equal({ known: false, reason: "nothing streams back to the old database" });
    await port.startReverseReplication(effect);
    await caughtUp();
    await write("fetched");
    await caughtUp();

    await old.sql((s) => s.rows("ALTER SUBSCRIPTION cutover_back DISABLE"));
    await released();
    await write("not fetched");
    const first = seconds(await look());
    expect(first).to.be.above(3);
    expect(seconds(await look())).to.be.above(first + 2.9);
    // Who did not see that cannot know since when.
    expect(await sqlObservations({ endpoint })["reverse-lag"]()).to.deep.equal({
      known: false,
      reason: "it is behind, for 0 s or longer",
    });
    await old.sql((s) => s.rows("ALTER SUBSCRIPTION cutover_back ENABLE"));
    await caughtUp();
    expect(await orders()).to.deep.equal(["fetched", "not fetched"]);

    await old.sql(async (s) => {
      await s.rows("ALTER SUBSCRIPTION cutover_back DISABLE");
      await s.rows("ALTER SUBSCRIPTION cutover_back SET (slot_name = NONE)");
    });
    await released();
    await fresh.sql((s) =>
      s.rows("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name ~ '^cutover_back'"),
    );
    expect(await look()).to.deep.equal({ known: true, value: -1 });
    await fresh.stop();
    expect(await look()).to.include({ known: false });
    await fresh.start();
    // What a person says once the rest was carried over.
    await fresh.sql((s) => s.rows("COMMENT ON PUBLICATION cutover_back IS 'drained'"));
    expect(await look()).to.deep.equal({ known: false, reason: DRAINED });
  });

  it("ends a stream as it is where nobody needs the rest, lost, hanging or whole", async () => {
    const end = async () => (await port.stopReverseReplication(effect, { drain: false })).summary;
    for (const breaks of [
      undefined,
      () => old.sql((s) => s.rows("ALTER SUBSCRIPTION cutover_back DISABLE")),
      () => fresh.sql((s) => s.rows("DROP PUBLICATION cutover_back")),
      async () => {
        await old.sql((s) => s.rows("ALTER SUBSCRIPTION cutover_back DISABLE"));
        await old.sql((s) => s.rows("ALTER SUBSCRIPTION cutover_back SET (slot_name = NONE)"));
        await old.sql((s) => s.rows("DROP SUBSCRIPTION cutover_back"));
      },
    ]) {
      await port.startReverseReplication(effect);
      await breaks?.();
      await write("may stay behind");
      expect(await end()).to.contain("was ended as it was");
      expect(await remains()).to.deep.equal([]);
    }
  });
});

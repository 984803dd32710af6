import { expect } from "chai";
import { NoAddress } from "../../../../src/adapters/engines/engine.js";
import { sqlDataPort, sqlReadiness } from "../../../../src/adapters/engines/postgresql/dataPort.js";
import { readinessOf } from "../../../../src/adapters/engines/postgresql/readiness.js";
import type { SqlEndpoint } from "../../../../src/adapters/engines/postgresql/session.js";
import { reportReadiness, watchReadiness } from "../../../../src/adapters/engines/postgresql/watch.js";
import { Transient } from "../../../../src/errors.js";
import type { Side } from "../../../../src/ports/observations.js";
import { type ReadinessFinding, worstFirst } from "../../../../src/ports/readiness.js";
import { type Postgres, postgresForSuite } from "../../../support/postgres.js";

describe("readiness of a database, on a real server and its streaming replica", function () {
  this.timeout(180_000);
  const postgres = postgresForSuite();
  let old: Postgres;
  let replica: Postgres;
  const caughtUp = async () => {
    const written = await old.sql((s) => s.value<string>("SELECT pg_current_wal_lsn()::text"));
    await replica.sql(async (s) => {
      while (!(await s.value<boolean>("SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn", [written])))
        await new Promise((r) => setTimeout(r, 50));
    });
  };
  const asUser = (at: Postgres, user: string): SqlEndpoint => ({ ...at.endpoint, user, password: "mover" });
  const about = (findings: ReadinessFinding[], what: string) =>
    findings.filter((f) => f.what === what).map(({ kind, means }) => ({ kind, means }));

  before(async () => {
    old = await postgres.primary("old");
    replica = await postgres.replica("new", old);
    await old.sql((s) =>
      s.rows(`CREATE ROLE somebody; CREATE ROLE mover LOGIN PASSWORD 'mover'; CREATE TABLE orders (id serial PRIMARY KEY)`),
    );
    await caughtUp();
  });

  it("says nothing where nothing is to be said", async () => {
    expect(await readinessOf(old.endpoint, replica.endpoint)).to.deep.equal([]);
  });

  it("[postgresql-10] [postgresql-11] [postgresql-14] [postgresql-17] names before the window what would be lost or slow, with its cure", async () => {
    await old.sql((s) =>
      s.rows(`
        CREATE UNLOGGED TABLE sessions (id int); INSERT INTO sessions SELECT generate_series(1, 1000);
        CREATE TABLE spatial_ref_sys (id int PRIMARY KEY); ALTER TABLE spatial_ref_sys OWNER TO somebody;
        CREATE TABLE logs (entry json); CREATE MATERIALIZED VIEW sums AS SELECT 1 AS n;
        CREATE TABLE visits (at timestamptz); INSERT INTO visits SELECT now() FROM generate_series(1, 20000); ANALYZE visits;
        CREATE TABLE by_code (code text NOT NULL); INSERT INTO by_code SELECT g::text FROM generate_series(1, 20000) g; CREATE UNIQUE INDEX ON by_code (code); ANALYZE by_code`),
    );
    await caughtUp();
    const { facts, summary } = await sqlDataPort({ endpoint: async (side) => (side === "old" ? old : replica).endpoint }).testReplica({
      key: "k",
      fence: 1,
    });
    expect(facts).to.include({ streamsBack: true, stopsWrites: true });
    const { findings } = facts as { findings: ReadinessFinding[] };
    expect(about(findings, "public.sessions")).to.deep.equal([
      { kind: "loses", means: "all 1000 rows at the promotion: it is UNLOGGED, and a replica has none of them" },
    ]);
    expect(findings.find((f) => f.what === "public.sessions")?.cure).to.equal("ALTER TABLE public.sessions SET LOGGED");
    expect(about(findings, "public.logs")[0]?.kind).to.equal("loses");
    expect(about(findings, "public.visits")).to.deep.equal([
      { kind: "slows", means: "each changed row is looked for among about 20000 rows, since it has no usable key" },
    ]);
    // Its unique index serves: nothing is slow there.
    expect(about(findings, "public.by_code")).to.deep.equal([]);
    expect(about(findings, "public.sums")[0]?.kind).to.equal("warns");
    expect(summary).to.contain("Lost: public.sessions, all 1000 rows");
    // A superuser is a member of every role; who moves on RDS is not.
    const limited = await readinessOf(asUser(old, "mover"), asUser(replica, "mover"));
    expect(about(limited, "public.spatial_ref_sys")[0]?.means).to.contain("it belongs to somebody");
  });

  it("[postgresql-12] names an administrator who may not replicate", async () => {
    const before = await readinessOf(asUser(old, "mover"), asUser(replica, "mover"));
    expect(before.find((f) => f.what === "role mover" && f.stops === "the stream back")).to.deep.equal({
      kind: "loses",
      what: "role mover",
      means: "mover may make no replication slot",
      cure: 'ALTER ROLE "mover" REPLICATION; on RDS GRANT rds_replication TO "mover"',
      stops: "the stream back",
    });
    await old.sql((s) => s.rows("ALTER ROLE mover REPLICATION"));
    await caughtUp();
    const after = await readinessOf(asUser(old, "mover"), asUser(replica, "mover"));
    expect(after.filter((f) => f.means.includes("replication slot"))).to.deep.equal([]);
  });

  it("keeps the go from being given while something refuses, as the databases are now, and says nothing once writes are stopped", async () => {
    const endpoint = async (side: Side) => asUser(side === "old" ? old : replica, "mover");
    const refused = sqlReadiness({ endpoint });
    expect(await refused()).to.match(/^the database is not ready to move: /);
    expect(await sqlReadiness({ endpoint: async (side) => (side === "old" ? old : replica).endpoint })()).to.equal(undefined);
    // Every half hour while all is well, each time while it is not.
    let time = 0;
    let computed = 0;
    let findings: ReadinessFinding[] = [];
    let stopped = false;
    const look = watchReadiness(
      async () => {
        computed += 1;
        return findings;
      },
      async () => stopped,
      () => time,
    );
    const refusal: ReadinessFinding = { kind: "refuses", what: "a", means: "it may not", cure: "let it" };
    for (const _ of [1, 2, 3]) expect(await look()).to.equal(undefined);
    expect(computed).to.equal(1);
    findings = [refusal];
    time += 30 * 60_000;
    for (const _ of [1, 2]) expect(await look()).to.equal("the database is not ready to move: it may not");
    expect(computed).to.equal(3);
    findings = [];
    expect(await look()).to.equal(undefined);
    [findings, stopped, time] = [[refusal], true, time + 60 * 60_000];
    expect(await look()).to.equal(undefined);
  });

  it("[postgresql-1] [postgresql-2] refuses before the window where writes could not be stopped, with what mends it, and holds the go", async () => {
    // The replica first: one that allows less than its source stands still, and before 14 ends.
    for (const server of [replica, old]) {
      await server.sql((s) => s.rows("ALTER SYSTEM SET max_prepared_transactions = 5"));
      await server.stop();
      await server.start();
    }
    const endpoint = async (side: Side) => (side === "old" ? old : replica).endpoint;
    const stopping = async (applicationUser?: string) =>
      (await readinessOf(old.endpoint, replica.endpoint, applicationUser === undefined ? {} : { applicationUser })).filter(
        (f) => f.stops === "stopping writes",
      );
    const refused = sqlReadiness({ endpoint });
    expect(await stopping()).to.deep.equal([]);
    // Nobody tells the application's sessions from cutover's own.
    const [own] = await stopping(old.endpoint.user);
    expect(own).to.include({ kind: "refuses" });
    expect(own?.means).to.contain(`${old.endpoint.user} is cutover's own user and the application's`);
    expect(own?.cure).to.contain("target.database.adminUser");
    expect(await sqlReadiness({ endpoint, applicationUser: old.endpoint.user })()).to.contain("cutover's own user and the application's");
    await old.sql((s) => s.rows("CREATE TABLE held (id int)"));
    await old.sql(async (s) => {
      await s.rows("BEGIN");
      await s.rows("INSERT INTO held VALUES (1)");
      await s.rows("PREPARE TRANSACTION 'left over'");
    });
    const [prepared] = await stopping();
    expect(prepared).to.include({ kind: "refuses" });
    expect(prepared?.means).to.contain("left over");
    expect(await refused()).to.match(/^the database is not ready to move: .*left over/);
    // Mended, it counts at once; and looking changed nothing.
    await old.sql((s) => s.rows("ROLLBACK PREPARED 'left over'"));
    expect(await refused()).to.equal(undefined);
    await old.sql((s) => s.rows("INSERT INTO held VALUES (2)"));
  });

  it("promise 10: a database that cannot be asked is unknown, at the first look and after an hour, and holds the go", async () => {
    const gone = { ...old.endpoint, port: 1 };
    expect(await sqlReadiness({ endpoint: async (side) => (side === "old" ? gone : replica.endpoint) })()).to.match(
      /^it is not known whether the database is ready to move: .*127\.0\.0\.1:1/,
    );
    expect((await readinessOf(gone, replica.endpoint).catch((e: Error) => e)) as Error).to.be.instanceOf(Transient);
    let time = 0;
    let answers = false;
    const look = watchReadiness(
      async () => {
        if (!answers) throw new Transient("no answer");
        return [];
      },
      async () => false,
      () => time,
    );
    const UNKNOWN = "it is not known whether the database is ready to move: no answer";
    // Each time anew, until it was known once.
    for (const _ of [1, 2]) expect(await look()).to.equal(UNKNOWN);
    answers = true;
    expect(await look()).to.equal(undefined);
    answers = false;
    time = 35 * 60_000;
    expect(await look(), "what was computed counts for an hour").to.equal(undefined);
    time = 61 * 60_000;
    expect(await look()).to.equal(UNKNOWN);
    answers = true;
    expect(await look()).to.equal(undefined);
  });

  it("is one report, worst first, for everybody who shows it: before there is a replica, and until writes are stopped", async () => {
    const endpoint = async (side: Side) => (side === "old" ? old : replica).endpoint;
    const port = sqlDataPort({ endpoint });
    const report = await port.readiness();
    expect(report.standing).to.equal("computed");
    expect(report.findings).to.deep.equal(worstFirst(await readinessOf(old.endpoint, replica.endpoint)));
    expect(report.findings.map((f) => f.kind)).to.include.members(["loses", "slows", "warns"]);
    const alone = await sqlDataPort({
      endpoint: async (side) => {
        if (side === "old") return old.endpoint;
        throw new NoAddress("The database has no address yet.");
      },
    }).readiness();
    expect(alone.findings.map((f) => f.what)).to.include.members(["the replica", "public.sessions"]);
    const nowhere = await sqlDataPort({ endpoint: async () => ({ ...old.endpoint, port: 1 }) }).readiness();
    expect(nowhere).to.deep.include({ standing: "unknown", findings: [] });
    expect(nowhere.why).to.contain("127.0.0.1:1");
    await port.setWrites("old", false, { key: "stop", fence: 1 });
    expect((await sqlDataPort({ endpoint }).readiness()).standing).to.equal("past");
    await port.setWrites("old", true, { key: "allow", fence: 2 });
    // Looked at again and again, it is computed once a minute; by two at once, once.
    let time = 0;
    let computed = 0;
    const look = reportReadiness(
      async () => {
        computed += 1;
        return [];
      },
      async () => false,
      () => time,
    );
    await Promise.all([look(), look()]);
    await look();
    expect(computed).to.equal(1);
    time = 61_000;
    await look();
    expect(computed).to.equal(2);
  });

  it("[postgresql-16] names a server without workers for what streams back", async () => {
    await old.sql((s) => s.rows("ALTER SYSTEM SET max_logical_replication_workers = 0"));
    await old.stop();
    await old.start();
    expect(about(await readinessOf(old.endpoint, replica.endpoint), "max_logical_replication_workers")).to.deep.equal([
      { kind: "loses", means: `max_logical_replication_workers is 0 on 127.0.0.1:${old.endpoint.port}` },
    ]);
  });
});

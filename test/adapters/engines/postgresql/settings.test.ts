import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { sqlDataPort, sqlObservations } from "../../../../src/adapters/engines/postgresql/dataPort.js";
import type { SqlEndpoint } from "../../../../src/adapters/engines/postgresql/session.js";
import type { Side } from "../../../../src/ports/observations.js";
import { risingEffects } from "../../../support/effects.js";
import { inSession, type Postgres, postgresForSuite } from "../../../support/postgres.js";

const T = "CREATE TABLE t (id serial PRIMARY KEY, what text); INSERT INTO t (what) SELECT 'row ' || g FROM generate_series(1, 20) g;";
/** What a database or its roles have set for applications: name, what is made, and what is set. */
const SETTINGS: [string, string, string[]][] = [
  ["serializable", T, ["ALTER DATABASE serializable SET default_transaction_isolation = 'serializable'"]],
  [
    "poisoned",
    `${T} CREATE SCHEMA evil; CREATE FUNCTION evil.md5(text) RETURNS text LANGUAGE sql AS $$ SELECT 'always the same'::text $$;
     CREATE FUNCTION evil.to_regclass(text) RETURNS regclass LANGUAGE sql AS $$ SELECT NULL::regclass $$; CREATE TABLE evil.pg_roles (x int)`,
    ["ALTER DATABASE poisoned SET search_path = evil, pg_catalog, public"],
  ],
  [
    "impatient",
    T,
    [
      "ALTER DATABASE impatient SET statement_timeout = '200ms'",
      "ALTER DATABASE impatient SET idle_in_transaction_session_timeout = '200ms'",
      "ALTER DATABASE impatient SET lock_timeout = '100ms'",
    ],
  ],
  [
    "formats",
    `${T} CREATE TABLE f (id int PRIMARY KEY, d date, i interval, b bytea, f float8, z timestamptz, r tstzrange)`,
    [
      "ALTER DATABASE formats SET datestyle = 'SQL, DMY'",
      "ALTER DATABASE formats SET intervalstyle = 'sql_standard'",
      "ALTER DATABASE formats SET bytea_output = 'escape'",
      "ALTER DATABASE formats SET timezone = 'Asia/Kathmandu'",
      "ALTER DATABASE formats SET standard_conforming_strings = off",
    ],
  ],
  [
    "bytes",
    "SET client_encoding = 'SQL_ASCII'; CREATE TABLE t (id text PRIMARY KEY, what text); INSERT INTO t SELECT E'\\xe9' || g, E'\\xff' FROM generate_series(1, 20) g",
    [],
  ],
];

/** Settings are for applications: none of them may come between cutover and what it asks, nor between two servers of one stream. */
describe("a database with settings of its own, on real PostgreSQL", function () {
  this.timeout(240_000);
  const postgres = postgresForSuite();
  let old: Postgres;
  let fresh: Postgres;
  const effect = risingEffects();
  const at = (side: Side, database: string): SqlEndpoint => ({ ...(side === "old" ? old : fresh).endpoint, database });
  const run = (endpoint: SqlEndpoint, sql: string) => inSession(endpoint, (s) => s.rows(sql), { write: true });
  const portOf = (database: string) => sqlDataPort({ endpoint: async (side) => at(side, database) });
  const caughtUp = async (database: string) => {
    const lag = sqlObservations({ endpoint: async (side) => at(side, database) })["replica-lag"];
    for (let seen = await lag(); !(seen.known && seen.value === 0); seen = await lag()) await new Promise((r) => setTimeout(r, 100));
  };

  before("databases and their replica, all of which a server logs", async () => {
    old = await postgres.primary("old", "max_prepared_transactions = 5\nlog_min_duration_statement = 0\n");
    await run(old.endpoint, "CREATE ROLE app LOGIN PASSWORD 'secret'; CREATE ROLE dba LOGIN REPLICATION PASSWORD 'secret'");
    await run(old.endpoint, "GRANT pg_monitor, pg_signal_backend TO dba");
    for (const [database, made, set] of SETTINGS) {
      await run(
        old.endpoint,
        `CREATE DATABASE ${database} TEMPLATE template0${database === "bytes" ? " ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'" : ""}`,
      );
      await run(at("old", database), made);
      for (const setting of set) await run(old.endpoint, setting);
    }
    fresh = await postgres.replica("new", old);
  });

  it("[postgresql-15] readiness names what would disturb a stream, and nothing where nothing does", async () => {
    const findings = async () => (await portOf("db").readiness()).findings.map(({ kind, what }) => `${kind} ${what}`);
    expect(await findings()).to.deep.equal([]);
    await run(
      old.endpoint,
      `CREATE TABLE one (id int PRIMARY KEY); CREATE TABLE many (id int REFERENCES one) PARTITION BY RANGE (id);
       CREATE FUNCTION heard() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
       CREATE EVENT TRIGGER usual ON ddl_command_end EXECUTE FUNCTION heard(); CREATE EVENT TRIGGER always ON ddl_command_end EXECUTE FUNCTION heard();
       ALTER EVENT TRIGGER always ENABLE ALWAYS`,
    );
    await run(old.endpoint, "SELECT pg_create_logical_replication_slot('captured', 'pgoutput')");
    await run(old.endpoint, "ALTER DATABASE db SET array_nulls = off");
    await run(old.endpoint, "ALTER DATABASE db SET role = 'app'");
    await run(at("old", "impatient"), "BEGIN; INSERT INTO t (what) VALUES ('open'); PREPARE TRANSACTION 'left'");
    await caughtUp("db");
    const port = portOf("db");
    const { findings: found } = await port.readiness();
    expect(found.map(({ kind, what }) => `${kind} ${what}`)).to.deep.equal([
      "refuses prepared transaction left",
      "loses event trigger always",
      "loses array_nulls",
      "loses role",
      "warns public.one",
      "warns replication slot captured",
    ]);
    await run(at("old", "impatient"), "ROLLBACK PREPARED 'left'");
    await run(
      old.endpoint,
      "SET ROLE NONE; SELECT pg_drop_replication_slot('captured'); DROP EVENT TRIGGER always; DROP EVENT TRIGGER usual",
    );
  });

  it("[postgresql-1] the server's own superuser is refused by name where the application is said to be it", async () => {
    await run(old.endpoint, "ALTER DATABASE db OWNER TO dba");
    const endpoint = async (side: Side) => ({ ...at(side, "db"), user: "dba", password: "secret" });
    const asked = sqlDataPort({ endpoint, applicationUser: "admin" });
    const error = await asked.setWrites("old", false, effect()).catch((e: Error) => e);
    expect((error as Error).message).to.contain("admin is the server's own superuser and the application's");
    await run(old.endpoint, "ALTER DATABASE db OWNER TO admin");
  });

  for (const [database] of SETTINGS)
    it(`[postgresql-15] ${database}: ready, compared and stopped`, async () => {
      await caughtUp(database);
      const port = portOf(database);
      const report = await port.readiness();
      expect(report.findings, report.why).to.deep.equal([]);
      await port.testReplica(effect());
      await port.setWrites("old", false, effect());
      await caughtUp(database);
      expect((await port.compare(effect())).differences).to.equal(0);
    });

  it("is promoted", () => fresh.promote());

  for (const [database] of SETTINGS)
    it(`[postgresql-15] ${database}: streams back at the same time as the others, and loses nothing`, async () => {
      const port = portOf(database);
      await port.startReverseReplication(effect());
      await port.setWrites("new", true, effect());
      await run(
        at("new", database),
        database === "bytes" ? "INSERT INTO t VALUES (E'\\xdf', 'x')" : "INSERT INTO public.t (what) VALUES ('new')",
      );
      if (database === "formats")
        await run(
          at("new", database),
          "INSERT INTO f VALUES (1, '2026-02-03', '-1 day 02:03:04', '\\000b', 0.1::float8 + 0.2, '2026-02-03 04:05:06.789+00', '[2026-01-02 03:04+00,)')",
        );
    });

  for (const [database] of SETTINGS)
    it(`[postgresql-15] ${database}: takes over`, async () => {
      const { facts, summary } = await portOf(database).stopReverseReplication(effect(), { refuseWrites: true });
      expect(facts?.differences, summary).to.equal(0);
      expect(summary).to.contain("was drained and ended");
      const count = (side: Side) => run(at(side, database), "SELECT count(*) FROM public.t");
      expect(await count("old"))
        .to.deep.equal([{ count: "21" }])
        .and.to.deep.equal(await count("new"));
    });

  it("promise 9: [postgresql-24] no warning of a server names the password, and nothing that keeps statements does", async () => {
    const logs = await Promise.all(
      [old, fresh].map(async (server) => readFile(`${await server.sql((s) => s.value<string>("SHOW data_directory"))}.log`, "utf8")),
    );
    expect(logs[0]).to.contain("CREATE SUBSCRIPTION");
    for (const log of logs) expect(log).to.not.contain("p@ss");
  });
});

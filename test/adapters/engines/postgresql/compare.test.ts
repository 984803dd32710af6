import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { tablesOf } from "../../../../src/adapters/engines/postgresql/catalog.js";
import { compareDatabases, comparisonReport } from "../../../../src/adapters/engines/postgresql/compare.js";
import { sqlDataPort } from "../../../../src/adapters/engines/postgresql/dataPort.js";
import { differingIn } from "../../../../src/adapters/engines/postgresql/differences.js";
import { startReverse, stopReverse } from "../../../../src/adapters/engines/postgresql/reverse.js";
import type { Session, SqlEndpoint } from "../../../../src/adapters/engines/postgresql/session.js";
import { Terminal } from "../../../../src/errors.js";
import { inSession, type Postgres, postgresForSuite } from "../../../support/postgres.js";

const PASSWORD = "kept secret";

describe("comparing databases as they are, on real PostgreSQL", function () {
  this.timeout(120_000);
  const postgres = postgresForSuite();
  let server: Postgres;
  const at = (database: string, user?: string): SqlEndpoint => ({
    ...server.endpoint,
    database,
    ...(user === undefined ? {} : { user, password: PASSWORD }),
  });
  const run = (database: string, ...statements: string[]) =>
    inSession(
      at(database),
      async (s) => {
        for (const statement of statements) await s.rows(statement);
      },
      { write: true },
    );
  /** Two databases that are alike. */
  const pair = async (name: string, ...statements: string[]) => {
    await run("postgres", `CREATE DATABASE ${name}`);
    await run(name, ...statements);
    await run("postgres", `CREATE DATABASE ${name}_copy TEMPLATE ${name}`);
  };

  before(async () => {
    server = await postgres.primary("server");
    await run("postgres", `CREATE ROLE keeper LOGIN PASSWORD '${PASSWORD}'`);
  });

  it("[postgresql-18] names the tables whose rows a policy hides, before the window too, and compares nothing for equal", async () => {
    await pair(
      "hidden",
      "CREATE TABLE tenants (id int PRIMARY KEY)",
      "INSERT INTO tenants SELECT generate_series(1, 100)",
      "ALTER TABLE tenants OWNER TO keeper",
      "ALTER TABLE tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    );
    const [source, target] = [at("hidden", "keeper"), at("hidden_copy", "keeper")];
    const error = await compareDatabases(source, target).catch((e: Error) => e);
    expect(error).to.be.instanceOf(Terminal).with.property("message").that.contains('row security hides rows of "public"."tenants"');
    const port = sqlDataPort({ endpoint: async (side) => (side === "old" ? source : target) });
    expect((await port.testReplica({ key: "k", fence: 1 })).summary).to.contain(
      'ALTER TABLE "public"."tenants" NO FORCE ROW LEVEL SECURITY',
    );
    // By a role that the policies do not hold for.
    expect((await compareDatabases(at("hidden"), at("hidden_copy"))).rows).to.equal(100);
    for (const database of ["hidden", "hidden_copy"]) await run(database, "ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY");
    expect((await compareDatabases(source, target)).rows).to.equal(100);
  });

  it("[postgresql-19] reads keys of bytes, and schemas whose names begin with pg, whatever a backslash means there", async () => {
    await pair(
      "strings",
      "CREATE SCHEMA pgboss",
      "CREATE TABLE pgboss.job (id bytea PRIMARY KEY, what text)",
      `INSERT INTO pgboss.job SELECT decode(md5(i::text), 'hex'), 'job\\' || i FROM generate_series(1, 300) i`,
    );
    for (const database of ["strings", "strings_copy"])
      await run(
        "postgres",
        `ALTER DATABASE ${database} SET standard_conforming_strings = off`,
        `ALTER DATABASE ${database} SET backslash_quote = off`,
      );
    const same = await compareDatabases(at("strings"), at("strings_copy"), { chunkRows: 50, rest: 0 });
    expect(same, comparisonReport(same)).to.deep.include({ differences: 0, rows: 300 });
    await run("strings_copy", "UPDATE pgboss.job SET what = 'another' WHERE id = decode(md5('7'), 'hex')");
    const { tables } = await compareDatabases(at("strings"), at("strings_copy"), { chunkRows: 50, rest: 0 });
    expect(tables.map((t) => [t.table, t.differences, t.examples.map((e) => e.what)])).to.deep.equal([
      ['"pgboss"."job"', 1, ["different"]],
    ]);
  });

  it("[postgresql-20] finds one row that differs among many without a key, and holds a few thousand at once", async () => {
    await pair("keyless", "CREATE TABLE log (what text)", "INSERT INTO log SELECT 'line ' || i FROM generate_series(1, 200000) i");
    await run("keyless_copy", "UPDATE log SET what = 'another' WHERE what = 'line 4711'", "INSERT INTO log VALUES ('line 1')");
    let most = 0;
    const counted = (session: Session): Session => ({
      ...session,
      rows: async (sql, values) => {
        const rows = await session.rows(sql, values);
        most = Math.max(most, rows.length);
        return rows as never;
      },
    });
    const { count, found } = await inSession(at("keyless"), (a) =>
      inSession(at("keyless_copy"), async (b) => {
        const [table] = await tablesOf(a);
        if (table === undefined) throw new Error("no table");
        return differingIn({ source: counted(a), target: counted(b) }, { table, where: "true" }, { rows: 200_000, examples: 20 });
      }),
    );
    expect(count).to.equal(3);
    expect(found.map((f) => f.what).sort()).to.deep.equal(["different", "missing in the target", "only in the target"]);
    expect(most).to.be.at.most(5_000);
    const { differences } = await compareDatabases(at("keyless"), at("keyless_copy"), { rest: 0 });
    expect(differences).to.equal(3);
  });

  it("reads many small tables together, and finds the one that differs and the one that is missing", async () => {
    const make =
      "DO $$ BEGIN FOR i IN 1..250 LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, what text)', i); EXECUTE format('INSERT INTO t%s VALUES (1, %L)', i, i); END LOOP; END $$";
    await pair("many", make);
    await run("many_copy", "UPDATE t77 SET what = 'another'", "DROP TABLE t200");
    let told = 0;
    const result = await compareDatabases(at("many"), at("many_copy"), {
      rest: 0,
      onProgress: async () => {
        told += 1;
      },
    });
    expect(result.tables).to.have.length(249);
    expect(result.rows).to.equal(249);
    expect(result.tables.filter((t) => t.differences > 0).map((t) => [t.table, t.examples])).to.deep.equal([
      ['"public"."t77"', [{ key: "(1)", what: "different" }]],
    ]);
    expect(result.schema.filter((l) => l.what === "missing in the target").map((l) => l.line)).to.include("column public.t200.what text");
    expect(told).to.equal(3);
  });

  it("[postgresql-22] ends at once when it is told to, also in the middle of a statement, and leaves none on the server", async () => {
    await pair("slow", "CREATE TABLE orders (id int PRIMARY KEY)", "INSERT INTO orders SELECT generate_series(1, 10)");
    const told = new AbortController();
    const port = sqlDataPort({ endpoint: async (side) => at(side === "old" ? "slow" : "slow_copy") });
    const sessions = (which: string) =>
      server.sql((s) => s.value<string>(`SELECT count(*) FROM pg_stat_activity WHERE datname IN ('slow', 'slow_copy') AND ${which}`));
    await inSession(at("slow_copy"), async (locked) => {
      await locked.rows("BEGIN");
      await locked.rows("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
      const compared = port.compare({ key: "k", fence: 1, signal: told.signal }).catch((e: Error) => e);
      while ((await sessions("wait_event_type = 'Lock'")) === "0") await new Promise((resolve) => setTimeout(resolve, 20));
      const why = new Error("the pause is over");
      told.abort(why);
      // The lock is still held: nothing but the signal can end it.
      expect(await compared).to.equal(why);
      while ((await sessions("wait_event_type = 'Lock'")) !== "0") await new Promise((resolve) => setTimeout(resolve, 20));
      await locked.rows("ROLLBACK");
    });
  });

  it("promise 9: [postgresql-24] no server's log holds the password of a subscription, whatever statements it logs", async () => {
    await pair("shop", "CREATE TABLE orders (id int PRIMARY KEY)");
    await server.sql(async (s) => {
      for (const setting of [
        "log_min_duration_statement = 0",
        "log_statement = 'all'",
        "log_connections = on",
        "log_replication_commands = on",
      ])
        await s.rows(`ALTER SYSTEM SET ${setting}`);
      await s.rows("SELECT pg_reload_conf()");
    });
    // Settings arrive by a signal.
    while ((await server.sql((s) => s.value<string>("SHOW log_statement"))) !== "all")
      await new Promise((resolve) => setTimeout(resolve, 20));
    await startReverse(at("shop_copy"), at("shop"));
    await run("shop_copy", "INSERT INTO orders VALUES (1)");
    await stopReverse(at("shop_copy"), at("shop"));
    expect(await inSession(at("shop"), (s) => s.value<string>("SELECT count(*) FROM orders"))).to.equal("1");
    const file = await server.sql((s) => s.value<string>("SHOW data_directory"));
    const log = await readFile(`${file}.log`, "utf8");
    expect(log).to.contain("CREATE SUBSCRIPTION").and.to.contain("SELECT count(*) FROM orders");
    expect(log).to.not.contain("p@ss");
  });
});

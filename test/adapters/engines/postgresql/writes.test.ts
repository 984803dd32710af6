import { expect } from "chai";
import { Client, type ClientConfig } from "pg";
import { sqlDataPort, sqlObservations } from "../../../../src/adapters/engines/postgresql/dataPort.js";
import { Terminal } from "../../../../src/errors.js";
import { afterThisTest } from "../../../support/cleanup.js";
import { type Postgres, postgresForSuite } from "../../../support/postgres.js";

const effect = { key: "k", fence: 1 };
const PASSWORD = "secret";
const RIGHTS = 'GRANT pg_signal_backend, pg_read_all_stats TO "keeper"';

describe("stopping writes of roles that the administrator is not, on real PostgreSQL", function () {
  this.timeout(60_000);
  const postgres = postgresForSuite();
  let server: Postgres;
  const keeper = async () => ({ ...server.endpoint, user: "keeper", password: PASSWORD });
  const port = sqlDataPort({ endpoint: keeper });
  const stopped = sqlObservations({ endpoint: keeper })["writes-stopped"];
  const sql = (statement: string) => server.sql((s) => s.rows(statement));

  /** A session of a pool, open until the test ends. */
  async function session(user: string, extra: Record<string, unknown> = {}) {
    const { host, port: at, database } = server.endpoint;
    const client = new Client({ host, port: at, database, user, password: PASSWORD, ...extra } as ClientConfig);
    let ended = false;
    client.on("error", () => undefined).on("end", () => (ended = true));
    await client.connect();
    afterThisTest(() => client.end().catch(() => undefined));
    const gone = async () => {
      for (let tries = 0; !ended && tries < 100; tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
      return ended;
    };
    return { client, gone, write: () => client.query("INSERT INTO orders VALUES (1)") };
  }

  before("a database whose owner has no rights over the application's role", async () => {
    server = await postgres.primary("server");
    for (const role of ["keeper", "app"]) await sql(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
    await sql(`CREATE ROLE stream LOGIN REPLICATION PASSWORD '${PASSWORD}'`);
    for (const role of ["chief", "rdsadmin"]) await sql(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD '${PASSWORD}'`);
    await sql("ALTER ROLE chief NOLOGIN");
    await sql("ALTER DATABASE db OWNER TO keeper");
    await sql("CREATE TABLE orders (id int)");
    await sql("GRANT SELECT ON orders TO keeper");
    await sql("GRANT INSERT ON orders TO app");
  });
  afterEach(async () => {
    // A runner that came later, with all rights.
    await sqlDataPort({ endpoint: async () => server.endpoint }).setWrites("old", true, { ...effect, fence: 1 });
    await sql("REVOKE pg_signal_backend, pg_read_all_stats FROM keeper");
    await sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'db' AND pid <> pg_backend_pid()");
  });

  it("promise 3: stops nothing where a pooled session would go on writing, names the right, and leaves the users alone", async () => {
    const app = await session("app");
    await app.write();
    const error = await port.setWrites("old", false, effect).catch((e: Error) => e);
    expect(error).to.be.instanceOf(Terminal).with.property("message").that.contains("keeper may not end the sessions of app");
    expect((error as Terminal).next).to.contain(RIGHTS);
    await app.write();
    await (await session("app")).write();
    expect(await stopped()).to.deep.equal({ known: true, value: 0 });
  });

  it("promise 1: ends the sessions of every role once it may, and then says that writes are stopped", async () => {
    const app = await session("app");
    await app.client.query("BEGIN");
    await app.write();
    await sql(RIGHTS);
    const { facts } = await port.setWrites("old", false, effect);
    expect(facts).to.deep.equal({ sessionsEnded: 1 });
    expect(await app.gone()).to.equal(true);
    expect(await session("app").catch((e: Error) => e.message)).to.contain("permission denied for database");
    expect(await stopped()).to.deep.equal({ known: true, value: 1 });
    await port.setWrites("old", true, effect);
    await (await session("app")).write();
  });

  it("promise 10: a session that it may not see makes the answer unknown; never stopped", async () => {
    await sql(RIGHTS);
    await port.setWrites("old", false, effect);
    await sql("GRANT CONNECT ON DATABASE db TO app");
    const app = await session("app");
    await sql("REVOKE CONNECT ON DATABASE db FROM app");
    await sql("REVOKE pg_read_all_stats FROM keeper");
    const reading = await stopped();
    expect(reading).to.have.property("known", false);
    expect(reading).to.have.property("reason", `keeper may not see what the sessions of app are: ${RIGHTS}`);
    await app.client.query("BEGIN READ WRITE");
    await app.write();
    expect(await stopped()).to.deep.equal({ known: true, value: 0 });
    await app.client.query("COMMIT");
    await sql("GRANT pg_read_all_stats TO keeper");
    expect(await stopped()).to.deep.equal({ known: true, value: 0 });
    await app.client.end();
    expect(await stopped()).to.deep.equal({ known: true, value: 1 });
  });

  it("neither ends nor counts what replicates under another role, nor RDS's own sessions", async () => {
    const stream = await session("stream", { replication: "database" });
    const rds = await session("rdsadmin");
    await port.setWrites("old", false, effect);
    expect(await stopped()).to.deep.equal({ known: true, value: 1 });
    expect((await stream.client.query("IDENTIFY_SYSTEM")).rows).to.have.length(1);
    expect((await rds.client.query("SELECT 1")).rows).to.have.length(1);
  });

  it("leaves a superuser's sessions to a person, and says which", async () => {
    await session("admin", { password: server.endpoint.password });
    await sql(RIGHTS);
    const error = await port.setWrites("old", false, effect).catch((e: Error) => e);
    expect(error).to.be.instanceOf(Terminal).with.property("message").that.contains("the sessions of admin");
    expect((error as Terminal).next)
      .to.contain("close the sessions of admin")
      .and.not.contain("GRANT");
  });

  it("promise 3: [postgresql-1] a superuser whom it may not keep out is refused by name, also while not connected", async () => {
    await sql("ALTER ROLE chief LOGIN");
    await sql(RIGHTS);
    const before = await port.testReplica(effect);
    expect(before.facts).to.include({ stopsWrites: false });
    expect(before.summary).to.contain("chief could still connect and write, and keeper may not take its LOGIN");
    const error = await port.setWrites("old", false, effect).catch((e: Error) => e);
    expect(error).to.be.instanceOf(Terminal).with.property("message").that.contains("chief could still connect");
    await (await session("app")).write();
    await sql("ALTER ROLE chief NOLOGIN");
  });

  it("promise 5: allows writes again also where sessions cannot be ended, and says what that means", async () => {
    await sql(RIGHTS);
    await port.setWrites("old", false, effect);
    await sql("GRANT CONNECT ON DATABASE db TO app");
    const app = await session("app");
    await sql("REVOKE pg_signal_backend FROM keeper");
    const { summary } = await port.setWrites("old", true, effect);
    expect(summary).to.contain("accepts writes; 0 sessions were ended. Sessions of app could not be, and may refuse writes");
    expect(await app.write().catch((e: Error) => e.message)).to.contain("read-only transaction");
    await (await session("app")).write();
  });

  it("promise 3: a role's own default lets nobody in", async () => {
    await sql(RIGHTS);
    await sql("ALTER ROLE app SET default_transaction_read_only = off");
    await port.setWrites("old", false, effect);
    expect(await session("app").catch((e: Error) => e.message)).to.contain("permission denied for database");
    expect(await stopped()).to.deep.equal({ known: true, value: 1 });
    await sql("ALTER ROLE app RESET default_transaction_read_only");
  });

  it("warns in the test of the replica, before anybody approves, also while nobody is connected", async () => {
    const before = await port.testReplica(effect);
    // Its server runs no subscription of a user without the right to.
    expect(before.facts).to.include({ streamsBack: false });
    expect(before.summary).to.match(/cannot subscribe to it \(.*(superuser|pg_create_subscription|permission)/);
    expect(before.facts).to.include({ stopsWrites: false });
    expect(before.summary).to.contain(
      `Writes could not surely be stopped: keeper may not see and end the sessions of app, stream: ${RIGHTS}`,
    );
    await sql(RIGHTS);
    const after = await port.testReplica(effect);
    expect(after.facts).to.include({ stopsWrites: true });
    expect(after.summary).to.not.contain("Writes could not surely be stopped");
  });
});

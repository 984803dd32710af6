import { type ChildProcess, spawn } from "node:child_process";
import { chownSync, existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { Client } from "pg";
import { sqlDataPort, sqlObservations } from "../../../../src/adapters/engines/postgresql/dataPort.js";
import type { SqlEndpoint } from "../../../../src/adapters/engines/postgresql/session.js";
import { Conflict, Terminal } from "../../../../src/errors.js";
import type { Side } from "../../../../src/ports/observations.js";
import { afterThisTest } from "../../../support/cleanup.js";
import { freePort } from "../../../support/freePort.js";
import { requirePart } from "../../../support/parts.js";
import { accountOfServers, type Postgres, postgresForSuite } from "../../../support/postgres.js";
import { tempFolderForSuite } from "../../../support/tmp.js";

const PASSWORD = "secret";
const PGBOUNCER = "/usr/sbin/pgbouncer";
const YES = { known: true, value: 1 };
const NO = { known: true, value: 0 };
let fence = 1;
const effect = () => ({ key: "app-production/step#1/run", fence });

async function until<T>(look: () => Promise<T>, right: (value: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    const value = await look();
    if (right(value)) return value;
    if (tries > 300) throw new Error(`still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A client as an application's driver is one; it does not name itself cutover. */
async function client(at: Pick<SqlEndpoint, "host" | "port" | "database">, user: string, password = PASSWORD): Promise<Client> {
  const { host, port, database } = at;
  const opened = new Client({ host, port, database, user, password, application_name: "shop" });
  opened.on("error", () => undefined);
  await opened.connect();
  afterThisTest(() => opened.end().catch(() => undefined));
  return opened;
}

/** Writes as Go's database/sql with lib/pq does, for as long as it can, over new connections when one breaks. */
function writer(at: Pick<SqlEndpoint, "host" | "port" | "database">, user: string) {
  const state = { running: true, written: 0, refused: 0, said: "" };
  const work = (async () => {
    while (state.running) {
      const c = new Client({ host: at.host, port: at.port, database: at.database, user, password: PASSWORD, application_name: "shop" });
      c.on("error", () => undefined);
      try {
        await c.connect();
        while (state.running) {
          await c.query("BEGIN READ WRITE");
          await c.query("INSERT INTO orders DEFAULT VALUES");
          await c.query("COMMIT");
          state.written += 1;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      } catch (error) {
        state.refused += 1;
        state.said = (error as Error).message;
        await new Promise((resolve) => setTimeout(resolve, 50));
      } finally {
        await c.end().catch(() => undefined);
      }
    }
  })();
  const stop = async () => {
    state.running = false;
    await work;
  };
  afterThisTest(stop);
  return { state, stop };
}

describe("the barrier on real PostgreSQL, with the rights that RDS gives", function () {
  this.timeout(120_000);
  const postgres = postgresForSuite();
  let old: Postgres;
  let fresh: Postgres;
  const as = (user: string) => async (side: Side) => ({ ...(side === "old" ? old : fresh).endpoint, user, password: PASSWORD });
  const port = sqlDataPort({ endpoint: as("master") });
  const stopped = () => sqlObservations({ endpoint: as("master") })["writes-stopped"]();
  const sql = (statement: string, server = old) => server.sql((s) => s.rows(statement));
  const rows = async (server = old) => Number(await server.sql((s) => s.value<string>("SELECT count(*) FROM orders")));

  /** Who may do what, as anybody could see it. */
  const standing = (server: Postgres) =>
    server.sql(async (s) => ({
      grants: await s.rows(
        `SELECT a.grantee::regrole::text, a.grantor::regrole::text, a.privilege_type, a.is_grantable FROM pg_database d,
         aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a WHERE datname = 'db' ORDER BY 1, 2, 3`,
      ),
      logins: await s.rows("SELECT rolname, rolcanlogin, rolconnlimit FROM pg_roles ORDER BY 1"),
      settings: await s.rows("SELECT setdatabase, setrole, setconfig FROM pg_db_role_setting ORDER BY 1, 2"),
      database: await s.rows("SELECT datallowconn, datconnlimit FROM pg_database ORDER BY datname"),
    }));

  before("an RDS-like master, an owner of the tables, an application, and roles that are members of each other", async () => {
    old = await postgres.primary("old");
    await sql("ALTER SYSTEM SET max_prepared_transactions = 10");
    await old.stop();
    await old.start();
    // What rds_superuser has, and no more.
    await sql(`CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD '${PASSWORD}'`);
    await sql("GRANT pg_signal_backend, pg_monitor TO master");
    for (const role of ["owner", "app", "partner", "report", "friend"]) await sql(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
    await sql("GRANT owner TO master");
    await sql("GRANT owner TO app");
    // Through the master's own door. From 16 on a role that the master made can be none of its members; it administers what it made.
    const version = Number(await old.sql((s) => s.value<string>("SHOW server_version_num")));
    await sql(
      version < 160_000
        ? "GRANT master TO friend"
        : "GRANT app, partner, report, friend TO master WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
    );
    await sql("ALTER DATABASE db OWNER TO owner");
    await sql("ALTER DATABASE db SET default_transaction_read_only = off");
    await sql("GRANT CONNECT ON DATABASE db TO partner WITH GRANT OPTION");
    await sql("GRANT CREATE ON SCHEMA public TO owner");
    await sql("SET SESSION AUTHORIZATION partner; GRANT CONNECT ON DATABASE db TO report; RESET SESSION AUTHORIZATION");
    await sql("CREATE TABLE orders (id serial PRIMARY KEY, at timestamptz DEFAULT now()); ALTER TABLE orders OWNER TO owner");
    await sql("GRANT INSERT ON orders TO PUBLIC; GRANT USAGE ON SEQUENCE orders_id_seq TO PUBLIC");
    fresh = await postgres.replica("new", old);
  });
  let opens = port;
  afterEach("open again", async () => {
    fence += 1;
    await opens.setWrites("old", true, effect());
  });

  it("[postgresql-1] stops a client that begins every transaction READ WRITE, and every role that is another's member", async () => {
    const before = await standing(old);
    const writers = ["app", "owner", "partner", "report", "friend"].map((user) => writer(old.endpoint, user));
    await until(
      async () => Math.min(...writers.map((w) => w.state.written)),
      (n) => n > 2,
    );
    expect(await stopped()).to.deep.equal(NO);
    await port.setWrites("old", false, effect());
    const at = await rows();
    for (let look = 0; look < 2; look += 1) expect(await stopped()).to.deep.equal(YES);
    const tries = writers.map((w) => w.state.refused);
    await until(
      async () => writers.every((w, i) => w.state.refused > (tries[i] ?? 0) + 2),
      (all) => all,
    );
    expect(await rows()).to.equal(at);
    // Again, as after a crash.
    await port.setWrites("old", false, effect());
    await port.setWrites("old", true, effect());
    expect(await standing(old)).to.deep.equal(before);
    const written = writers.map((w) => w.state.written);
    await until(
      async () => writers.every((w, i) => w.state.written > (written[i] ?? 0)),
      (all) => all,
    );
  });

  it("[postgresql-1] stops what comes through PgBouncer in transaction mode, and lets it write again", async function () {
    requirePart(this, "PgBouncer", existsSync(PGBOUNCER), "apt-get install pgbouncer");
    const pool = await pgbouncer(old.endpoint);
    const app = writer({ ...old.endpoint, port: pool }, "app");
    await until(
      async () => app.state,
      ({ written }) => written > 5,
    );
    await port.setWrites("old", false, effect());
    const at = await rows();
    expect(await stopped()).to.deep.equal(YES);
    // The pool itself keeps it waiting for a server.
    expect(await rows()).to.equal(at);
    await port.setWrites("old", true, effect());
    await until(rows, (n) => n > at);
  });

  it("[postgresql-1] is watched by the server's own account: what somebody wrote between two looks is not missed", async () => {
    const look = sqlObservations({ endpoint: as("master") })["writes-stopped"];
    await port.setWrites("old", false, effect());
    expect(await look()).to.deep.equal(YES);
    // By the one role that is above the barrier, in and out between two looks.
    const chief = await client(old.endpoint, "admin", old.endpoint.password);
    await chief.query("SET default_transaction_read_only = off");
    await chief.query("INSERT INTO orders DEFAULT VALUES");
    await chief.end();
    await until(
      () => old.sql((s) => s.value<string>("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shop'")),
      (n) => n === "0",
    );
    expect(await look()).to.deep.equal(NO);
    expect(await look()).to.deep.equal(YES);
  });

  it("[postgresql-1] refuses by name where the application goes through cutover's own door, and changes nothing", async () => {
    const before = await standing(old);
    const shop = await client(old.endpoint, "master");
    expect((await port.testReplica(effect())).summary).to.contain("master is cutover's own user, and others are connected as it (shop");
    const error = await port.setWrites("old", false, effect()).catch((e: Error) => e);
    expect(error).to.be.instanceOf(Terminal).with.property("message").that.contains("database.adminUser");
    await shop.query("SELECT 1");
    await shop.end();
    const shared = sqlDataPort({ endpoint: as("master"), applicationUser: "master" });
    expect(await shared.setWrites("old", false, effect()).catch((e: Error) => e)).to.be.instanceOf(Terminal);
    expect(await standing(old)).to.deep.equal(before);
  });

  it("[postgresql-2] refuses a prepared transaction by name, before anything is stopped; and sees one that is there", async () => {
    const app = await client(old.endpoint, "app");
    await app.query("BEGIN");
    await app.query("INSERT INTO orders DEFAULT VALUES");
    await app.query("PREPARE TRANSACTION 'half-done'");
    const error = await port.setWrites("old", false, effect()).catch((e: Error) => e);
    expect(error)
      .to.be.instanceOf(Terminal)
      .with.property("message")
      .that.contains("prepared transactions could be committed at any time: half-done");
    await app.query("COMMIT PREPARED 'half-done'");
    await port.setWrites("old", false, effect());
    expect(await stopped()).to.deep.equal(YES);
    await sql("BEGIN; INSERT INTO orders DEFAULT VALUES; PREPARE TRANSACTION 'later'");
    expect(await stopped()).to.deep.equal(NO);
    await sql("ROLLBACK PREPARED 'later'");
  });

  it("[postgresql-3] stops the subscription that writes to the old database, and the promoted one takes it over", async () => {
    const upstream = await postgres.primary("upstream");
    await sql("CREATE TABLE rates (id int PRIMARY KEY)", upstream);
    await sql("CREATE PUBLICATION rates FOR TABLE rates", upstream);
    await sql("CREATE TABLE rates (id int PRIMARY KEY)");
    const { host, port: at, user, password } = upstream.endpoint;
    const connection = `host=${host} port=${at} dbname=db user=${user} password='${password.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
    await sql(`CREATE SUBSCRIPTION rates CONNECTION '${connection.replaceAll("'", "''")}' PUBLICATION rates`);
    await sql("INSERT INTO rates SELECT generate_series(1, 10)", upstream);
    const count = (server: Postgres) => server.sql((s) => s.value<string>("SELECT count(*) FROM rates"));
    await until(
      () => count(old),
      (n) => n === "10",
    );
    // A subscription is its owner's; the master here is not a superuser.
    const refused = await port.setWrites("old", false, effect()).catch((e: Error) => e);
    expect(refused).to.be.instanceOf(Terminal).with.property("message").that.contains("the subscription rates writes here");
    const chief = sqlDataPort({ endpoint: async (side) => (side === "old" ? old : fresh).endpoint });
    const seen = sqlObservations({ endpoint: async (side) => (side === "old" ? old : fresh).endpoint });
    opens = chief;
    await chief.setWrites("old", false, effect());
    await sql("INSERT INTO rates SELECT generate_series(11, 20)", upstream);
    expect(await seen["writes-stopped"]()).to.deep.equal(YES);
    expect(await count(old)).to.equal("10");
    await until(seen["replica-lag"], (lag) => lag.known && lag.value === 0);
    await fresh.promote();
    expect(await client(fresh.endpoint, "app").catch((e: Error) => e.message)).to.contain("permission denied for database");
    await chief.setWrites("new", true, effect());
    await until(
      () => count(fresh),
      (n) => n === "20",
    );
    expect(await count(old)).to.equal("10");
    expect(await seen["writes-stopped"]()).to.deep.equal(YES);
    const app = await client(fresh.endpoint, "app");
    await app.query("BEGIN READ WRITE; INSERT INTO orders DEFAULT VALUES; COMMIT");
    // Back: the new one is left as it was found closed, before the old one is let in again.
    fence += 1;
    await chief.setWrites("old", true, effect());
    expect(await client(fresh.endpoint, "app").catch((e: Error) => e.message)).to.contain("permission denied for database");
    await sql("INSERT INTO rates VALUES (21)", upstream);
    await until(
      () => old.sql((s) => s.value<boolean>("SELECT EXISTS (SELECT FROM rates WHERE id = 21)")),
      (there) => there,
    );
    expect(await fresh.sql((s) => s.value<boolean>("SELECT EXISTS (SELECT FROM rates WHERE id = 21)"))).to.equal(false);
    await sql("DROP SUBSCRIPTION rates");
  });

  it("promise 6: [postgresql-23] a runner that lost its lease and comes back late changes neither database", async () => {
    const chief = sqlDataPort({ endpoint: async (side) => (side === "old" ? old : fresh).endpoint });
    const stale = effect();
    fence += 1;
    await chief.setWrites("old", true, effect());
    for (const late of [
      () => chief.setWrites("new", true, stale),
      () => chief.setWrites("old", false, stale),
      () => chief.startReverseReplication(stale),
      () => chief.stopReverseReplication(stale),
      () => chief.verifyReadWrite(stale),
    ])
      expect(await late().catch((e: Error) => e)).to.be.instanceOf(Conflict);
    await client(old.endpoint, "app");
    expect(await client(fresh.endpoint, "app").catch((e: Error) => e.message)).to.contain("permission denied for database");
    // Another stack's leases are counted for themselves.
    await chief.setWrites("old", true, { key: "other-staging/step#1/run", fence: 1 });
  });

  const folder = tempFolderForSuite("pgbouncer");
  async function pgbouncer(to: SqlEndpoint): Promise<number> {
    const at = await freePort();
    const home = join(folder(), "pool");
    await mkdir(home, { recursive: true });
    await writeFile(join(home, "users.txt"), `"app" "${PASSWORD}"\n`);
    await writeFile(
      join(home, "pgbouncer.ini"),
      `[databases]\ndb = host=${to.host} port=${to.port} dbname=db\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${at}\nunix_socket_dir =\n` +
        `pool_mode = transaction\nauth_type = plain\nauth_file = ${join(home, "users.txt")}\nserver_login_retry = 0.2\n`,
    );
    const { uid, gid } = accountOfServers();
    if (uid !== undefined && gid !== undefined)
      for (const path of [folder(), home, join(home, "users.txt"), join(home, "pgbouncer.ini")]) chownSync(path, uid, gid);
    const pool: ChildProcess = spawn(PGBOUNCER, [join(home, "pgbouncer.ini")], { ...accountOfServers(), stdio: "ignore" });
    const ended = new Promise<void>((resolve) => pool.once("exit", () => resolve()));
    afterThisTest(async () => {
      pool.kill("SIGINT");
      await ended;
    });
    await until(
      () =>
        client({ ...to, port: at }, "app").then(
          (c) => c.end(),
          (e: Error) => e.message,
        ),
      (answer) => answer === undefined,
    );
    return at;
  }
});

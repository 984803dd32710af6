import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { expect } from "chai";
import type { Entry } from "../../../src/automation/journal/entries.js";
import { SqlStore, type SqlStoreOptions } from "../../../src/automation/store/sqlStore.js";
import type { Database, Query } from "../../../src/database/database.js";
import { Conflict, PromiseViolation, Transient, UserError } from "../../../src/errors.js";
import { storeContract } from "../../contracts/store.js";
import { afterThisTest } from "../../support/cleanup.js";
import { type Postgres, postgresForSuite, urlOf } from "../../support/postgres.js";
import { spawnForTest } from "../../support/processes.js";
import { tempFolderForSuite } from "../../support/tmp.js";

const entry = (reason: string): Entry => ({ type: "migration.held", reason });
const failure = (call: Promise<unknown>): Promise<Error> =>
  call.then(
    () => new Error("was accepted"),
    (e) => e,
  );
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A port that leads to one server after another, as the address of a service that fails over. */
async function proxyTo(first: number): Promise<{ port: number; to(port: number): void }> {
  let target = first;
  const sockets = new Set<Socket>();
  const listening = createServer((from) => {
    const to = connect(target, "127.0.0.1");
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    from.pipe(to).pipe(from);
    from.on("close", () => to.destroy());
    to.on("close", () => from.destroy());
  }).listen(0, "127.0.0.1");
  await once(listening, "listening");
  afterThisTest(() => {
    for (const socket of sockets) socket.destroy();
    listening.close();
  });
  return {
    port: (listening.address() as AddressInfo).port,
    to: (port) => {
      target = port;
    },
  };
}

async function tamper(query: Query, stack: string, change: (lines: string[]) => string[]): Promise<void> {
  const rows = await query<{ entry: string }>("SELECT entry FROM cutover.journal WHERE stack = $1 ORDER BY seq", [stack]);
  await query("DELETE FROM cutover.journal WHERE stack = $1", [stack]);
  for (const [i, line] of change(rows.map((r) => r.entry)).entries())
    await query("INSERT INTO cutover.journal (stack, seq, entry) VALUES ($1, $2, $3)", [stack, i + 1, line]);
}

describe("the store on PGlite", function () {
  this.timeout(60_000);
  const folder = tempFolderForSuite("pglite");
  let opened: SqlStore | undefined;
  const reopen = async (): Promise<SqlStore> => {
    await opened?.close();
    opened = await SqlStore.open(`pglite:${folder()}`);
    return opened;
  };
  after(() => opened?.close());

  storeContract("PGlite", reopen, async (stack, change) => {
    // The folder is this process's: past the store is through its own connection.
    const { database } = opened as unknown as { database: Database };
    await database.transaction((query) => tamper(query, stack, change));
  });

  it("promise 8: belongs to one process at a time, and leaves no lease behind one that has ended", async () => {
    await (await reopen()).lease("left", "one");
    expect(await failure(SqlStore.open(`pglite:${folder()}`)), "the same process again").to.be.instanceOf(Conflict);
    expect((await (await reopen()).lease("left", "two")).fence).to.equal(2);
    await opened?.close();
    const owner = join(folder(), ".owner.json");
    await writeFile(owner, JSON.stringify({ pid: process.ppid, instance: "another", host: hostname() }));
    expect(await failure(SqlStore.open(`pglite:${folder()}`)))
      .to.be.instanceOf(Conflict)
      .with.property("next")
      .that.contains("DATABASE_URL");
    await rm(owner);
  });

  it("loses nothing that was answered when its process is killed", async () => {
    await opened?.close();
    const writer = fileURLToPath(new URL("../../support/pgliteWriter.js", import.meta.url));
    const child = spawnForTest(process.execPath, [writer, `pglite:${folder()}`], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    let answered = 0;
    for await (const line of createInterface({ input: child.stdout as Readable })) {
      answered = Number(line);
      if (answered === 50) child.kill("SIGKILL");
    }
    await ended;
    const entries = await (await reopen()).entries("killed");
    expect(entries.length).to.be.at.least(50);
    expect(entries.length - answered).to.be.oneOf([0, 1]);
  });

  it("says what a folder must be", async () => {
    expect(await failure(SqlStore.open("pglite:")))
      .to.be.instanceOf(UserError)
      .with.property("message")
      .that.contains("a folder that cutover can write");
  });
});

describe("the store on PostgreSQL", function () {
  this.timeout(60_000);
  const postgres = postgresForSuite();
  let server: Postgres;
  const open: SqlStore[] = [];
  const store = async (options?: SqlStoreOptions): Promise<SqlStore> => {
    const opened = await SqlStore.open(urlOf(server), options);
    open.push(opened);
    return opened;
  };

  before(async () => {
    server = await postgres.primary("store");
  });
  afterEach(async () => {
    for (const opened of open.splice(0)) await opened.close();
  });

  storeContract(
    "PostgreSQL",
    () => store(),
    (stack, change) => server.sql((s) => tamper((text, values) => s.rows(text, values) as never, stack, change)),
  );

  it("makes its schema once, whoever comes first, and refuses one of a later version", async () => {
    await Promise.all([store(), store(), store()]);
    await server.sql((s) => s.rows("INSERT INTO cutover.schema_version (version) VALUES (999)"));
    const error = await failure(SqlStore.open(urlOf(server)));
    await server.sql((s) => s.rows("DELETE FROM cutover.schema_version WHERE version = 999"));
    expect(error).to.be.instanceOf(Conflict).with.property("message").that.contains("has version 999");
  });

  it("tells other processes of an entry, and sees theirs", async () => {
    const [here, there] = [await store(), await store()];
    const heard: string[] = [];
    here.onForeign((stack) => heard.push(stack));
    await here.append("told", entry("mine"), 1);
    await there.append("told", entry("theirs"), 1);
    for (let i = 0; i < 100 && heard.length === 0; i += 1) await pause(20);
    expect(heard).to.deep.equal(["told"]);
    expect(await here.entries("told")).to.have.length(2);
  });

  it("promise 6: a lease ends when it is not renewed; its holder knows, and can write nothing more", async () => {
    const [one, two] = [await store({ leaseSeconds: 1 }), await store({ leaseSeconds: 1 })];
    const lease = await one.lease("lapses", "one");
    await pause(1_500);
    // It is renewed all the time.
    expect(await failure(two.lease("lapses", "two"))).to.be.instanceOf(Conflict);
    // As if the process had been stopped for longer than the lease lasts.
    await server.sql((s) => s.rows("UPDATE cutover.lease SET expires_at = now() - interval '1 second' WHERE stack = 'lapses'"));
    const taken = await two.lease("lapses", "two");
    expect(taken.fence).to.equal(lease.fence + 1);
    expect(await failure(one.append("lapses", entry("late"), 1, lease)))
      .to.be.instanceOf(Conflict)
      .with.property("holder", "two");
    expect(lease.lost?.aborted).to.equal(true);
    expect(await failure(one.requireHeld(lease))).to.be.instanceOf(Conflict);
    await two.append("lapses", entry("mine"), 1, taken);
    expect(await two.entries("lapses")).to.have.length(1);
  });

  it("promise 6: a holder that is told by nobody finds out by itself, also while the database is away", async () => {
    const one = await store({ leaseSeconds: 1 });
    const lease = await one.lease("finds-out", "one");
    await server.sql((s) => s.rows("UPDATE cutover.lease SET fence = fence + 1, holder = 'two' WHERE stack = 'finds-out'"));
    for (let i = 0; i < 100 && lease.lost?.aborted !== true; i += 1) await pause(20);
    expect(lease.lost?.aborted).to.equal(true);

    const other = await one.lease("away", "one");
    await server.stop();
    try {
      for (let i = 0; i < 200 && other.lost?.aborted !== true; i += 1) await pause(20);
      expect(other.lost?.aborted).to.equal(true);
      expect(await failure(one.append("away", entry("late"), 1, other))).to.be.instanceOf(Transient);
    } finally {
      await server.start();
    }
    // The connections come back by themselves.
    await one.append("away", entry("later"), 1);
    expect(await one.entries("away")).to.have.length(1);
  });

  it("[safety-8] finds its own last entry in the database or appends nothing: a holder after commits were lost", async () => {
    const one = await store();
    const lease = await one.lease("lost", "one");
    for (const reason of ["one", "two", "three"]) await one.append("lost", entry(reason), 1, lease);
    await server.sql((s) => s.rows("DELETE FROM cutover.journal WHERE stack = 'lost' AND seq = 3"));
    // The lease is still its own.
    await one.requireHeld(lease);
    for (const by of [lease, { after: 2 }, undefined])
      expect(await failure(one.append("lost", entry("another three"), 1, by)))
        .to.be.instanceOf(PromiseViolation)
        .with.property("message")
        .that.contains("has lost entry 3 of lost");
    expect(await (await store()).entries("lost")).to.have.length(2);
  });

  it("[safety-8] another server after a failover that lost commits: what was remembered counts no more, and it is told from the one before", async () => {
    const first = await postgres.primary("failover");
    const proxy = await proxyTo(first.endpoint.port);
    const url = urlOf({ ...first, endpoint: { ...first.endpoint, port: proxy.port } });
    const one = await SqlStore.open(url);
    open.push(one);
    const restored: string[] = [];
    one.onRestored(() => restored.push("told"));
    const before = await one.incarnation();
    expect(await one.isDoubtful("moved")).to.equal(false);
    const lease = await one.lease("moved", "one");
    for (const reason of ["one", "two"]) await one.append("moved", entry(reason), 1, lease);
    const standby = await postgres.replica("failover-standby", first);
    // The standby gets nothing more: what is answered from here on is lost with the primary.
    await standby.stop();
    await one.append("moved", entry("lost"), 1, lease);
    await first.stop();
    await standby.start();
    await standby.promote();
    proxy.to(standby.endpoint.port);
    let error = await failure(one.append("moved", entry("four"), 1, lease));
    // The connections of the pool find out one by one.
    for (let i = 0; i < 20 && restored.length === 0; i += 1) error = await failure(one.append("moved", entry("four"), 1, lease));
    expect(error).to.be.instanceOf(Transient).with.property("message").that.contains("lost entry 3 of moved");
    expect(await one.incarnation()).to.not.equal(before);
    // Whoever goes on with it holds it against the far side first, once.
    const other = await SqlStore.open(urlOf(standby));
    open.push(other);
    for (const doubtful of [true, false]) {
      expect(await other.isDoubtful("moved")).to.equal(doubtful);
      await other.trust("moved");
    }
    expect(await other.isDoubtful("new")).to.equal(false);
    expect(restored).to.deep.equal(["told"]);
    expect((await one.entries("moved")).map((e) => (e.type === "migration.held" ? e.reason : ""))).to.deep.equal(["one", "two"]);
    await one.append("moved", entry("three"), 1, lease);
    expect(await one.entries("moved")).to.have.length(3);
  });

  it("promise 9: refuses a journal that was tampered with", async () => {
    const first = await store();
    for (const reason of ["one", "two", "three"]) await first.append("tampered", entry(reason), 1);
    await server.sql((s) => s.rows("UPDATE cutover.journal SET entry = replace(entry, 'two', 'TWO') WHERE stack = 'tampered'"));
    expect(await failure((await store()).entries("tampered")))
      .to.be.instanceOf(PromiseViolation)
      .with.property("message")
      .that.contains("entry 2 was changed");
  });

  it("says what is wrong with an address, without its password", async () => {
    expect(await failure(SqlStore.open("mysql://a:secret@b/c"))).to.be.instanceOf(UserError);
    const away = await failure(SqlStore.open("postgresql://a:secret@127.0.0.1:1/c"));
    expect(away).to.be.instanceOf(Transient).with.property("message").that.contains("127.0.0.1:1/c");
    // A name that cannot be looked up now may be found later.
    const nowhere = await failure(SqlStore.open("postgresql://a:secret@nowhere.invalid/c"));
    expect(nowhere).to.be.instanceOf(Transient).with.property("message").that.contains("nowhere.invalid:5432/c");
    const wrong = await failure(SqlStore.open(urlOf(server).replace(/:[^:@]+@/, ":secret@")));
    expect(wrong).to.be.instanceOf(UserError);
    for (const unescaped of ["se/cret", "se#cret", "se?cret"]) {
      const error = await failure(SqlStore.open(`postgresql://a:${unescaped}@127.0.0.1:1/c`));
      expect(error, unescaped).to.be.instanceOf(UserError).with.property("message").that.contains("DATABASE_URL");
      expect(inspect(error, { showHidden: true }), unescaped).to.not.contain(unescaped);
    }
    for (const error of [away, nowhere, wrong]) expect(error.message).to.not.contain("secret");
  });
});

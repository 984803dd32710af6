import { expect } from "chai";
import { lineOf, record } from "../../../src/automation/journal/chain.js";
import type { Entry } from "../../../src/automation/journal/entries.js";
import { SqlStore } from "../../../src/automation/store/sqlStore.js";
import type { Database, Query } from "../../../src/database/database.js";
import { type Postgres, postgresForSuite, urlOf } from "../../support/postgres.js";
import { tempFolderForSuite } from "../../support/tmp.js";

const entry = (reason: string): Entry => ({ type: "migration.held", reason });

/** What is under the store: statements past it. */
const past = (store: SqlStore): Database => (store as unknown as { database: Database }).database;

const headsOf = async (query: Query) =>
  (await query<{ stack: string; seq: number }>("SELECT stack, seq FROM cutover.head ORDER BY stack", [])).map((r) => `${r.stack} ${r.seq}`);

/** An entry as earlier versions append it: they know the journal's table alone. */
async function appendAsBefore(query: Query, stack: string, reason: string): Promise<void> {
  const [last] = await query<{ entry: string }>("SELECT entry FROM cutover.journal WHERE stack = $1 ORDER BY seq DESC LIMIT 1", [stack]);
  const recorded = record(entry(reason), last === undefined ? undefined : JSON.parse(last.entry), 7, 0);
  await query("INSERT INTO cutover.journal (stack, seq, entry) VALUES ($1, $2, $3)", [stack, recorded.seq, lineOf(recorded)]);
}

function contract(name: string, open: () => Promise<SqlStore>): void {
  it(`[people-24] ${name}: keeps a head a journal in the append's own transaction, also for what an earlier version appends beside it`, async () => {
    const store = await open();
    for (const reason of ["one", "two"]) await store.append("a", entry(reason), 7);
    await appendAsBefore(past(store).query, "a", "three");
    await appendAsBefore(past(store).query, "b", "one");
    expect([...(await store.lengths())]).to.deep.equal([
      ["a", 3],
      ["b", 1],
    ]);
    const failing = past(store).transaction(async (query) => {
      await appendAsBefore(query, "a", "four");
      expect((await headsOf(query))[0]).to.equal("a 4");
      throw new Error("rolled back");
    });
    expect(await failing.catch((e: Error) => e.message)).to.equal("rolled back");
    expect((await store.lengths()).get("a")).to.equal(3);
    await past(store).query("DELETE FROM cutover.journal WHERE stack = $1 AND seq = 3", ["a"]);
    expect((await store.lengths()).get("a")).to.equal(2);
  });

  it(`[people-24] ${name}: makes the heads of an earlier version's journals, and those that disagree again`, async () => {
    const store = await open();
    await store.append("a", entry("one"), 7);
    await past(store).query("DROP TABLE cutover.head");
    await past(store).query("DROP FUNCTION cutover.keep_head CASCADE");
    for (const reason of ["two", "three"]) await appendAsBefore(past(store).query, "a", reason);
    await appendAsBefore(past(store).query, "b", "one");
    const upgraded = await open();
    expect([...(await upgraded.lengths())]).to.deep.equal([
      ["a", 3],
      ["b", 1],
    ]);
    // Past the triggers: too high, too low, of no journal, missing.
    const { query } = past(upgraded);
    for (const reason of ["two"]) await appendAsBefore(query, "b", reason);
    await query("UPDATE cutover.head SET seq = 99 WHERE stack = 'a'");
    await query("UPDATE cutover.head SET seq = 1 WHERE stack = 'b'");
    await query("INSERT INTO cutover.head (stack, seq) VALUES ('nobody', 5)");
    await query("ALTER TABLE cutover.journal DISABLE TRIGGER ALL");
    await appendAsBefore(query, "c", "one");
    const again = await open();
    expect(await headsOf(past(again).query)).to.deep.equal(["a 3", "b 2", "c 1"]);
    await again.append("c", entry("two"), 7);
    expect((await again.lengths()).get("c")).to.equal(2);
    expect(await again.stacks()).to.deep.equal(["a", "b", "c"]);
  });
}

describe("heads of journals", function () {
  this.timeout(120_000);
  const folder = tempFolderForSuite("heads");
  const postgres = postgresForSuite();
  let server: Postgres;
  const opened: SqlStore[] = [];
  const closeAll = async () => {
    for (const store of opened.splice(0)) await store.close();
  };
  const kept = async (store: Promise<SqlStore>): Promise<SqlStore> => {
    opened.push(await store);
    return store;
  };
  before(async () => {
    server = await postgres.primary("heads");
  });
  afterEach(async () => {
    for (const store of opened.slice(-1)) await past(store).query("TRUNCATE cutover.journal");
    await closeAll();
  });

  contract("PostgreSQL", () => kept(SqlStore.open(urlOf(server))));
  // One process has the folder: another store over it is opened once the first one is closed.
  contract("PGlite", async () => {
    await closeAll();
    return kept(SqlStore.open(`pglite:${folder()}`));
  });

  it("[people-24] a head that disagrees while the service runs is made again without a restart, and whoever listens is told", async () => {
    const store = await kept(SqlStore.open(urlOf(server), { checkSeconds: 0.2 }));
    await store.append("a", entry("one"), 7);
    const told = new Promise<string>((resolve) => store.onForeign(resolve));
    await past(store).query("UPDATE cutover.head SET seq = 77 WHERE stack = 'a'");
    expect(await told).to.equal("a");
    expect((await store.lengths()).get("a")).to.equal(1);
  });

  it("[people-24] neither lists nor readiness read the journals", async () => {
    const store = await kept(SqlStore.open(urlOf(server)));
    const { query } = past(store);
    for (const stack of ["a", "b"]) await store.append(stack, entry("one"), 7);
    await query("ALTER TABLE cutover.journal RENAME TO away");
    try {
      await store.answers();
      expect((await store.lengths()).size).to.equal(2);
    } finally {
      await query("ALTER TABLE cutover.away RENAME TO journal");
    }
  });
});

import { expect } from "chai";
import type { Finding } from "../../src/doctor/check.js";
import { durability } from "../../src/doctor/durability.js";
import { type Postgres, postgresForSuite, urlOf } from "../support/postgres.js";

const of = (found: Finding[], part: string): Finding | undefined => found.find((f) => f.check === `journal database${part}`);

describe("[safety-8] cutover doctor says what the database of the journals promises", function () {
  this.timeout(90_000);
  const postgres = postgresForSuite();
  let primary: Postgres;
  let standby: Postgres;

  /** As an administrator sets it; in force when it returns. */
  async function set(name: string, value: string): Promise<void> {
    await primary.sql((s) => s.rows(`ALTER SYSTEM SET ${name} = ${value}`));
    await primary.sql((s) => s.rows("SELECT pg_reload_conf()"));
    for (;;) {
      // The session of the test has settings of its own.
      const now = await primary.sql((s) => s.value<string>("SELECT reset_val FROM pg_settings WHERE name = $1", [name]));
      if (now === value.replaceAll("'", "")) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** What it says once the standby is seen as wanted. */
  async function until(wanted: Finding["standing"]): Promise<Finding | undefined> {
    for (let i = 0; ; i += 1) {
      const found = of(await durability(urlOf(primary)), ": failover");
      if (found?.standing === wanted || i === 200) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  before(async () => {
    primary = await postgres.primary("journals");
    standby = await postgres.replica("journals-standby", primary);
  });

  it("of a folder and of PGlite nothing: they are the process's own", async () => {
    expect([await durability(undefined), await durability("pglite:somewhere")]).to.deep.equal([[], []]);
  });

  it("whether what it answers is on its disk", async () => {
    const off = of(await durability(urlOf(primary)), ": disk");
    expect(off?.standing).to.equal("failed");
    expect(off?.detail).to.contain("fsync is off");
    await set("fsync", "on");
    expect(of(await durability(urlOf(primary)), ": disk")?.standing).to.equal("ok");
    await set("synchronous_commit", "off");
    const lazy = of(await durability(urlOf(primary)), ": disk");
    expect(lazy?.standing).to.equal("warning");
    expect(lazy?.detail).to.contain("entries are on disk before they are answered all the same");
    await set("synchronous_commit", "on");
  });

  it("whether a failover may lose answered entries, and who is behind", async () => {
    const lost = await until("warning");
    expect(lost?.detail).to.contain("walreceiver (async, streaming").and.contain("a failover may lose entries");
    expect(lost?.mend).to.contain("ANY 1 (walreceiver)");
    await set("synchronous_standby_names", "'walreceiver'");
    expect((await until("ok"))?.detail)
      .to.contain("walreceiver (sync, streaming")
      .and.contain("loses nothing");
    await standby.stop();
    const waits = await until("failed");
    expect(waits?.detail).to.contain("no standby streams from it").and.contain("every entry waits");
    await standby.start();
    await until("ok");
  });

  it("that a standby takes nothing, and who may not see how they follow", async () => {
    const [found, ...rest] = await durability(urlOf(standby));
    expect([found?.standing, rest]).to.deep.equal(["failed", []]);
    expect(found?.detail).to.contain("is a standby");
    await primary.sql((s) => s.rows("CREATE ROLE plain LOGIN PASSWORD 'plain'"));
    const { endpoint } = primary;
    const asPlain = urlOf({ ...primary, endpoint: { ...endpoint, user: "plain", password: "plain" } });
    const blind = of(await durability(asPlain), ": failover");
    expect(blind?.standing).to.equal("unknown");
    expect(blind?.mend).to.contain("pg_read_all_stats");
  });

  it("where it cannot be reached, without its password", async () => {
    const [found] = await durability("postgresql://a:secret@127.0.0.1:1/c");
    expect(found?.standing).to.equal("failed");
    expect(found?.detail).to.contain("127.0.0.1:1/c").and.not.contain("secret");
  });
});

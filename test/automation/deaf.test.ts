import { expect } from "chai";
import { SqlStore } from "../../src/automation/sqlStore.js";
import { afterThisTest } from "../support/cleanup.js";
import { deafProxy } from "../support/deafProxy.js";
import { peopleOf } from "../support/people.js";
import { type Postgres, postgresForSuite, urlOf } from "../support/postgres.js";
import { STACK, stagingDone, untilWoken } from "./model.js";
import { modelService } from "./modelService.js";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("two processes over one PostgreSQL, one of which hears nothing any more", function () {
  this.timeout(300_000);
  const postgres = postgresForSuite();
  let server: Postgres;
  before(async () => {
    server = await postgres.primary("deaf");
  });

  async function storeAt(url: string): Promise<SqlStore> {
    const store = await SqlStore.open(url);
    afterThisTest(() => store.close());
    return store;
  }

  it("the sweep alone wakes the runner that sleeps there, for an emergency that was given to the other", async () => {
    const { world, start } = modelService();
    const proxy = await deafProxy(server.endpoint);
    const deaf = await storeAt(urlOf({ ...server, endpoint: { ...server.endpoint, port: proxy.port } }));
    const other = await storeAt(urlOf(server));
    await other.adopt("web-api-staging", stagingDone(world.now));
    const one = start({ store: deaf, sweepMs: 200 });
    afterThisTest(() => one.close({ deadlineMs: 0 }).then(() => undefined));
    await peopleOf(one, STACK).standBefore("traffic.dns-100");
    let asleep = false;
    world.beforeSleep = (_, signal) => {
      asleep = true;
      return untilWoken(signal);
    };
    await one.command(STACK, { command: "advance", extent: "step" }, "alice");
    while (!asleep) await pause(20);
    expect(world.applied.dns?.weights).to.deep.equal({ old: 0, new: 100 });
    world.beforeSleep = async () => undefined;

    proxy.deafen();
    const heard: string[] = [];
    deaf.onForeign((stack) => heard.push(stack));
    const two = start({ store: other });
    afterThisTest(() => two.close().then(() => undefined));
    await two.command(STACK, { command: "emergency", why: "users see errors" }, "bob");
    for (let i = 0; i < 500 && world.applied.dns?.weights.new !== 0; i += 1) await pause(20);
    expect(world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    expect(heard, "nobody told it").to.deep.equal([]);
    expect(proxy.swallowed).to.be.above(0);
    expect(world.violations).to.deep.equal([]);
  });
});

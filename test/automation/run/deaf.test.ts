import { expect } from "chai";
import { unsettled } from "../../../src/automation/engine/failures.js";
import { SqlStore } from "../../../src/automation/store/sqlStore.js";
import { Transient } from "../../../src/errors.js";
import { afterThisTest } from "../../support/cleanup.js";
import { deafProxy } from "../../support/deafProxy.js";
import { peopleOf } from "../../support/people.js";
import { type Postgres, postgresForSuite, urlOf } from "../../support/postgres.js";
import { STACK, stagingDone, untilWoken } from "../model.js";
import { modelService } from "../modelService.js";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("two processes over one PostgreSQL", function () {
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

  it("where one hears nothing any more, its sweep alone wakes the runner that sleeps there, for an emergency that was given to the other", async () => {
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

  it("an emergency that is given to one ends the update that runs in the other, and not the way back", async () => {
    const { world, driver, start } = modelService();
    const told = await postgres.primary("told");
    const [here, other] = [await storeAt(urlOf(told)), await storeAt(urlOf(told))];
    await here.adopt("web-api-staging", stagingDone(world.now));
    let running = false;
    const cancelled: string[] = [];
    let end = (): void => undefined;
    const slow: typeof driver = {
      ...driver,
      update: async (...args) => {
        if (running || !JSON.stringify(args[1]).includes('"new":100')) return driver.update(...args);
        running = true;
        await new Promise<void>((resolve) => {
          end = resolve;
        });
        throw unsettled(new Transient("The update was cancelled."));
      },
      cancel: () => {
        cancelled.push(world.updates.at(-1)?.key ?? "");
        end();
      },
    };
    const one = start({ store: here, driver: slow });
    afterThisTest(() => one.close({ deadlineMs: 0 }).then(() => undefined));
    await peopleOf(one, STACK).standBefore("traffic.dns-100");
    await one.command(STACK, { command: "advance", extent: "step" }, "alice");
    while (!running) await pause(20);
    const two = start({ store: other });
    afterThisTest(() => two.close().then(() => undefined));
    await two.command(STACK, { command: "emergency", why: "users see errors" }, "bob");
    for (let i = 0; i < 500 && (await two.get(STACK)).state.status !== "held"; i += 1) await pause(20);
    expect((await two.get(STACK)).state).to.include({ status: "held" });
    expect(cancelled).to.have.length(1);
    expect(world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    expect(world.violations).to.deep.equal([]);
  });
});

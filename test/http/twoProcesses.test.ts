import { expect } from "chai";
import { SqlStore } from "../../src/automation/store/sqlStore.js";
import { startServer } from "../../src/server.js";
import { STACK, stagingDone, untilWoken } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { afterThisTest } from "../support/cleanup.js";
import { peopleOf } from "../support/people.js";
import { postgresForSuite, urlOf } from "../support/postgres.js";

interface View {
  status: string;
  running: boolean;
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("two services over one PostgreSQL", function () {
  this.timeout(300_000);
  const postgres = postgresForSuite();

  it("both say whether a process is at work on a migration, whichever of them that is", async () => {
    const server = await postgres.primary("two");
    const { world, start } = modelService();
    const service = async () => {
      const store = await SqlStore.open(urlOf(server));
      afterThisTest(() => store.close());
      const migrations = start({ store });
      afterThisTest(() => migrations.close().then(() => undefined));
      const { url, token, close } = await startServer({ port: 0, log: () => undefined, migrations });
      afterThisTest(() => close());
      const get = async (path: string) =>
        (await fetch(`${url}/v1/migrations${path}`, { headers: { authorization: `Bearer ${token}` } })).json();
      return {
        store,
        migrations,
        /** What it says of the one migration, alone and in the list. */
        said: async (): Promise<View[]> => {
          const alone = (await get(`/${STACK}`)) as View;
          const { migrations: all } = (await get("")) as { migrations: (View & { stack: string })[] };
          return [alone, ...all.filter((m) => m.stack === STACK)].map(({ status, running }) => ({ status, running }));
        },
      };
    };
    const [one, two] = [await service(), await service()];
    await two.store.adopt("web-api-staging", stagingDone(world.now));
    const people = peopleOf(one.migrations, STACK);
    await people.standBefore("database.go");
    await people.say({ command: "advance", extent: "step" });
    const waits = { status: "approval", running: false };
    for (const { said } of [one, two]) expect(await said(), "only gates are watched").to.deep.equal([waits, waits]);

    await people.standBefore("traffic.dns-100");
    let asleep = false;
    world.beforeSleep = (_, signal) => {
      asleep = true;
      return untilWoken(signal);
    };
    await one.migrations.command(STACK, { command: "advance", extent: "step" }, "alice");
    while (!asleep) await pause(20);
    const runs = { status: "running", running: true };
    for (const { said } of [one, two]) expect(await said(), "one of them runs it").to.deep.equal([runs, runs]);
    await one.migrations.close();
    const left = { status: "running", running: false };
    expect(await two.said(), "nobody runs it any more").to.deep.equal([left, left]);
  });
});

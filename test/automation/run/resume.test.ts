import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { States } from "../../../src/automation/run/projections.js";
import { Targets } from "../../../src/automation/run/targets.js";
import { FolderStore } from "../../../src/automation/store/folderStore.js";
import { PromiseViolation, Terminal } from "../../../src/errors.js";
import { afterThisTest } from "../../support/cleanup.js";
import { peopleOf } from "../../support/people.js";
import { modelTarget, NO_FAULTS, RAW, STACK, stagingDone } from "../model.js";
import { modelService } from "../modelService.js";

const OTHER = "other-production";
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The model's service, with the config file of a second stack. */
async function withOther() {
  const parts = modelService();
  const application = { name: "other", environment: "production", criticality: "high" };
  await writeFile(join(parts.folder, `Pulumi.${OTHER}.yaml`), stringify({ config: { ...RAW, "cutover:application": application } }));
  return parts;
}

describe("a service that starts", () => {
  it("goes on with the migrations that can, and tells of one whose far side cannot be opened", async () => {
    const { world, store, start } = await withOther();
    const before = start();
    for (const stack of [STACK, OTHER]) {
      await before.create(stack, "alice");
      // Advanced by a process that ended before it began.
      const { state } = await before.get(stack);
      await store.append(stack, { type: "command", who: "alice", command: "advance", extent: "step" }, world.now, { after: state.lastSeq });
    }
    await before.close();
    const after = start({
      openTarget: async (stack) => {
        if (stack === STACK) throw new Terminal("targets.yaml has no such environment");
        return modelTarget(world);
      },
    });
    const failures: string[] = [];
    after.onFailure((stack, error) => failures.push(`${stack}: ${error.message}`));
    await after.resumeAll();
    await after.settled(OTHER);
    expect((await after.journal(OTHER)).map((e) => e.type)).to.include("step.started");
    expect(failures).to.deep.equal([`${STACK}: targets.yaml has no such environment`]);
    expect((await after.get(STACK)).state).to.include({ position: 0, status: "running" });
    await after.close();
  });

  for (const mendedBy of ["an emergency", "the next sweep"])
    it(`keeps no lease of a migration whose far side cannot be opened: once that is mended, ${mendedBy} gets on with it`, async () => {
      const { folder, world, start } = modelService();
      const store = await FolderStore.open(join(folder, "journal"));
      await store.adopt("web-api-staging", stagingDone(world.now));
      const before = start({ store });
      await peopleOf(before, STACK).standBefore("traffic.dns-100");
      const { lastSeq } = (await before.get(STACK)).state;
      await store.append(STACK, { type: "command", who: "alice", command: "advance", extent: "step" }, world.now, { after: lastSeq });
      await before.close();
      expect(world.applied.dns?.weights).to.deep.equal({ old: 75, new: 25 });

      let mended = false;
      const after = start({
        store,
        openTarget: async () => {
          if (!mended) throw new Terminal("targets.yaml has no such environment");
          return modelTarget(world);
        },
      });
      const failures: string[] = [];
      after.onFailure((_, error) => failures.push(error.message));
      for (let i = 0; i < 2; i += 1) await after.resumeAll();
      expect(failures, "told, and told once").to.deep.equal(["targets.yaml has no such environment"]);
      mended = true;
      if (mendedBy === "an emergency") await after.command(STACK, { command: "emergency", why: "users see errors" }, "alice");
      else await after.resumeAll();
      await after.settled(STACK);
      expect(world.applied.dns?.weights).to.deep.equal(mendedBy === "an emergency" ? { old: 100, new: 0 } : { old: 0, new: 100 });
      expect(failures).to.have.length(1);
      await after.close();
      await store.close();
    });

  it("tries a recovery again that met what passes, while users' writes wait for the promotion it is in the middle of", async () => {
    const { world, store, start } = modelService();
    const before = start();
    await peopleOf(before, STACK).standBefore("database.promote");
    let ended = false;
    // The process ends in the middle of the update: nothing of it reaches the journal any more.
    const crash = (point: string) => {
      ended ||= point === "inside update";
      return ended;
    };
    world.faults = { ...NO_FAULTS, crash, store: () => (ended ? "unreached" : undefined) };
    await before.command(STACK, { command: "advance", extent: "end" }, "alice").catch(() => undefined);
    while (!ended || before.runners > 0) await pause(20);
    let tries = 0;
    const fail = (point: string) => {
      if (!point.startsWith("recovery")) return undefined;
      tries += 1;
      return tries <= 2 ? "transient" : undefined;
    };
    world.faults = { ...NO_FAULTS, fail };
    expect(world).to.include({ oldWrites: false, newWrites: false });

    const after = start({ sweepMs: 20 });
    afterThisTest(() => after.close().then(() => undefined));
    await after.resumeAll();
    for (let i = 0; i < 500 && !world.newWrites; i += 1) {
      // The model keeps a lease that was renewed for an effect, also when it was given back.
      store.lapse();
      await pause(20);
    }
    expect(tries).to.be.above(2);
    expect(world.newWrites, "users write again").to.equal(true);
    expect(world.effects.filter((e) => e === "promote")).to.have.length(1);
    expect(world.violations).to.deep.equal([]);
  });

  it("listens for no far side that could not be opened", async () => {
    const { folder, store } = modelService();
    const states = new States(store, folder, () => false);
    let listening = 0;
    const onProgress = states.onProgress.bind(states);
    states.onProgress = (listener) => {
      const stop = onProgress(listener);
      listening += 1;
      return () => {
        listening -= 1;
        stop();
      };
    };
    const refuse = async () => {
      throw new Terminal("targets.yaml has no such environment");
    };
    const targets = new Targets(states, refuse, folder);
    for (let i = 0; i < 3; i += 1) await targets.of(STACK).catch(() => undefined);
    expect(listening).to.equal(0);
  });

  it("promise 9: holds up a migration whose journal was changed, tells of it once, and no other one", async () => {
    const { folder, start } = await withOther();
    const first = await FolderStore.open(join(folder, "journal"));
    const before = start({ store: first });
    for (const stack of [STACK, OTHER]) await before.create(stack, "alice");
    await before.close();
    await first.close();
    const file = join(folder, "journal", STACK, "journal.ndjson");
    await writeFile(file, (await readFile(file, "utf8")).replace("alice", "mallory"));

    const store = await FolderStore.open(join(folder, "journal"));
    const after = start({ store });
    const failures: [string, Error][] = [];
    after.onFailure((stack, error) => failures.push([stack, error]));
    expect(after.allRead).to.equal(false);
    for (let i = 0; i < 2; i += 1) await after.resumeAll();
    expect(after.allRead).to.equal(true);
    expect(failures.map(([stack]) => stack)).to.deep.equal([STACK]);
    expect(failures[0]?.[1]).to.be.instanceOf(PromiseViolation);
    expect((await after.get(OTHER)).state.status).to.equal("ready");
    expect((await after.list()).map((m) => m.stack)).to.deep.equal([OTHER]);
    for (const look of [() => after.get(STACK), () => after.command(STACK, { command: "pause", why: "" }, "bob")])
      expect(await look().catch((error: unknown) => error)).to.be.instanceOf(PromiseViolation);
    await after.close();
    await store.close();
  });
});

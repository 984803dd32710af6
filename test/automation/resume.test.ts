import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { stringify } from "yaml";
import { Migrations } from "../../src/automation/migrations.js";
import { FolderStore, type Store } from "../../src/automation/store.js";
import { PromiseViolation, Terminal } from "../../src/errors.js";
import { tempFolder } from "../support/tmp.js";
import { ModelStore, ModelWorld, modelDriver, modelProject, modelTarget, RAW, STACK } from "./model.js";

describe("a service that starts", () => {
  it("goes on with the migrations that can, and tells of one whose far side cannot be opened", async () => {
    const folder = tempFolder("resume");
    const world = new ModelWorld();
    const store = new ModelStore(world);
    const stacks = [STACK, "other-production"];
    for (const stack of stacks) {
      const name = stack.replace("-production", "");
      const raw = { ...RAW, "cutover:application": { name, environment: "production", criticality: "high" } };
      await writeFile(join(folder, `Pulumi.${stack}.yaml`), stringify({ config: raw }));
    }
    const serviceWith = (broken: string | undefined) =>
      new Migrations({
        store,
        driver: modelDriver(world, folder),
        openTarget: async (stack) => {
          if (stack === broken) throw new Terminal("targets.yaml has no such environment");
          return modelTarget(world);
        },
        project: modelProject,
        stacksFolder: folder,
      });
    const before = serviceWith(undefined);
    for (const stack of stacks) {
      await before.create(stack, "alice");
      // Advanced by a process that ended before it began.
      const { state } = await before.get(stack);
      await store.append(stack, { type: "command", who: "alice", command: "advance", extent: "step" }, world.now, { after: state.lastSeq });
    }
    await before.close();
    const after = serviceWith(STACK);
    const failures: string[] = [];
    after.onFailure((stack, error) => failures.push(`${stack}: ${error.message}`));
    await after.resumeAll();
    await after.settled("other-production");
    expect((await after.journal("other-production")).map((e) => e.type)).to.include("step.started");
    expect(failures).to.deep.equal([`${STACK}: targets.yaml has no such environment`]);
    expect((await after.get(STACK)).state).to.include({ position: 0, status: "running" });
    await after.close();
  });

  it("promise 9: holds up a migration whose journal was changed, tells of it once, and no other one", async () => {
    const folder = tempFolder("changed");
    const world = new ModelWorld();
    const stacks = [STACK, "other-production"];
    for (const stack of stacks) {
      const name = stack.replace("-production", "");
      const raw = { ...RAW, "cutover:application": { name, environment: "production", criticality: "high" } };
      await writeFile(join(folder, `Pulumi.${stack}.yaml`), stringify({ config: raw }));
    }
    const serviceOver = (store: Store) =>
      new Migrations({
        store,
        driver: modelDriver(world, folder),
        openTarget: async () => modelTarget(world),
        project: modelProject,
        stacksFolder: folder,
      });
    const first = await FolderStore.open(join(folder, "journal"));
    const before = serviceOver(first);
    for (const stack of stacks) await before.create(stack, "alice");
    await before.close();
    await first.close();
    const file = join(folder, "journal", STACK, "journal.ndjson");
    await writeFile(file, (await readFile(file, "utf8")).replace("alice", "mallory"));

    const store = await FolderStore.open(join(folder, "journal"));
    const after = serviceOver(store);
    const failures: [string, Error][] = [];
    after.onFailure((stack, error) => failures.push([stack, error]));
    expect(after.allRead).to.equal(false);
    for (let i = 0; i < 2; i += 1) await after.resumeAll();
    expect(after.allRead).to.equal(true);
    expect(failures.map(([stack]) => stack)).to.deep.equal([STACK]);
    expect(failures[0]?.[1]).to.be.instanceOf(PromiseViolation);
    expect((await after.get("other-production")).state.status).to.equal("ready");
    for (const look of [() => after.list(), () => after.get(STACK), () => after.command(STACK, { command: "pause", why: "" }, "bob")])
      expect(await look().catch((error: unknown) => error)).to.be.instanceOf(PromiseViolation);
    await after.close();
    await store.close();
  });
});

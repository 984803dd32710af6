import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { stringify } from "yaml";
import { verifyChain } from "../../src/automation/journal/chain.js";
import { FolderStore } from "../../src/automation/store/folderStore.js";
import { Crash, ModelWorld, modelDriver, modelTarget, NO_FAULTS, RAW, STACK, stagingDone } from "../automation/model.js";
import { serveFarWorld } from "../support/farWorld.js";
import { recordFinding } from "../support/findings.js";
import type { MigrationSettings } from "../support/migrationProcess.js";
import { spawnForTest } from "../support/processes.js";
import { tempFolder } from "../support/tmp.js";

/** Every n-th point in `npm test`, another one each time; all of them in the nightly tier (`CUTOVER_KILLS=1`). */
const EVERY = Number(process.env.CUTOVER_KILLS ?? 20);
const FIRST = Number(process.env.CUTOVER_SEED ?? Math.floor(Math.random() * EVERY));
const PROCESS = fileURLToPath(new URL("../support/migrationProcess.js", import.meta.url));

describe("a migration whose process is killed", function () {
  this.timeout(45 * 60_000);

  it(`promise 6: just before and just after every ${EVERY === 1 ? "" : `${EVERY}th (from ${FIRST}) `}journal write and effect: it ends the same, each effect once`, async () => {
    const undisturbed = await migrate(() => false);
    const killed = new Set<string>();
    const points = { append: 0, effect: 0 };
    let number = -1;
    const disturbed = await migrate((point, entries) => {
      // A point that a new process comes by again is the same one: killed there once, it gets past it.
      const name = `${point} at ${entries}`;
      if (killed.has(name)) return false;
      number += 1;
      if (number % EVERY !== FIRST % EVERY) return false;
      killed.add(name);
      points[point.includes("append") ? "append" : "effect"] += 1;
      return true;
    });
    const message = `killed at, in order: ${[...killed].join("; ")} (CUTOVER_KILLS=${EVERY} CUTOVER_SEED=${FIRST})`;
    expect(disturbed.world.violations, message).to.deep.equal([]);
    expect(disturbed.world.effects, message).to.deep.equal(undisturbed.world.effects);
    expect(disturbed.world.applied, message).to.deep.equal(undisturbed.world.applied);
    expect(new Set(disturbed.world.updates.map((u) => u.key)).size, message).to.equal(disturbed.world.updates.length);
    const ends = ({ oldWrites, newWrites, maintenance, fleetUses, reverse, removed }: ModelWorld) => ({
      oldWrites,
      newWrites,
      maintenance,
      fleetUses,
      reverse,
      removed,
    });
    expect(ends(disturbed.world), message).to.deep.equal(ends(undisturbed.world));
    expect(killed.size).to.be.at.least(EVERY === 1 ? 400 : 10);
    for (const [kind, tried] of Object.entries(points))
      await recordFinding({
        fault: "SIGKILL of the service",
        where:
          kind === "append"
            ? "just before and just after a line of the journal"
            : "just before, inside and just after an effect or an update",
        tried,
        outcome: "the same final state, each effect once, the journal intact",
      });
  });
});

/** One whole migration by processes that are killed where `kills` says. */
async function migrate(kills: (point: string, entries: number) => boolean): Promise<{ world: ModelWorld }> {
  const folder = tempFolder("crashes");
  const [journal, stacks] = [join(folder, "journal"), join(folder, "stacks")];
  await mkdir(stacks, { recursive: true });
  await writeFile(join(stacks, `Pulumi.${STACK}.yaml`), stringify({ config: RAW }));
  const world = new ModelWorld();
  const seeded = await FolderStore.open(journal);
  await seeded.adopt("web-api-staging", stagingDone(world.now));
  await seeded.close();

  let child: ChildProcess | undefined;
  let entries = 0;
  world.faults = {
    ...NO_FAULTS,
    crash: (point) => {
      if (child?.pid === undefined || !kills(point, entries)) return false;
      process.kill(child.pid, "SIGKILL");
      return true;
    },
  };
  const far = await serveFarWorld(
    async () => modelTarget(world),
    {
      driver: modelDriver(world, stacks),
      points: {
        at: async (point: string) => {
          world.gate(point);
          if (point.startsWith("after append")) entries += 1;
        },
      },
    },
    (error) => error instanceof Crash,
  );
  try {
    const settings: MigrationSettings = { journal, stacks, far: far.url };
    for (;;) {
      child = spawnForTest(process.execPath, [PROCESS, JSON.stringify(settings)], { stdio: ["ignore", "inherit", "pipe"] });
      let said = "";
      child.stderr?.on("data", (data) => {
        said = `${said}${data}`.slice(-4_000);
      });
      const [code, signal] = await once(child, "close");
      if (signal === "SIGKILL") continue;
      expect(code, said).to.equal(0);
      break;
    }
  } finally {
    await far.close();
  }
  const store = await FolderStore.open(journal);
  expect(verifyChain(await store.entries(STACK))).to.deep.equal([]);
  return { world };
}

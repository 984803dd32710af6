// node scripts/recordJournals.mjs NAME: records the journals of this version for test/fixtures/journals; `npm run release` runs it, after a
// build. The tests of every later version replay them, steer them on and take them back.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// The tests' helpers ask for mocha's hooks; what they would clean up goes with this process.
const cleanups = [];
globalThis.afterEach = globalThis.after = (_, clean) => cleanups.push(clean);
const { modelService } = await import("../dist/test/automation/modelService.js");
const { STACK } = await import("../dist/test/automation/model.js");

const name = process.argv[2];
if (name === undefined) throw new Error("name the version: node scripts/recordJournals.mjs 0.2.0");
const folder = join(dirname(fileURLToPath(import.meta.url)), "../test/fixtures/journals");
await mkdir(folder, { recursive: true });

const say = async (service, command, who = "alice") => {
  await service.command(STACK, command, who);
  return service.settled(STACK);
};

/** Approves, advances and resumes, a step at a time, until the step is next or the migration is over. */
async function reach(service, id) {
  for (;;) {
    await service.settled(STACK);
    const { plan, state } = await service.get(STACK);
    const step = plan[state.position];
    if (step?.id === id || state.status === "completed" || state.status === "aborted") return state;
    if (state.status === "approval") await say(service, { command: "approve", step: step.id }, "bob");
    else await say(service, state.status === "ready" ? { command: "advance", extent: "step" } : { command: "resume" });
  }
}

/** @param steer what people do on the way */
async function record(what, steer) {
  const parts = modelService();
  const service = parts.start();
  await service.create(STACK, "alice");
  await steer(service);
  const { status } = await reach(service, "nothing");
  const entries = await parts.store.entries(STACK);
  await writeFile(join(folder, `${name}-${what}.ndjson`), entries.map((e) => `${JSON.stringify(e)}\n`).join(""));
  process.stdout.write(`${name}-${what}: ${status} after ${entries.length} entries, ${parts.world.violations.length} violations\n`);
  await service.close();
}

await record("straight", async () => undefined);
await record("steered", async (service) => {
  await reach(service, "rollout.green-deploy");
  await say(service, { command: "tune", changes: { "dns.steps": [10, 25, 100], "dns.holdSeconds": 1_200 }, why: "smaller steps" });
  await reach(service, "rollout.remove-blue");
  await say(service, { command: "pause", why: "lunch" });
  await say(service, { command: "resume" });
  const { revision } = await reach(service, "traffic.dns-10");
  await reach(service, "traffic.dns-100");
  await say(service, { command: "rollback", revision, why: "a second look" });
  await reach(service, "traffic.dns-100");
  await say(service, { command: "emergency", why: "and a third one" });
});
for (const clean of cleanups) await clean?.();
process.exit(0);

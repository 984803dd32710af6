import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { foreignLock } from "../test/support/foreignLock.js";
import { fillJournals } from "./harness/fill.js";
import { quantile, sampleOf } from "./harness/measure.js";
import { type Benchmark, compared } from "./harness/report.js";
import { stackConfig } from "./harness/stacks.js";
import { makeWorld, type Service, startService, type World } from "./harness/world.js";

const STACK = "app-1-production";
const STEP = "traffic.dns-1";
/** How long the flood runs before the emergency: the first engines have begun by then. */
const FLOOD_MS = 2_000;
const LOOK_MS = 5;

/** From a person's command to the old weights at the far side, beside the same while everything else wants the machine too. */
export const benchmark: Benchmark = {
  about: "emergency",
  run: async (context) => {
    const { short, times, folder, say } = context;
    const busy = Array.from({ length: short ? 2 : 8 }, (_, i) => `app-${i + 2}-staging`);
    const viewers = short ? 6 : 60;
    const others = short ? 20 : 500;
    const dns = { zoneId: "Z1234567890ABC", steps: [1, 100], holdSeconds: 60, lowTtlForSeconds: 60 };
    const world = await makeWorld(folder, {
      "app-1-staging": stackConfig("app-1", "staging"),
      [STACK]: stackConfig("app-1", "production", { "cutover:dns": dns }),
      ...Object.fromEntries(busy.map((s) => [s, stackConfig(s.replace("-staging", ""), "staging")])),
    });
    let service = await startService(world);
    try {
      await service.drive("app-1-staging", "end");
      await service.drive(STACK, STEP);
      for (const stack of busy) {
        await service.drive(stack, "rollout.update");
        await service.until(stack, "advance", { extent: "step" }, "step.completed");
        await service.idle(stack);
      }
      const rounds = times(20);
      const idle = await measured(rounds, (round) => emergency(world, service, round === 0));
      say(`idle: ${idle.shown.median.toFixed(3)} s, p99 ${quantile(idle.shown.values, 0.99).toFixed(3)} s`);
      await service.close();
      await fillJournals(world, others, short ? 20 : 200);
      service = await startService(world);
      const flooded = await measured(rounds, () => inFlood(world, service, busy, viewers));
      say(`flood: ${flooded.shown.median.toFixed(3)} s, p99 ${quantile(flooded.shown.values, 0.99).toFixed(3)} s`);
      const p99 = (of: { values: number[] }) => sampleOf([quantile(of.values, 0.99)]);
      const pair = (of: "shown" | "answered") => ({ ours: flooded[of], theirs: idle[of] });
      const bar = { most: 1.2, limit: "the service, eight updates and their engines share two cores" };
      const what = "emergency in a flood, from the command to the old weights at the far side";
      return {
        figures: [
          compared(what, "s", pair("shown"), "the same while nothing runs", { bar }),
          compared(`${what}, p99 of ${rounds}`, "s", { ours: p99(flooded.shown), theirs: p99(idle.shown) }, "the same while nothing runs"),
          compared("emergency in a flood, until the command is answered", "s", pair("answered"), "the same while nothing runs"),
        ],
        growths: [],
        notes: [
          `Flood: ${viewers} viewers who ask for a preview each, again and again; ${busy.length} stacks that are being updated without a pause; ` +
            `another host's lock on the stack itself; ${others} other migrations. Idle is without all of it. The far side is the sandbox's file, ` +
            `looked at every ${LOOK_MS} ms; a call to Route 53 adds its own time to both.`,
        ],
      };
    } finally {
      await service.close();
      await world.close();
    }
  },
};

/** Seconds from the command: until the far side shows the old weights, and until the command was answered. */
interface Took {
  shown: number;
  answered: number;
}

async function measured(rounds: number, once: (round: number) => Promise<Took>) {
  const took: Took[] = [];
  for (let round = 0; round < rounds; round += 1) took.push(await once(round));
  return { shown: sampleOf(took.map((t) => t.shown)), answered: sampleOf(took.map((t) => t.answered)) };
}

/** Users are on both sides when it is called, and its stack stands still afterwards. */
async function emergency(world: World, service: Service, isFirst: boolean, during = quiet): Promise<Took> {
  // What was taken back runs again once the migration is resumed.
  const [path, body] = isFirst ? ["advance", { extent: "step" }] : ["resume", {}];
  await service.until(STACK, path, body, "step.completed");
  await service.idle(STACK);
  const end = await during();
  const took = await sendBack(world, service);
  await end();
  await service.idle(STACK);
  return took;
}

const quiet = async (): Promise<() => Promise<void>> => async () => undefined;

async function sendBack(world: World, service: Service): Promise<Took> {
  if ((await newWeight(world)) !== 1) throw new Error(`users of ${STACK} are not on both sides`);
  const began = performance.now();
  const since = () => (performance.now() - began) / 1_000;
  const answered = service.call("POST", `/v1/migrations/${STACK}/emergency`, { why: "benchmark" }).then(since);
  while ((await newWeight(world)) !== 0) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  const shown = since();
  return { shown, answered: await answered };
}

/** What Route 53 shows, as the sandbox keeps it. */
async function newWeight({ state }: World): Promise<number | undefined> {
  const { dns } = JSON.parse(await readFile(join(state, "worlds", `${STACK}.json`), "utf8")) as { dns: { value: number }[] };
  return dns.at(-1)?.value;
}

function inFlood(world: World, service: Service, busy: readonly string[], viewers: number): Promise<Took> {
  return emergency(world, service, false, async () => {
    let going = true;
    const whileGoing = async (work: () => Promise<unknown>): Promise<void> => {
      while (going) await work();
    };
    const updates = busy.map((stack) =>
      whileGoing(async () => {
        // Everything that the first revision does not have is deleted, and made again.
        await service.until(stack, "rollback", { revision: 1, why: "benchmark" }, "update.succeeded");
        await service.idle(stack);
        await service.until(stack, "resume", {}, "update.succeeded");
        await service.idle(stack);
      }),
    );
    const previews = Array.from({ length: viewers }, (_, i) => {
      const stack = [STACK, ...busy][i % (busy.length + 1)] as string;
      // A viewer who is told that too many wait asks again.
      return whileGoing(() => service.call("POST", `/v1/migrations/${stack}/preview`).catch(() => new Promise((r) => setTimeout(r, 100))));
    });
    await new Promise((resolve) => setTimeout(resolve, FLOOD_MS));
    const free = await foreignLock(join(world.state, "engine"), STACK);
    return async () => {
      going = false;
      await free();
      await Promise.all([...updates, ...previews]);
    };
  });
}

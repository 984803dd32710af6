import { fillJournals } from "./harness/fill.js";
import { quartersOf, sampleOf, slopesOf } from "./harness/measure.js";
import { memoryOf } from "./harness/memory.js";
import { startHelper } from "./harness/processes.js";
import { type Benchmark, type Context, compared, figure, growthOf } from "./harness/report.js";
import type { ScriptQuestion, ScriptTask } from "./harness/script.js";
import { applicationNames, stackConfig } from "./harness/stacks.js";
import { copyOf, makeWorld, type Service, startService, type World } from "./harness/world.js";

/** Steps of a staging migration: each is one advance. Two of them are updates: the first deployment, and the new version. */
const STEPS = 8;
const CHANGES = [{ "workload.deployed": true }, { "workload.image": "ghcr.io/your-org/web-api:1.1.0" }];
const AT_ONCE = 2;
/** Migrations that stand still: they fill what the service keeps of journals, so that only what does not end is left to grow. */
const STANDING = 60;

/** Many advances by one service, and what its memory does meanwhile; beside a script over the Automation API with the same updates. */
export const benchmark: Benchmark = {
  about: "soak",
  run: async (context) => {
    const { short, folder, advances, say } = context;
    const stacks = applicationNames(Math.ceil((short ? 4 * STEPS : advances) / STEPS)).map((n) => `${n}-staging`);
    const world = await makeWorld(folder, Object.fromEntries(stacks.map((s) => [s, stackConfig(s.replace("-staging", ""), "staging")])));
    const raw = await copyOf(world, folder);
    await fillJournals(world, short ? 2 : STANDING, short ? 20 : 200);
    const service = await startService(world, { node: ["--expose-gc"] });
    try {
      const points = await byService(service, stacks, say);
      const ours = settled(points);
      // A third of them shows its slope, and takes as long.
      const theirs = settled(await byScript(raw, stacks.slice(0, Math.max(2 * AT_ONCE, Math.ceil(stacks.length / 3))), say));
      const total = stacks.length * STEPS;
      const most = `over the last two thirds of ${total} advances`;
      // The least that lies a tenth of the way, and all of it.
      const ends = [
        points.filter((p) => p.advances > 0 && p.advances <= total / 10).at(-1) ?? (points[1] as Point),
        points.at(-1) as Point,
      ];
      const sizes = (of: (point: Point) => number) =>
        ends.map((p) => figure("", "MiB", sampleOf([of(p)]), { size: { of: "advances", value: p.advances } }));
      return {
        figures: [
          compared(
            `growth of the service's memory an advance, ${most}`,
            "KiB",
            { ours: growth(ours, memory), theirs: growth(theirs, memory) },
            "a script over the Automation API, the same updates",
          ),
          figure(
            `of it alive in the heap of its own thread: ${total / STEPS} more migrations in the list, with their revisions`,
            "KiB",
            growth(ours, alive),
          ),
          compared(
            `the service's memory in that time`,
            "MiB",
            { ours: quartersOf(ours.map((p) => p.memory)), theirs: quartersOf(theirs.map((p) => p.memory)) },
            "the script",
          ),
        ],
        growths: [
          ...growthOf("the service's memory", sizes(memory)),
          ...growthOf("of it alive in the heap of its own thread", sizes(alive)),
        ],
        notes: [
          `Slopes are medians of the slopes between all pairs of points, with their quartiles. Each ${STEPS} advances are a migration of their own, ` +
            `which stays in the list with its revisions: that is the growth that is meant. The script keeps nothing; what it gains is what the SDK leaves behind.`,
        ],
      };
    } finally {
      await service.close();
      await world.close();
      await raw.close();
    }
  },
};

interface Point {
  advances: number;
  /** Of the process, in MiB. */
  memory: number;
  /** After a collection, in MiB. */
  alive?: number;
}

const memory = (point: Point): number => point.memory;
const alive = (point: Point): number => point.alive ?? 0;
/** The first third fills caches and compiles code. */
const settled = (points: Point[]): Point[] => points.slice(Math.floor(points.length / 3));
/** KiB an advance. */
const growth = (points: Point[], of: (point: Point) => number) => slopesOf(points.map((p) => ({ x: p.advances, y: of(p) * 1_024 })));
const ofNode = async (pid: number): Promise<number> => (await memoryOf([pid])).by.node ?? 0;

async function byService(service: Service, stacks: string[], say: Context["say"]): Promise<Point[]> {
  const look = async (): Promise<Point> => ({ advances, alive: await service.alive(), memory: await ofNode(service.pid) });
  let advances = 0;
  const points = [await look()];
  const queue = [...stacks];
  const walk = async (looks: boolean): Promise<void> => {
    for (let stack = queue.shift(); stack !== undefined; stack = queue.shift()) {
      await service.call("POST", "/v1/migrations", { stack });
      for (let status = "ready"; status !== "completed"; ) {
        const done = service.next(stack, (e) => e.type === "step.completed");
        await service.call("POST", `/v1/migrations/${stack}/advance`, { extent: "step" });
        await done;
        advances += 1;
        status = await service.idle(stack);
      }
      if (!looks) continue;
      points.push(await look());
      if (points.length % 10 === 0) say(`${advances} advances: ${Math.round(points.at(-1)?.memory ?? 0)} MiB`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => walk(i === 0)));
  return [...points, await look()];
}

async function byScript(world: World, stacks: string[], say: Context["say"]): Promise<Point[]> {
  const { folder, stacksFolder, env } = world.project;
  const task: ScriptTask = { folder, stacksFolder, env: { ...env, ...world.providers.ready } };
  const script = await startHelper<object>(new URL("./harness/script.js", import.meta.url), task);
  const points: Point[] = [];
  try {
    for (let done = 0; done < stacks.length; done += AT_ONCE) {
      const some = stacks.slice(done, done + AT_ONCE);
      const { error } = await script.ask<{ error?: string }>({ stacks: some, changes: CHANGES } satisfies ScriptQuestion);
      if (error !== undefined) throw new Error(error);
      points.push({ advances: (done + some.length) * STEPS, memory: await ofNode(script.pid) });
      if (points.length % 10 === 0) say(`the script, ${points.at(-1)?.advances} advances: ${Math.round(points.at(-1)?.memory ?? 0)} MiB`);
    }
  } finally {
    await script.close();
  }
  return points;
}

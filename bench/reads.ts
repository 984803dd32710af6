import { join } from "node:path";
import { fillJournals } from "./harness/fill.js";
import { quantile, sampleOf } from "./harness/measure.js";
import { readAll } from "./harness/reader.js";
import { type Benchmark, type Context, compared, type Figure, growthsOf } from "./harness/report.js";
import { stackConfig } from "./harness/stacks.js";
import { makeWorld, type Service, startService } from "./harness/world.js";

const BUSY = ["app-1-production", "app-2-production"];
const WEIGHTS = Array.from({ length: 90 }, (_, i) => i + 1);

/** How long read requests take while updates run, beside the same requests while nothing does. */
export const benchmark: Benchmark = {
  about: "read endpoints while updates run",
  run: async (context) => {
    const figures: Figure[] = [];
    for (const size of context.short ? [2] : [10, 100]) figures.push(...(await measure(context, size)));
    return {
      figures,
      growths: growthsOf(["p99 of reads while 2 updates run", "median of reads while 2 updates run"], figures),
      notes: [
        "Reads in turn: the list, one migration, its plan, the first page of its journal. The reader shares the cores with engines and service.",
      ],
    };
  },
};

async function measure({ short, times, folder, say }: Context, size: number): Promise<Figure[]> {
  const strategy = { kind: "blue-green", image: "ghcr.io/your-org/web-api:1.1.0", weights: [...WEIGHTS, 100], holdSeconds: 60 };
  const apps = ["app-1", "app-2"];
  const world = await makeWorld(
    join(folder, String(size)),
    Object.fromEntries(
      apps.flatMap((a) => [
        [`${a}-staging`, stackConfig(a, "staging")],
        [`${a}-production`, stackConfig(a, "production", { "cutover:strategy": strategy })],
      ]),
    ),
  );
  const others = await fillJournals(world, size, 50);
  const service = await startService(world);
  try {
    for (const app of apps) {
      await service.drive(`${app}-staging`, "end");
      await service.drive(`${app}-production`, "rollout.green-1");
    }
    const seconds = short ? 2 : 10;
    const rounds = { idle: [] as number[][], busy: [] as number[][] };
    for (let round = 0; round < times(3); round += 1) {
      for (const stack of BUSY) await service.idle(stack);
      rounds.idle.push(await readAll(service, others, seconds * 1_000));
      rounds.busy.push(await whileUpdating(service, () => readAll(service, others, seconds * 1_000)));
    }
    const of = (fraction: number) => ({
      ours: sampleOf(rounds.busy.map((r) => quantile(r, fraction))),
      theirs: sampleOf(rounds.idle.map((r) => quantile(r, fraction))),
    });
    say(`${size} migrations: p99 ${of(0.99).ours.median.toFixed(1)} ms, idle ${of(0.99).theirs.median.toFixed(1)} ms`);
    const sized = { size: { of: "migrations", value: size } };
    return [
      compared(`p99 of reads while 2 updates run, ${size} migrations`, "ms", of(0.99), "the same while nothing runs", {
        ...sized,
        bar: { most: 3, limit: "engines and service share the cores" },
      }),
      compared(`median of reads while 2 updates run, ${size} migrations`, "ms", of(0.5), "the same while nothing runs", sized),
    ];
  } finally {
    await service.close();
    await world.close();
  }
}

/** Keeps two stacks advancing for as long as it takes. */
async function whileUpdating<T>(service: Service, use: () => Promise<T>): Promise<T> {
  let going = true;
  const advancing = BUSY.map(async (stack) => {
    while (going) {
      const done = service.next(stack, (e) => e.type === "step.completed");
      await service.call("POST", `/v1/migrations/${stack}/advance`, { extent: "step" });
      await done;
      await service.idle(stack);
    }
  });
  // The first engine has begun by then.
  await new Promise((resolve) => setTimeout(resolve, 300));
  try {
    return await use();
  } finally {
    going = false;
    await Promise.all(advancing);
  }
}

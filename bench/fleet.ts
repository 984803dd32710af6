import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { ConfigPatch } from "../src/config/stackFile.js";
import { patched, StackFile } from "../src/config/stackFile.js";
import { sampleOf, seconds } from "./harness/measure.js";
import { type Memory, peakWhile } from "./harness/memory.js";
import { run } from "./harness/processes.js";
import { type Benchmark, type Context, compared, type Figure, figure, growthsOf } from "./harness/report.js";
import { applicationNames, stackConfig } from "./harness/stacks.js";
import { copyOf, makeWorld, type Service, startService, type World } from "./harness/world.js";

/** As many engines as cores: what the service takes by itself. */
const PARALLEL = availableParallelism();
/** More engines than a small machine would take by itself, and a budget that is too small for them. */
const MANY = 8;
const BUDGET_MIB = 500;
const IMAGE = "ghcr.io/your-org/web-api:1.1.0";
/** What each stack goes through: its resources are created, then a new version is rolled out. */
const CHANGES: { what: string; step: string; change: ConfigPatch }[] = [
  { what: "first deployment", step: "containerize.deploy", change: { "workload.deployed": true } },
  { what: "a new version", step: "rollout.update", change: { "workload.image": IMAGE } },
];

/** How the figures begin that are there for each number of stacks. */
const GROWING = [
  ...CHANGES.flatMap(({ what }) => [what, `peak memory of ${what}`]),
  "the service afterwards",
  `engines' peak memory, ${MANY} at most, no memory budget`,
  `engines' peak memory, ${MANY} at most, CUTOVER_ENGINE_MEMORY_MB`,
];

/** Many stacks advanced by one service, beside the same stacks with `xargs -P` and the raw CLI. */
export const benchmark: Benchmark = {
  about: "many stacks at once",
  run: async (context) => {
    const figures: Figure[] = [];
    const { short, stacks } = context;
    for (const size of short ? [2] : [Math.max(1, Math.round(stacks / 10)), stacks]) figures.push(...(await measure(context, size)));
    return {
      figures,
      growths: growthsOf(GROWING, figures),
      notes: [
        `${PARALLEL} engines side by side on both sides. Memory is the proportional set size of the service with its engines, or of xargs with its.`,
      ],
    };
  },
};

async function measure({ folder, say }: Context, size: number): Promise<Figure[]> {
  const stacks = applicationNames(size).map((name) => `${name}-staging`);
  const ours = await makeWorld(
    join(folder, String(size)),
    Object.fromEntries(stacks.map((s) => [s, stackConfig(s.replace("-staging", ""), "staging")])),
  );
  const service = await startService(ours, { slots: { parallel: PARALLEL } });
  for (const stack of stacks) await service.drive(stack, CHANGES[0]?.step as string);
  const raw = await copyOf(ours, join(folder, String(size)));
  const figures: Figure[] = [];
  try {
    for (const [i, { what, step, change }] of CHANGES.entries()) {
      for (const stack of stacks) await service.drive(stack, step);
      const turns = [() => byService(service, stacks), () => byXargs(raw, stacks, change)];
      // Whichever comes second finds the disk's cache warm: the order changes.
      const results = new Map<number, Measured>();
      for (const turn of i % 2 === 0 ? [0, 1] : [1, 0]) results.set(turn, await (turns[turn] as () => Promise<Measured>)());
      const [mine, theirs] = [results.get(0) as Measured, results.get(1) as Measured];
      say(`${size} stacks, ${what}: ${mine.seconds.toFixed(1)} s, xargs ${theirs.seconds.toFixed(1)} s`);
      const rate = (m: Measured) => sampleOf([(size * 60) / m.seconds]);
      const sized = of(size);
      figures.push(
        compared(`${what} of ${size} stacks`, "stacks/min", { ours: rate(mine), theirs: rate(theirs) }, "xargs -P pulumi up --yes", {
          ...sized,
          bar: { least: 1, limit: "an engine keeps a core busy, on both sides" },
        }),
        compared(
          `peak memory of ${what} of ${size} stacks (${shown(mine.peak)})`,
          "MiB",
          { ours: sampleOf([mine.peak.total]), theirs: sampleOf([theirs.peak.total]) },
          `xargs (${shown(theirs.peak)})`,
          sized,
        ),
      );
    }
    figures.push(
      figure(
        `the service afterwards, ${size} stacks`,
        "MiB",
        sampleOf([(await peakWhile(() => [service.pid], pause)).peak.total]),
        of(size),
      ),
      ...(await bounded(ours, service, stacks)),
    );
  } finally {
    await service.close();
    await raw.close();
    await ours.close();
  }
  return figures;
}

const of = (stacks: number) => ({ size: { of: "stacks", value: stacks } });

interface Measured {
  seconds: number;
  peak: Memory;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 1_000));
const shown = ({ by }: Memory): string =>
  Object.entries(by)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3)
    .map(([name, size]) => `${name} ${Math.round(size)}`)
    .join(", ");

/** More engines than cores, without and with a memory budget, over the same stacks: back a revision, and forth again. */
async function bounded(world: World, first: Service, stacks: string[]): Promise<Figure[]> {
  await first.close();
  const figures: Figure[] = [];
  for (const memoryMb of [undefined, BUDGET_MIB]) {
    const service = await startService(world, { slots: { parallel: MANY, ...(memoryMb === undefined ? {} : { memoryMb }) } });
    const [command, body] = memoryMb === undefined ? ["rollback", { revision: 1, why: "benchmark" }] : ["resume", {}];
    const all = () => Promise.all(stacks.map((s) => service.until(s, command as string, body, "update.succeeded")));
    const { peak } = await peakWhile(() => [service.pid], all);
    for (const stack of stacks) await service.idle(stack);
    await service.close();
    const what = memoryMb === undefined ? "no memory budget" : `CUTOVER_ENGINE_MEMORY_MB=${memoryMb}`;
    const title = `engines' peak memory, ${MANY} at most, ${what}, ${stacks.length} stacks`;
    figures.push(figure(title, "MiB", sampleOf([peak.by.pulumi ?? 0]), of(stacks.length)));
  }
  return figures;
}

async function byService(service: Service, stacks: string[]): Promise<Measured> {
  const { result, peak } = await peakWhile(
    () => [service.pid],
    () => seconds(() => Promise.all(stacks.map((s) => service.until(s, "advance", { extent: "step" }, "update.succeeded")))),
  );
  for (const stack of stacks) await service.idle(stack);
  return { seconds: result, peak };
}

async function byXargs(world: World, stacks: string[], change: ConfigPatch): Promise<Measured> {
  for (const stack of stacks) {
    const file = await StackFile.read(world.project.stacksFolder, stack);
    await file.replace(patched(file.raw(), change)).write();
  }
  const roots: number[] = [];
  const command = `printf '%s\\n' ${stacks.join(" ")} | xargs -P ${PARALLEL} -I STACK pulumi up --yes --non-interactive --stack STACK`;
  const { result, peak } = await peakWhile(
    () => roots,
    () =>
      seconds(() =>
        run("sh", ["-c", command], {
          cwd: world.project.folder,
          env: { ...world.project.env, ...world.providers.ready },
          onStart: (pid) => void roots.push(pid),
        }),
      ),
  );
  return { seconds: result, peak };
}

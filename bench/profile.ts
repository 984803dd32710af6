import { join } from "node:path";
import { LocalWorkspace, Stack } from "@pulumi/pulumi/automation/index.js";
import { AutomationCalls } from "../src/automation/engine/calls.js";
import { type ConfigPatch, patched, StackFile } from "../src/config/stackFile.js";
import { inTurns, sampleOf, seconds } from "./harness/measure.js";
import { run } from "./harness/processes.js";
import { type Benchmark, compared, type Figure, figure, growthOf } from "./harness/report.js";
import { stackConfig } from "./harness/stacks.js";
import { beside, moments, program } from "./harness/timedProgram.js";
import { makeWorld, type World } from "./harness/world.js";

const STACK = "app-1-staging";
const INSTEAD = "stack.up() of the Automation API as it comes, with the same program";
/** Workloads beside the stack's own, for a state of usual size and one ten times as large. */
const BESIDE = [0, 26];

/** Milliseconds of one update, in the order in which they pass. */
interface Split {
  start: number;
  program: number;
  resources: number;
  end: number;
  total: number;
}

const PARTS: [keyof Split, string][] = [
  ["start", "start: process, stack's lock and state, key derivation, handshake, until the program begins"],
  ["program", "program: from its first line to its last registration, modules loaded before"],
  ["resources", "resources: until the last one is done (engine, providers, checkpoints)"],
  ["end", "end: state and history written, lock given back, process ended"],
];

/** Where the milliseconds of one update of one changed resource go, what the engine alone costs, and how both grow with the state. */
export const benchmark: Benchmark = {
  about: "profile of one update",
  run: async ({ times, folder, say }) => {
    const world = await makeWorld(folder, { [STACK]: stackConfig("app-1", "staging") });
    const figures: Figure[] = [];
    const byPart = new Map<string, Figure[]>();
    try {
      for (const workloads of BESIDE) {
        beside.workloads = workloads;
        const lean = await leanUpdates(world);
        await lean({ "workload.deployed": true });
        const plain = await plainUpdates(world);
        const splits: Split[] = [];
        const { ours, theirs } = await inTurns(
          times(10),
          async (round) => {
            const split = await lean({ "workload.replicas": 2 + (round % 2) });
            splits.push(split);
            return split.total;
          },
          (round) => plain({ "workload.replicas": 4 + (round % 2) }),
        );
        const resources = await resourcesOf(world);
        const size = { of: "resources", value: resources };
        say(`${resources} resources: ${Math.round(ours.median)} ms, as it comes ${Math.round(theirs.median)} ms`);
        const here = [
          ...PARTS.map(([part, what]) => figure(`${what}; ${resources} resources`, "ms", sampleOf(splits.map((s) => s[part])), { size })),
          compared(`one update in all; ${resources} resources`, "ms", { ours, theirs }, INSTEAD, { size }),
        ];
        figures.push(...here);
        for (const f of here) {
          const part = f.what.split(/[:;]/)[0] as string;
          byPart.set(part, [...(byPart.get(part) ?? []), f]);
        }
      }
      beside.workloads = BESIDE[0] as number;
      const unsaved = await leanUpdates(world, { PULUMI_EXPERIMENTAL: "true", PULUMI_SKIP_CHECKPOINTS: "true" });
      await unsaved({ "workload.replicas": 1 });
      const without: number[] = [];
      const alone: number[] = [];
      for (let i = 0; i < times(10); i += 1) {
        without.push((await unsaved({ "workload.replicas": 2 + (i % 2) })).total);
        alone.push(1_000 * (await seconds(() => run("pulumi", ["version"]))));
      }
      return {
        figures: [
          ...figures,
          figure("one update without checkpoints in between (PULUMI_SKIP_CHECKPOINTS; not used), smaller state", "ms", sampleOf(without)),
          figure("the process alone: pulumi version", "ms", sampleOf(alone)),
        ],
        growths: [...byPart].flatMap(([part, sized]) => growthOf(part, sized)),
        notes: ["The parts are parts of the update in all, which has its counterpart; a raw run does not tell when they begin and end."],
      };
    } finally {
      await world.close();
    }
  },
};

async function change(world: World, patch: ConfigPatch): Promise<string> {
  const file = await StackFile.read(world.project.stacksFolder, STACK);
  await file.replace(patched(file.raw(), patch)).write();
  return join(world.project.stacksFolder, `Pulumi.${STACK}.yaml`);
}

/** Updates as the service makes them. */
async function leanUpdates(world: World, env: Record<string, string> = {}): Promise<(patch: ConfigPatch) => Promise<Split>> {
  const calls = new AutomationCalls({
    projectDir: world.project.folder,
    program: new URL("./harness/timedProgram.js", import.meta.url).href,
    env: { ...world.project.env, ...world.providers.ready, ...env },
  });
  await calls.warm();
  return async (patch) => {
    const configFile = await change(world, patch);
    let last = 0;
    const onEvent = ({ resOutputsEvent }: { resOutputsEvent?: unknown }) => {
      if (resOutputsEvent !== undefined) last = performance.now();
    };
    const began = performance.now();
    await calls.up(STACK, { configFile, message: "profile", onEvent });
    const ended = performance.now();
    return {
      start: moments.began - began,
      program: moments.registered - moments.began,
      resources: last - moments.registered,
      end: ended - last,
      total: ended - began,
    };
  };
}

/** Milliseconds of updates as a user's own script would make them. */
async function plainUpdates(world: World): Promise<(patch: ConfigPatch) => Promise<number>> {
  const envVars = { ...world.project.env, ...world.providers.ready };
  const workspace = await LocalWorkspace.create({ workDir: world.project.folder, program, envVars });
  const stack = await Stack.select(STACK, workspace);
  return async (patch) => {
    const configFile = await change(world, patch);
    return 1_000 * (await seconds(() => stack.up({ configFile })));
  };
}

async function resourcesOf(world: World): Promise<number> {
  const text = await run("pulumi", ["stack", "export", "--stack", STACK], {
    cwd: world.project.folder,
    env: { ...world.project.env, ...world.providers.ready },
  });
  return (JSON.parse(text) as { deployment: { resources: unknown[] } }).deployment.resources.length;
}

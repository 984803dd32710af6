import { join } from "node:path";
import { AutomationCalls } from "../src/automation/engine/calls.js";
import { type ConfigPatch, patched, StackFile } from "../src/config/stackFile.js";
import { sampleOf, seconds } from "./harness/measure.js";
import { run } from "./harness/processes.js";
import { type Benchmark, figure } from "./harness/report.js";
import { stackConfig } from "./harness/stacks.js";
import { moments } from "./harness/timedProgram.js";
import { makeWorld, type World } from "./harness/world.js";

const STACK = "app-1-staging";
/** Milliseconds of one update, in the order in which they pass. */
interface Split {
  start: number;
  program: number;
  resources: number;
  end: number;
  total: number;
}

/** Where the milliseconds of one update of one changed resource go, and what the engine alone costs. */
export const benchmark: Benchmark = {
  about: "profile of one update",
  run: async ({ times: timesOf, folder, say }) => {
    const world = await makeWorld(folder, { [STACK]: stackConfig("app-1", "staging") });
    const times = timesOf(10);
    try {
      const plain = await splits(world, {}, times);
      const unsaved = await splits(world, { PULUMI_EXPERIMENTAL: "true", PULUMI_SKIP_CHECKPOINTS: "true" }, times);
      const alone: number[] = [];
      for (let i = 0; i < times; i += 1) alone.push(1_000 * (await seconds(() => run("pulumi", ["version"]))));
      const of = (all: Split[], part: keyof Split) => sampleOf(all.map((s) => s[part]));
      say(`${Math.round(of(plain, "total").median)} ms`);
      return {
        figures: [
          figure("start: process, stack's lock and state, key derivation, handshake, until the program begins", "ms", of(plain, "start")),
          figure("program: from its first line to its last registration, modules loaded before", "ms", of(plain, "program")),
          figure("resources: until the last one is done (engine, providers, checkpoints)", "ms", of(plain, "resources")),
          figure("end: state and history written, lock given back, process ended", "ms", of(plain, "end")),
          figure("one update in all", "ms", of(plain, "total")),
          figure("the same without checkpoints in between (PULUMI_SKIP_CHECKPOINTS; not used)", "ms", of(unsaved, "total")),
          figure("the process alone: pulumi version", "ms", sampleOf(alone)),
        ],
        growths: [],
        notes: [],
      };
    } finally {
      await world.close();
    }
  },
};

async function splits(world: World, env: Record<string, string>, times: number): Promise<Split[]> {
  const calls = new AutomationCalls({
    projectDir: world.project.folder,
    program: new URL("./harness/timedProgram.js", import.meta.url).href,
    env: { ...world.project.env, ...world.providers.ready, ...env },
  });
  await calls.warm();
  const change = async (patch: ConfigPatch): Promise<Split> => {
    const file = await StackFile.read(world.project.stacksFolder, STACK);
    await file.replace(patched(file.raw(), patch)).write();
    let last = 0;
    const onEvent = ({ resOutputsEvent }: { resOutputsEvent?: unknown }) => {
      if (resOutputsEvent !== undefined) last = performance.now();
    };
    const began = performance.now();
    await calls.up(STACK, { configFile: join(world.project.stacksFolder, `Pulumi.${STACK}.yaml`), message: "profile", onEvent });
    const ended = performance.now();
    return {
      start: moments.began - began,
      program: moments.registered - moments.began,
      resources: last - moments.registered,
      end: ended - last,
      total: ended - began,
    };
  };
  await change({ "workload.deployed": true });
  const all: Split[] = [];
  for (let i = 0; i < times; i += 1) all.push(await change({ "workload.replicas": 2 + (i % 2) }));
  return all;
}

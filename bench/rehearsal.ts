import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Recorded } from "../src/automation/journal/entries.js";
import { buildPlan } from "../src/automation/plan/plan.js";
import { folderProject } from "../src/cli/project.js";
import { withSandbox } from "../src/cli/withSandbox.js";
import { type RawConfig, readConfig, StackFile, writeAtomically } from "../src/config/stackFile.js";
import { projectRoot } from "../src/engine/engine.js";
import type { OpenSandbox } from "../src/sandbox/open.js";
import { createStack } from "../src/sandbox/project.js";
import { sampleOf, seconds } from "./harness/measure.js";
import { run } from "./harness/processes.js";
import { type Benchmark, type Context, compared, type Figure, growthOf } from "./harness/report.js";
import { applicationNames, stackConfig, writeProject } from "./harness/stacks.js";

const BAR = { most: 1.3, limit: "the updates of one stack follow each other; as many stacks at once as there are cores" };
const SECRETS = "cutover:secrets";

/**
 * A whole rehearsal (`npm start -- --exit`) against what a user would run instead: the same previews and updates,
 * one after another, with the raw CLI, the same program, configs and sandbox.
 *
 * The journals of the rehearsal say what is to be replayed. Actions between the updates (writes stopped, the record
 * adopted) are carried out in this process, and their time does not count for the CLI.
 */
export const benchmark: Benchmark = {
  about: "a whole rehearsal",
  run: async (context) => {
    const { short, applications } = context;
    const sizes = short ? [1] : [...new Set([1, Math.min(10, applications), applications])];
    const many: Figure[] = [];
    let raw: Replayed | undefined;
    for (const size of sizes) {
      const took = await rehearsalOf(context, size);
      raw ??= await rawOf(context, size);
      const pair = { ours: sampleOf([took / size]), theirs: sampleOf([raw.seconds]) };
      const instead = `${raw.previews} previews and ${raw.updates} updates with the raw CLI, of one application`;
      const sized = { size: { of: "applications", value: size } };
      many.push(compared(`rehearsal of ${size} applications, per application`, "s", pair, instead, { bar: BAR, ...sized }));
    }
    return {
      figures: [...(short ? [] : [await sampleProject(context)]), ...many],
      growths: growthOf("rehearsal, per application", many),
      notes: [
        `Each of the ${sizes.join(", ")} applications has a staging and a production migration, without database and public host.`,
        ...(applications < 100 ? [`Measured up to ${applications} applications instead of 100, as --applications says.`] : []),
      ],
    };
  },
};

const rehearse = (stacks: string, state: string, more: string[] = []): Promise<number> => {
  const main = join(projectRoot(), "dist", "src", "cli", "main.js");
  return seconds(() => run(process.execPath, [main, "--stacks", stacks, "--state", state, "start", "--exit", ...more]));
};

async function sampleProject({ folder, say }: Context): Promise<Figure> {
  const root = projectRoot();
  const stacks = join(root, "stacks");
  const ours = await rehearse(stacks, join(folder, "ours"));
  say(`sample project: ${ours.toFixed(1)} s; now the same with the raw CLI`);
  const raw = await withSandbox({ root, stacks, state: join(folder, "raw") }, (open, names) =>
    replay(open, names, join(folder, "ours", "sandbox", "journal"), stacks),
  );
  const measured = { ours: sampleOf([ours]), theirs: sampleOf([raw.seconds]) };
  const instead = `${raw.previews} previews and ${raw.updates} updates with the raw CLI`;
  return compared("rehearsal of the sample project", "s", measured, instead, { bar: BAR });
}

/** Simple applications, so that many of them can be measured. */
async function rehearsalOf({ folder, say }: Context, size: number): Promise<number> {
  const project = join(folder, `project-${size}`);
  await mkdir(project);
  const names = applicationNames(size);
  const production = (name: string) => ({ name, environment: "production", criticality: "medium", owner: "Platform Team" });
  await writeProject(
    project,
    Object.fromEntries(
      names.flatMap((name) => [
        [`${name}-staging`, stackConfig(name, "staging")],
        [`${name}-production`, stackConfig(name, "staging", { "cutover:application": production(name) })],
      ]),
    ),
  );
  // There must be a fault; this one has nothing to strike.
  const took = await rehearse(project, join(folder, `state-${size}`), ["--fault", "app-1-production:lag-spike@promotion"]);
  say(`${size} applications: ${took.toFixed(1)} s`);
  return took;
}

/** One application's updates once more, one after another: so the raw CLI takes as long for each of many. */
async function rawOf({ folder, say }: Context, size: number): Promise<Replayed> {
  const stacks = join(folder, `project-${size}`);
  const raw = await withSandbox({ root: projectRoot(), stacks, state: join(folder, "raw-1") }, (open, names) =>
    replay(open, names, join(folder, `state-${size}`, "sandbox", "journal"), stacks),
  );
  say(`with the raw CLI: ${raw.seconds.toFixed(1)} s`);
  return raw;
}

interface Replayed {
  seconds: number;
  previews: number;
  updates: number;
}

async function replay(open: OpenSandbox, stacks: string[], journals: string, stacksFolder: string): Promise<Replayed> {
  const total: Replayed = { seconds: 0, previews: 0, updates: 0 };
  for (const stack of stacks) {
    await createStack(open.project, stack);
    const entries = (await readFile(join(journals, stack, "journal.ndjson"), "utf8"))
      .trim()
      .split("\n")
      .map((l) => JSON.parse(l) as Recorded);
    await replayStack(open, stack, entries, stacksFolder, total);
  }
  return total;
}

async function replayStack(open: OpenSandbox, stack: string, entries: Recorded[], stacksFolder: string, total: Replayed): Promise<void> {
  const file = await StackFile.read(open.project.stacksFolder, stack);
  const secrets = file.raw()[SECRETS];
  // Each sandbox has its own passphrase, so the sealed values of the other one mean nothing here.
  const own = (config: RawConfig): RawConfig => (secrets === undefined ? config : { ...config, [SECRETS]: secrets });
  let config = readConfig(file.raw(), "the config as it was", stack);
  const plan = buildPlan(config);
  const target = await open.sandbox.target(stack, () => config);
  const pulumi = async (...args: string[]): Promise<void> => {
    const all = [...args, "--stack", stack, "--non-interactive"];
    total.seconds += await seconds(() => run("pulumi", all, { cwd: open.project.folder, env: open.env }));
  };
  for (const entry of entries) {
    await target.clock.sleepUntil(entry.at);
    if (entry.type === "preview.stored") {
      const next = entries.find((e) => e.seq > entry.seq && e.type === "update.intended" && e.step === entry.step);
      if (next?.type !== "update.intended") continue;
      const candidate = join(open.project.folder, `candidate.${stack}.yaml`);
      const copy = await StackFile.read(open.project.stacksFolder, stack);
      await writeAtomically(candidate, copy.replace(own(next.config)).text());
      await pulumi("preview", "--config-file", candidate);
      total.previews += 1;
    } else if (entry.type === "update.intended") {
      await file.replace(own(entry.config)).write();
      await pulumi("up", "--yes", "--skip-preview", ...(entry.targetDns === true ? ["--target", "**$aws:route53/record:Record::**"] : []));
      config = readConfig(own(entry.config), "the config", stack);
      total.updates += 1;
    } else if (entry.type === "action.intended") {
      const step = plan.find((s) => s.id === entry.step);
      const act = step?.kind !== "action" ? undefined : entry.undo ? step.undo : step.run;
      await act?.({
        target,
        config,
        effect: { key: entry.key, fence: entry.fence },
        project: folderProject(stacksFolder),
        otherStacks: async () => [],
        marks: {},
      });
    }
  }
}

import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { patched, StackFile } from "../src/config/stackFile.js";
import { projectRoot } from "../src/engine/engine.js";
import { copyStack } from "./harness/copies.js";
import { fillJournals } from "./harness/fill.js";
import { sampleOf, seconds } from "./harness/measure.js";
import { run, startProcess } from "./harness/processes.js";
import { type Benchmark, compared, type Figure, growthOf } from "./harness/report.js";
import { applicationNames, stackConfig } from "./harness/stacks.js";
import { makeWorld, pulumi, type World } from "./harness/world.js";

const STACK = "app-1-staging";
const PARALLEL = availableParallelism();
const INSTEAD = `xargs -P ${PARALLEL} pulumi stack history of each stack, two updates long`;

/** How soon `cutover serve` can be used after its start, beside asking the raw CLI how every stack got to where it is. */
export const benchmark: Benchmark = {
  about: "start of the service",
  run: async (context) => {
    const { short, folder, say } = context;
    const entries = short ? 20 : 200;
    const world = await makeWorld(folder, { [STACK]: stackConfig("app-1", "staging") });
    const file = await StackFile.read(world.project.stacksFolder, STACK);
    for (const deployed of [true, false]) {
      await file.replace(patched(file.raw(), { "workload.deployed": deployed })).write();
      await pulumi(world, ["up", "--yes", "--skip-preview", "--stack", STACK]);
    }
    const figures: Record<keyof Started, Figure[]> = { listening: [], answering: [], ready: [] };
    try {
      for (const size of short ? [2, 20] : [5, 500]) {
        const names = applicationNames(size).map((n) => `copy-${size}-${n}`);
        await copyStack(world, STACK, names);
        const stacks = await fillJournals({ state: join(folder, `state-${size}`) }, size, entries);
        const rounds: (Started & { raw: number })[] = [];
        for (let round = 0; round < context.times(2); round += 1) {
          const raw = () => seconds(() => histories(world, names));
          const service = () => startOf(join(folder, `state-${size}`), stacks.at(-1) as string, world);
          if (round % 2 === 0) rounds.push({ ...(await service()), raw: await raw() });
          else {
            const took = await raw();
            rounds.push({ ...(await service()), raw: took });
          }
        }
        const theirs = sampleOf(rounds.map((r) => r.raw));
        for (const [what, of] of Object.entries(WHAT) as [keyof Started, string][]) {
          const ours = sampleOf(rounds.map((r) => r[what]));
          const name = `${of}, ${size} migrations of ${entries} entries`;
          figures[what].push(compared(name, "s", { ours, theirs }, INSTEAD, { size: { of: "migrations", value: size } }));
          say(`${name}: ${ours.median.toFixed(2)} s; histories ${theirs.median.toFixed(1)} s`);
        }
      }
    } finally {
      await world.close();
    }
    return {
      figures: Object.values(figures).flat(),
      growths: (Object.entries(WHAT) as [keyof Started, string][]).flatMap(([what, of]) => growthOf(of, figures[what])),
      notes: [
        "Until all journals are verified every entry is read and hashed once: that part grows with the text, and nothing but lists waits for it.",
      ],
    };
  },
};

/** Seconds from the start of the process. */
interface Started {
  listening: number;
  answering: number;
  ready: number;
}

const WHAT: Record<keyof Started, string> = {
  listening: "start of the service, until it listens",
  answering: "start of the service, until the last stack's state is answered, from its verified journal",
  ready: "start of the service, until every journal is verified",
};

async function histories(world: World, stacks: string[]): Promise<void> {
  const command = `printf '%s\\n' ${stacks.join(" ")} | xargs -P ${PARALLEL} -I STACK pulumi stack history --non-interactive --stack STACK`;
  await run("sh", ["-c", command], { cwd: world.project.folder, env: { ...world.project.env, ...world.providers.ready } });
}

/** `cutover serve` over real environments, of which it asks nothing before a migration of theirs acts. */
async function startOf(state: string, stack: string, world: World): Promise<Started> {
  const main = join(projectRoot(), "dist", "src", "cli", "main.js");
  const options = ["--stacks", world.project.stacksFolder, "--state", state];
  const began = performance.now();
  const since = () => (performance.now() - began) / 1_000;
  const service = startProcess(process.execPath, [main, ...options, "serve", "--targets", join(state, "targets.yaml"), "--port", "0"], {
    env: world.project.env,
  });
  try {
    const url = await service.said(/Serving (\S+) until/);
    const listening = since();
    const authorization = `Bearer ${(await readFile(join(state, "token"), "utf8")).trim()}`;
    const answer = await fetch(`${url}/v1/migrations/${stack}`, { headers: { authorization } });
    if (!answer.ok) throw new Error(`the service answered ${answer.status}: ${await answer.text()}`);
    const answering = since();
    while (!(await fetch(`${url}/readyz`)).ok) await new Promise((resolve) => setTimeout(resolve, 10));
    return { listening, answering, ready: since() };
  } finally {
    await service.end();
  }
}

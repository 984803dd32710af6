import { join } from "node:path";
import { SqlStore } from "../src/automation/store/sqlStore.js";
import { hasPostgres, postgresIn, urlOf } from "../test/support/postgresServers.js";
import { BACK_AFTER_MS, type CrowdAnswer, type CrowdTask } from "./harness/crowdTask.js";
import { fillStore } from "./harness/fill.js";
import { quantile, sampleOf } from "./harness/measure.js";
import { residentMemory } from "./harness/memory.js";
import { startHelper } from "./harness/processes.js";
import { readAll } from "./harness/reader.js";
import { type Benchmark, type Context, compared, type Figure, figure, growthsOf, type Report } from "./harness/report.js";
import { makeWorld, type Service, startService } from "./harness/world.js";

const VIEWERS = 100;
const SENDERS = 8;
const FEW = 10;
/** What a load balancer asks, and how often. */
const READY_EVERY_MS = 50;
const READY_MS = 50;
const MEMORY_EVERY_MS = 100;
/** After the crowd has come, and before the memory at rest is read: garbage is collected by then. */
const SETTLE_MS = 3_000;

/** How reads, readiness and memory bear many migrations with long journals, many viewers, and senders whom nobody knows. */
export const benchmark: Benchmark = {
  about: "load",
  run: async (context) => {
    if (!hasPostgres()) return { figures: [], growths: [], notes: ["left out: PostgreSQL is missing (apt-get install postgresql)"] };
    const servers = postgresIn(() => context.folder);
    try {
      const small = urlOf(await servers.primary("few"));
      return await measure({ small, large: context.database ?? urlOf(await servers.primary("many")) }, context);
    } finally {
      await servers.stopAll();
    }
  },
};

async function measure(databases: { small: string; large: string }, context: Context): Promise<Report> {
  const { short, migrations } = context;
  const [few, many, entries] = short ? [2, 20, 20] : [FEW, migrations, 200];
  const world = await makeWorld(join(context.folder, "world"), {});
  const measured = new Map<number, Measured>();
  try {
    for (const [size, database] of [
      [few, databases.small],
      [many, databases.large],
    ] as const) {
      const stacks = await filled(database, size, entries);
      const service = await startService(world, { database });
      try {
        measured.set(size, await ofSize(service, stacks, context));
      } finally {
        await service.close();
      }
    }
  } finally {
    await world.close();
  }
  const [small, large] = [measured.get(few), measured.get(many)] as [Measured, Measured];
  const figures = [...figuresOf(few, small), ...figuresOf(many, large), ...memoryFigures(many, entries, small, large)];
  return {
    figures,
    growths: growthsOf(["p99 of /readyz in the crowd", "p99 of reads in the crowd", "resident memory in the crowd, at most"], figures),
    notes: [
      `The crowd: ${VIEWERS} portals that come at once, each from before everything: it is shown every migration, breaks off, and comes back ` +
        `${BACK_AFTER_MS / 1_000} s later from where it was. And ` +
        `${SENDERS} clients without a credential that send 2 MB to /v1/alerts without a pause, half of them claiming a signature. They, the ` +
        "service and PostgreSQL share the cores.",
      ...[few, many].map((size) => `${size} migrations: ${crowdOf(measured.get(size) as Measured)}`),
    ],
  };
}

interface Measured {
  reads: { idle: number[]; crowd: number[] };
  ready: { idle: number[]; crowd: number[] };
  /** MiB. */
  memory: { rest: number; most: number };
  crowd: CrowdAnswer;
  seconds: number;
}

async function filled(database: string, size: number, entries: number): Promise<string[]> {
  const store = await SqlStore.open(database);
  try {
    return await fillStore(store, size, entries);
  } finally {
    await store.close();
  }
}

async function ofSize(service: Service, stacks: string[], { short, say }: Context): Promise<Measured> {
  const forMs = short ? 2_000 : 30_000;
  const idle = await looked(service, stacks, forMs);
  await settle();
  const rest = await residentMemory(service.pid);
  const task: CrowdTask = { url: service.url, token: service.token, viewers: VIEWERS, senders: SENDERS };
  const crowd = await startHelper(new URL("./harness/crowd.js", import.meta.url), task);
  try {
    const [inCrowd, most] = await withMemory(service.pid, () => looked(service, stacks, forMs));
    const measured = {
      reads: { idle: idle.reads, crowd: inCrowd.reads },
      ready: { idle: idle.ready, crowd: inCrowd.ready },
      memory: { rest, most },
      crowd: await crowd.ask<CrowdAnswer>("end"),
      seconds: forMs / 1_000,
    };
    say(`${stacks.length} migrations: ${JSON.stringify(shortOf(measured))}`);
    return measured;
  } finally {
    await crowd.close();
  }
}

/** Reads in turn, and beside them what a load balancer asks. */
async function looked(service: Service, stacks: string[], forMs: number): Promise<{ reads: number[]; ready: number[] }> {
  const [reads, ready] = await Promise.all([
    readAll(service, stacks, forMs),
    readAll(service, stacks, forMs, { paths: () => ["/readyz"], pauseMs: READY_EVERY_MS }),
  ]);
  return { reads, ready };
}

async function withMemory<T>(pid: number, operation: () => Promise<T>): Promise<[T, number]> {
  let most = 0;
  const timer = setInterval(() => void residentMemory(pid).then((now) => (most = Math.max(most, now))), MEMORY_EVERY_MS);
  try {
    return [await operation(), most];
  } finally {
    clearInterval(timer);
  }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
const p99 = (values: number[]) => sampleOf([quantile(values, 0.99)]);

const shortOf = ({ reads, ready, memory, crowd }: Measured) => ({
  reads: { idle: quantile(reads.idle, 0.99), crowd: quantile(reads.crowd, 0.99), looks: reads.crowd.length },
  ready: { idle: quantile(ready.idle, 0.99), crowd: quantile(ready.crowd, 0.99), most: Math.max(...ready.crowd) },
  memory,
  crowd,
});

const crowdOf = ({ crowd: { returns, refused, megabytes }, seconds }: Measured): string =>
  `in ${seconds} s portals came back ${returns} times and read ${Math.round(megabytes)} MB; those without a credential were answered ` +
  Object.entries(refused)
    .map(([status, times]) => `${status} ${times} times`)
    .join(", ");

function figuresOf(size: number, { reads, ready, memory }: Measured): Figure[] {
  const sized = { size: { of: "migrations", value: size } };
  const fast = { bar: { most: 1, limit: "one thread answers all" } };
  const bound = `the bar of ${READY_MS} ms`;
  const sample = (values: number[]) => ({ ours: p99(values), theirs: sampleOf([READY_MS]) });
  return [
    compared(`p99 of reads in the crowd, ${size} migrations`, "ms", { ours: p99(reads.crowd), theirs: p99(reads.idle) }, "the same idle", {
      ...sized,
      bar: { most: 3, limit: "one thread answers all, and the crowd shares the cores" },
    }),
    compared(`p99 of /readyz while idle, ${size} migrations`, "ms", sample(ready.idle), bound, { ...sized, ...fast }),
    compared(`p99 of /readyz in the crowd, ${size} migrations`, "ms", sample(ready.crowd), bound, { ...sized, ...fast }),
    figure(`resident memory at rest, ${size} migrations`, "MiB", sampleOf([memory.rest]), sized),
    figure(`resident memory in the crowd, at most, ${size} migrations`, "MiB", sampleOf([memory.most]), sized),
  ];
}

function memoryFigures(many: number, entries: number, small: Measured, large: Measured): Figure[] {
  const bar = { most: 1.5, limit: "70 KiB a migration: 34 of its state, 25 of its plan, 12 of config and offers" };
  const pair = (of: (m: Measured) => number) => ({ ours: sampleOf([of(large)]), theirs: sampleOf([of(small)]) });
  const what = `with ${many} migrations of ${entries} entries`;
  return [
    compared(
      `resident memory at rest ${what}`,
      "MiB",
      pair((m) => m.memory.rest),
      "the same with few",
      { bar },
    ),
    compared(
      `resident memory in the crowd, at most, ${what}`,
      "MiB",
      pair((m) => m.memory.most),
      "the same with few",
      { bar },
    ),
  ];
}

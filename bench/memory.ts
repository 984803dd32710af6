import { join } from "node:path";
import { fillJournals } from "./harness/fill.js";
import { sampleOf } from "./harness/measure.js";
import { residentMemory } from "./harness/memory.js";
import { type Benchmark, type Context, compared, type Figure, figure, growthOf } from "./harness/report.js";
import { makeWorld, startService } from "./harness/world.js";

const BAR = { most: 1.5, limit: "55 KiB a migration for its state, and 8 MiB of journals that were used last" };

/** A service's resident memory, with few and with many migrations. */
export const benchmark: Benchmark = {
  about: "memory with many migrations",
  run: async (context) => {
    const { short, say } = context;
    const [few, many] = short ? [2, 20] : [5, 500];
    const entries = short ? 20 : 200;
    const rounds: Record<number, Measured[]> = { [few as number]: [], [many as number]: [] };
    for (let round = 0; round < context.times(2); round += 1) {
      for (const size of [few, many] as [number, number]) {
        const measured = await measure(context, round, size, entries);
        rounds[size]?.push(measured);
        say(`${size} migrations: ${Math.round(measured.started)} MiB after the start, ${Math.round(measured.read)} MiB once read`);
      }
    }
    const of = (size: number, what: keyof Measured) => sampleOf((rounds[size] as Measured[]).map((m) => m[what]));
    const pair = (what: keyof Measured) => ({ ours: of(many as number, what), theirs: of(few as number, what) });
    const title = `${many} migrations of ${entries} entries`;
    const instead = `the same with ${few}`;
    const sizes = (what: keyof Measured): Figure[] =>
      [few, many].map((n) => figure("", "MiB", of(n as number, what), { size: { of: "migrations", value: n as number } }));
    return {
      figures: [
        compared(`resident memory after the start with ${title}`, "MiB", pair("started"), instead, { bar: BAR }),
        compared(`resident memory once every one was read, with ${title}`, "MiB", pair("read"), instead, { bar: BAR }),
      ],
      growths: [
        ...growthOf("resident memory after the start", sizes("started")),
        ...growthOf("resident memory once every one was read", sizes("read")),
      ],
      notes: [],
    };
  },
};

interface Measured {
  started: number;
  read: number;
}

async function measure({ folder }: Context, round: number, size: number, entries: number): Promise<Measured> {
  const world = await makeWorld(join(folder, `${round}-${size}`), {});
  const stacks = await fillJournals(world, size, entries);
  const service = await startService(world);
  try {
    await settle();
    const started = await residentMemory(service.pid);
    await service.call("GET", "/v1/migrations");
    for (const stack of stacks) {
      for (const path of ["", "/plan", "/journal", "/revisions"]) await service.call("GET", `/v1/migrations/${stack}${path}`);
    }
    await settle();
    return { started, read: await residentMemory(service.pid) };
  } finally {
    await service.close();
    await world.close();
  }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 3_000));

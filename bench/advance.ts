import { patched, StackFile } from "../src/config/stackFile.js";
import { fillJournals, fleets } from "./harness/fill.js";
import { inTurns, sampleOf, seconds } from "./harness/measure.js";
import { type Benchmark, compared, type Figure, figure, growthOf } from "./harness/report.js";
import { stackConfig } from "./harness/stacks.js";
import { copyOf, makeWorld, pulumi, type Service, startService, type World } from "./harness/world.js";

const STACK = "app-1-production";
/** Green's share of traffic: one advance a weight, each a change of the load balancer's rule. */
const WEIGHTS = Array.from({ length: 80 }, (_, i) => i + 1);
/** The preview is journaled and checked before anything changes, so it is a process of its own. */
const LIMIT = "two starts of the CLI, 0.3 s each on an idle machine";
const INSTEAD = [
  ["up", "--yes"],
  ["up", "--yes", "--skip-preview"],
];

/** An advance end to end, from the HTTP request to its outcome in the journal, beside `pulumi up` of the same change. */
export const benchmark: Benchmark = {
  about: "a phase advance end to end",
  run: async ({ short, times, folder, say }) => {
    const strategy = { kind: "blue-green", image: "ghcr.io/your-org/web-api:1.1.0", weights: [...WEIGHTS, 100], holdSeconds: 60 };
    const ours = await makeWorld(folder, {
      "app-1-staging": stackConfig("app-1", "staging"),
      [STACK]: stackConfig("app-1", "production", { "cutover:strategy": strategy }),
    });
    let service: Service | undefined;
    let raw: World | undefined;
    const figures: Figure[] = [];
    const complete: number[] = [];
    let weight = 0;
    try {
      const { sizes, entries } = fleets(short);
      for (const size of sizes) {
        await service?.close();
        await fillJournals(ours, size, entries);
        service = await startService(ours);
        if (raw === undefined) {
          await service.drive("app-1-staging", "end");
          await service.drive(STACK, "rollout.green-1");
          await service.idle(STACK);
          raw = await copyOf(ours, folder);
          say("prepared");
        }
        for (const args of INSTEAD) {
          const [mine, theirs] = [service, raw];
          const measured = await inTurns(
            times(8),
            async () => {
              const began = performance.now();
              const done = mine.next(STACK, (e) => e.type === "step.completed");
              const outcome = await mine.until(STACK, "advance", { extent: "step" }, "update.succeeded");
              complete.push(((await done).at - began) / 1_000);
              await mine.idle(STACK);
              return outcome;
            },
            async () => {
              weight += 1;
              const file = await StackFile.read(theirs.project.stacksFolder, STACK);
              await file.replace(patched(file.raw(), { "strategy.greenWeight": weight })).write();
              return seconds(() => pulumi(theirs, [...args, "--stack", STACK]));
            },
          );
          const what = `an advance, from the request to its outcome in the journal, preview included, beside ${size} other migrations`;
          const sized = { size: { of: "migrations", value: size } };
          figures.push(compared(what, "s", measured, `pulumi ${args.join(" ")}`, { bar: { most: 1.3, limit: LIMIT }, ...sized }));
          say(`${size} others: ${measured.ours.median.toFixed(2)} s, pulumi ${args.join(" ")} ${measured.theirs.median.toFixed(2)} s`);
        }
      }
    } finally {
      await service?.close();
      await raw?.close();
      await ours.close();
    }
    return {
      figures: [...figures, figure("the same until its gates have held, on the sandbox's clock", "s", sampleOf(complete))],
      growths: growthOf(
        "an advance",
        figures.filter((_, i) => i % INSTEAD.length === 0),
      ),
      notes: [],
    };
  },
};

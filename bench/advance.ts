import { patched, StackFile } from "../src/config/stackFile.js";
import { inTurns, sampleOf, seconds } from "./harness/measure.js";
import { type Benchmark, compared, figure } from "./harness/report.js";
import { stackConfig } from "./harness/stacks.js";
import { copyOf, makeWorld, pulumi, startService } from "./harness/world.js";

const STACK = "app-1-production";
/** Green's share of traffic: one advance a weight, each a change of the load balancer's rule. */
const WEIGHTS = Array.from({ length: 40 }, (_, i) => i + 1);

/** An advance end to end, from the HTTP request to its outcome in the journal, beside `pulumi up` of the same change. */
export const benchmark: Benchmark = {
  about: "a phase advance end to end",
  run: async ({ times, folder, say }) => {
    const strategy = { kind: "blue-green", image: "ghcr.io/your-org/web-api:1.1.0", weights: [...WEIGHTS, 100], holdSeconds: 60 };
    const ours = await makeWorld(folder, {
      "app-1-staging": stackConfig("app-1", "staging"),
      [STACK]: stackConfig("app-1", "production", { "cutover:strategy": strategy }),
    });
    const service = await startService(ours);
    await service.drive("app-1-staging", "end");
    await service.drive(STACK, "rollout.green-1");
    await service.idle(STACK);
    const raw = await copyOf(ours, folder);
    say("prepared");
    try {
      const figures = [];
      const complete: number[] = [];
      let weight = 0;
      for (const args of [
        ["up", "--yes"],
        ["up", "--yes", "--skip-preview"],
      ]) {
        const measured = await inTurns(
          times(10),
          async () => {
            const began = performance.now();
            const done = service.next(STACK, (e) => e.type === "step.completed");
            const outcome = await service.until(STACK, "advance", { extent: "step" }, "update.succeeded");
            complete.push(((await done).at - began) / 1_000);
            await service.idle(STACK);
            return outcome;
          },
          async () => {
            weight += 1;
            const file = await StackFile.read(raw.project.stacksFolder, STACK);
            await file.replace(patched(file.raw(), { "strategy.greenWeight": weight })).write();
            return seconds(() => pulumi(raw, [...args, "--stack", STACK]));
          },
        );
        const what = "an advance, from the request to its outcome in the journal, preview included";
        figures.push(compared(what, "s", measured, `pulumi ${args.join(" ")}`, { bar: { most: 1.3 } }));
        say(`${measured.ours.median.toFixed(2)} s, pulumi ${args.join(" ")} ${measured.theirs.median.toFixed(2)} s`);
      }
      figures.push(figure("the same until its gates have held, on the sandbox's clock", "s", sampleOf(complete)));
      return { figures, growths: [], notes: [] };
    } finally {
      await service.close();
      await raw.close();
      await ours.close();
    }
  },
};

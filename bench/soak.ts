import { sampleOf, slopeOf } from "./harness/measure.js";
import { memoryOf } from "./harness/memory.js";
import { type Benchmark, figure } from "./harness/report.js";
import { applicationNames, stackConfig } from "./harness/stacks.js";
import { makeWorld, startService } from "./harness/world.js";

/** Steps of a staging migration: each is one advance. */
const STEPS = 8;
const AT_ONCE = 2;

/** Many advances by one service, and what its memory does meanwhile. */
export const benchmark: Benchmark = {
  about: "soak",
  run: async ({ short, folder, advances, say }) => {
    const stacks = applicationNames(Math.ceil((short ? 4 * STEPS : advances) / STEPS)).map((n) => `${n}-staging`);
    const world = await makeWorld(folder, Object.fromEntries(stacks.map((s) => [s, stackConfig(s.replace("-staging", ""), "staging")])));
    const service = await startService(world);
    const points: { x: number; y: number }[] = [];
    let done = 0;
    const queue = [...stacks];
    const walk = async (): Promise<void> => {
      for (let stack = queue.shift(); stack !== undefined; stack = queue.shift()) {
        await service.call("POST", "/v1/migrations", { stack });
        for (let status = "ready"; status !== "completed"; ) {
          const settled = service.next(stack, (e) => e.type === "step.completed");
          await service.call("POST", `/v1/migrations/${stack}/advance`, { extent: "step" });
          await settled;
          done += 1;
          status = await service.idle(stack);
        }
        points.push({ x: done, y: (await memoryOf([service.pid])).by.node ?? 0 });
        if (points.length % 10 === 0) say(`${done} advances: ${Math.round(points.at(-1)?.y ?? 0)} MiB`);
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, walk));
    } finally {
      await service.close();
      await world.close();
    }
    // The first third fills caches and compiles code.
    const settled = points.slice(Math.floor(points.length / 3));
    const slope = slopeOf(settled) * 1_024;
    const ends = [points[Math.floor(points.length / 3)]?.y ?? 0, points.at(-1)?.y ?? 0] as const;
    return {
      figures: [
        figure(
          `growth of the service's memory an advance, over the last ${Math.round((done * 2) / 3)} of ${done}`,
          "KiB",
          sampleOf([slope]),
        ),
        figure("the service's memory in that time", "MiB", sampleOf(settled.map((p) => p.y))),
      ],
      growths: [],
      notes: [
        `From ${Math.round(ends[0])} to ${Math.round(ends[1])} MiB; every ${STEPS} advances are a migration of their own, which stays in the list.`,
      ],
    };
  },
};

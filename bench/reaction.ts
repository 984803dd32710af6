import type { Recorded } from "../src/automation/entries.js";
import { sampleOf } from "./harness/measure.js";
import { type Benchmark, type Context, compared, figure } from "./harness/report.js";
import { stackConfig } from "./harness/stacks.js";
import { makeWorld, pulumi, startService } from "./harness/world.js";

/** From the first bad sample to the old weights restored, without a person; split by the journal's own times. */
export const benchmark: Benchmark = {
  about: "reaction to a bad sample",
  run: async (context) => {
    const measured: Split[] = [];
    const raw: number[] = [];
    for (let round = 0; round < context.times(5); round += 1) {
      const { split, pulumiSeconds } = await measure(context, round);
      measured.push(split);
      raw.push(pulumiSeconds);
    }
    const of = (what: keyof Split) => sampleOf(measured.map((m) => m[what]));
    return {
      figures: [
        figure("detection: from the first bad sample to a failed gate, on the target's clock", "s", of("detection")),
        figure("decision: from the failed gate to the intended update", "s", of("decision")),
        compared(
          "update: from the intent to the old weights applied",
          "s",
          { ours: of("update"), theirs: sampleOf(raw) },
          "pulumi up --target of the two records",
          {
            bar: { most: 1.2 },
          },
        ),
      ],
      growths: [],
      notes: ["Detection is a setting: gates.failAfterSamples bad rounds in a row, a round every 15 s at least (a twentieth of the hold)."],
    };
  },
};

interface Split {
  detection: number;
  decision: number;
  update: number;
}

async function measure({ folder, say }: Context, round: number): Promise<{ split: Split; pulumiSeconds: number }> {
  const stack = "app-1-production";
  const dns = { zoneId: "Z1234567890ABC", steps: [25, 100], lowTtlForSeconds: 60 };
  const world = await makeWorld(
    `${folder}/${round}`,
    { "app-1-staging": stackConfig("app-1", "staging"), [stack]: stackConfig("app-1", "production", { "cutover:dns": dns }) },
    { [stack]: ["errors@25%"] },
  );
  const service = await startService(world, { faults: { [stack]: ["errors@25%"] } });
  try {
    await service.drive("app-1-staging", "end");
    await service.drive(stack, "traffic.dns-25");
    await service.until(stack, "advance", { extent: "step" }, "rollback.completed");
    await service.idle(stack);
    const split = splitOf((await service.call<{ entries: Recorded[] }>("GET", `/v1/migrations/${stack}/journal?limit=1000`)).json.entries);
    say(`${split.detection} s (virtual) to see it, ${split.decision.toFixed(3)} s to decide, ${split.update.toFixed(2)} s to apply`);
    const began = performance.now();
    await pulumi(world, ["up", "--yes", "--skip-preview", "--target", "**$aws:route53/record:Record::**", "--stack", stack]);
    return { split, pulumiSeconds: (performance.now() - began) / 1_000 };
  } finally {
    await service.close();
    await world.close();
  }
}

function splitOf(entries: Recorded[]): Split {
  const failed = entries.findLast((e) => e.type === "gates.failed");
  const bad = entries.findLast((e) => e.type === "gates.watching" && e.watch.gates.some((g) => g.verdict === "fail"));
  const after = entries.filter((e) => e.seq > (failed?.seq ?? 0));
  const intended = after.find((e) => e.type === "update.intended");
  const applied = after.find((e) => e.type === "update.succeeded");
  const wall = (from: Recorded | undefined, to: Recorded | undefined) =>
    (Date.parse(to?.recordedAt ?? "") - Date.parse(from?.recordedAt ?? "")) / 1_000;
  return {
    detection: ((failed?.at ?? 0) - (bad?.at ?? 0)) / 1_000,
    decision: wall(failed, intended),
    update: wall(intended, applied),
  };
}

import { join } from "node:path";
import type { Recorded } from "../src/automation/journal/entries.js";
import { guidesAlert, hasPromtool } from "./harness/alert.js";
import { fillJournals, fleets } from "./harness/fill.js";
import { sampleOf, seconds } from "./harness/measure.js";
import { type Benchmark, type Context, compared, type Figure, figure, growthOf } from "./harness/report.js";
import { stackConfig } from "./harness/stacks.js";
import { makeWorld, pulumi, startService } from "./harness/world.js";

/** What the sandbox's fault makes of the requests on the new side. */
const FAILING = 0.12;

/** From the first bad sample to the old weights restored, without a person; split by the journal's own times. */
export const benchmark: Benchmark = {
  about: "reaction to a bad sample",
  run: async (context) => {
    const { short, folder, say } = context;
    const alert = hasPromtool() ? await guidesAlert(join(folder, "alert"), FAILING) : undefined;
    const decisions: Figure[] = [];
    const updates: Figure[] = [];
    const detections: Figure[] = [];
    const { sizes, entries } = fleets(short);
    // Each size is a world of its own, which takes as long to make as everything else.
    for (const size of short ? sizes.slice(0, 1) : sizes) {
      const rounds: Measured[] = [];
      for (let round = 0; round < context.times(3); round += 1) rounds.push(await measure(context, `${size}-${round}`, size, entries));
      const of = (what: keyof Measured) => sampleOf(rounds.map((r) => r[what]));
      const sized = { size: { of: "migrations", value: size } };
      const seen = of("detection");
      const detection = `detection: from the first bad sample to a failed gate, on the target's clock, beside ${size} other migrations`;
      detections.push(
        alert === undefined
          ? figure(detection, "s", seen, sized)
          : compared(
              detection,
              "s",
              { ours: seen, theirs: sampleOf(seen.values.map(() => alert.fromSample)) },
              "the guide's alert HighErrorRate by promtool, until it fires",
              { bar: { most: 1, limit: "gates.failAfterSamples rounds" }, ...sized },
            ),
      );
      decisions.push(
        figure(`decision: from the failed gate to the intended update, beside ${size} other migrations`, "s", of("decision"), sized),
      );
      const what = `update: from the intent to the old weights applied, beside ${size} other migrations`;
      const pair = { ours: of("update"), theirs: of("raw") };
      updates.push(
        compared(what, "s", pair, "pulumi up --target of the two records", {
          bar: { most: 1.2, limit: "one start of the CLI on both sides" },
          ...sized,
        }),
      );
      say(`${size} others: ${of("decision").median.toFixed(3)} s to decide, ${of("update").median.toFixed(2)} s to apply`);
    }
    return {
      figures: [...detections, ...decisions, ...updates],
      growths: [...growthOf("detection", detections), ...growthOf("decision", decisions), ...growthOf("update", updates)],
      notes: [
        "Detection is a setting: gates.failAfterSamples bad rounds in a row, a round every 15 s at least (a twentieth of the hold).",
        alert === undefined
          ? "The guide's alert was left out: promtool is missing (apt-get install prometheus)."
          : `Where ${100 * FAILING} % of requests fail from one moment on, the guide's alert fires ${alert.fromRequest} s after it: ` +
            `its average over 5 minutes must pass the limit first, as the gate's must. Then a person would have to read it, decide and type.`,
        "Nobody decides by hand in a measurable time, so the decision stands alone.",
      ],
    };
  },
};

interface Split {
  detection: number;
  decision: number;
  update: number;
}

interface Measured extends Split {
  raw: number;
}

async function measure({ folder, say }: Context, name: string, others: number, entries: number): Promise<Measured> {
  const stack = "app-1-production";
  const dns = { zoneId: "Z1234567890ABC", steps: [25, 100], lowTtlForSeconds: 60 };
  const world = await makeWorld(
    join(folder, name),
    { "app-1-staging": stackConfig("app-1", "staging"), [stack]: stackConfig("app-1", "production", { "cutover:dns": dns }) },
    { [stack]: ["errors@25%"] },
  );
  await fillJournals(world, others, entries);
  const service = await startService(world, { faults: { [stack]: ["errors@25%"] } });
  try {
    await service.drive("app-1-staging", "end");
    await service.drive(stack, "traffic.dns-25");
    await service.until(stack, "advance", { extent: "step" }, "rollback.completed");
    await service.idle(stack);
    const split = splitOf((await service.call<{ entries: Recorded[] }>("GET", `/v1/migrations/${stack}/journal?limit=1000`)).json.entries);
    say(`${split.detection} s (virtual) to see it, ${split.decision.toFixed(3)} s to decide, ${split.update.toFixed(2)} s to apply`);
    const args = ["up", "--yes", "--skip-preview", "--target", "**$aws:route53/record:Record::**", "--stack", stack];
    return { ...split, raw: await seconds(() => pulumi(world, args)) };
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

import { expect } from "chai";
import fc from "fast-check";
import type { Verdict } from "../../../src/automation/gates/definition.js";
import { type Told, toWrite } from "../../../src/automation/gates/flapping.js";
import type { GateSummary } from "../../../src/automation/gates/watch.js";

const ROUND = 15_000;
const DAY = 86_400_000;
const DUE = 600_000;

const summary = (gate: string, verdict: Verdict): GateSummary => ({
  gate,
  accepts: "at most 5 s",
  verdict,
  shown: verdict,
  samples: 1,
  source: "test",
});

/** What the journal is told of rounds, each with when. */
function written(rounds: readonly (readonly Verdict[])[]): { at: number; verdicts: Verdict[] }[] {
  const entries: { at: number; verdicts: Verdict[] }[] = [];
  let told: Told | undefined;
  let checkpointAt = 0;
  for (const [i, verdicts] of rounds.entries()) {
    const now = 1_000_000 + i * ROUND;
    const gates = verdicts.map((v, g) => summary(`gate-${g}`, v));
    const said = toWrite(told, gates, now, now >= checkpointAt);
    told = said.told;
    if (said.write === undefined) continue;
    checkpointAt = now + DUE;
    entries.push({ at: now, verdicts: said.write.map((g) => g.verdict) });
  }
  return entries;
}

describe("what the journal is told of a watch", () => {
  it("[people-24] a lag that flaps at every round for a day is written no more often than one that stands still", () => {
    const day = DAY / ROUND;
    const flapping = written(Array.from({ length: day }, (_, i) => [i % 2 === 0 ? ("pass" as const) : ("fail" as const)]));
    const still = written(Array.from({ length: day }, () => ["pass" as const]));
    expect(flapping.length - still.length).to.be.at.most(4);
    // Whoever looks is told the worse of it all the while.
    expect(new Set(flapping.slice(4).map((e) => e.verdicts[0]))).to.deep.equal(new Set(["fail"]));
  });

  it("[people-24] says that it is well again once it was steady for ten minutes", () => {
    const rounds = [...Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? "pass" : "fail")), ...Array.from({ length: 60 }, () => "pass")];
    const entries = written(rounds.map((v) => [v as Verdict]));
    expect(entries.at(-1)?.verdicts).to.deep.equal(["pass"]);
  });

  it("[people-24] writes at once whatever gets worse than the journal says, and every change of what does not flap", () => {
    const verdict = fc.constantFrom<Verdict>("pass", "pending", "unknown", "fail");
    const order: Verdict[] = ["pass", "pending", "unknown", "fail"];
    fc.assert(
      fc.property(fc.array(fc.tuple(verdict, verdict), { minLength: 1, maxLength: 300 }), (rounds) => {
        const entries = written(rounds);
        for (const [i, round] of rounds.entries()) {
          const told = entries.filter((e) => e.at <= 1_000_000 + i * ROUND).at(-1);
          // Never better in the journal than what was measured.
          for (const [g, v] of round.entries()) expect(order.indexOf(told?.verdicts[g] ?? "pass")).to.be.at.least(order.indexOf(v));
        }
      }),
    );
    const calm = ["pass", "fail", "pass"].flatMap((v) => Array.from({ length: 200 }, () => [v as Verdict]));
    expect(
      written(calm)
        .filter((e, i, all) => e.verdicts[0] !== all[i - 1]?.verdicts[0])
        .map((e) => e.verdicts[0]),
    ).to.deep.equal(["pass", "fail", "pass"]);
  });
});

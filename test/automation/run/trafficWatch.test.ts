import { expect } from "chai";
import fc from "fast-check";
import type { GateUse } from "../../../src/automation/gates/gate.js";
import { observeRound, roundMs, startWatch, type WatchState } from "../../../src/automation/gates/watch.js";
import { readConfig } from "../../../src/config/stackFile.js";
import { known, type Observation, type Reading, unknown } from "../../../src/ports/observations.js";
import { RAW, STACK } from "../model.js";

const CONFIG = readConfig(RAW, "test", STACK);
const HOLD: GateUse[] = [{ gate: "error-rate", holdSeconds: 300 }];
const MINUTE = 60_000;
const sample = (reading: Reading, at: number): Observation => ({ name: "error-rate", side: "new", reading, at, source: "test" });

/** Rounds a minute apart. */
function watch(readings: Reading[], uses = HOLD, age = 0): WatchState {
  return readings.reduce(
    (state, reading, i) =>
      state.verdict === "open"
        ? observeRound(state, uses, [sample(reading, (i + 1) * roundMs(uses) - age)], CONFIG, (i + 1) * roundMs(uses))
        : state,
    startWatch(0),
  );
}
const good = known(0.01);
const bad = known(0.2);

describe("a gate", () => {
  it("passes once it has held long enough, not before", () => {
    expect(roundMs(HOLD)).to.equal(15_000);
    // Where a look says the less the longer ago the last one was, they are never far apart.
    expect(roundMs([{ gate: "database-primary", holdSeconds: 3_600 }])).to.equal(180_000);
    expect(
      roundMs([
        { gate: "database-primary", holdSeconds: 3_600 },
        { gate: "reverse-lag", holdSeconds: 3_600 },
      ]),
    ).to.equal(20_000);
    expect(watch(Array(20).fill(good)).verdict).to.equal("open");
    expect(watch(Array(21).fill(good)).verdict).to.equal("passed");
  });

  it("begins its hold again after a sample that does not pass", () => {
    expect(watch([...Array(15).fill(good), bad, ...Array(20).fill(good)]).verdict).to.equal("open");
  });

  it("fails early after three bad samples in a row, naming value and threshold", () => {
    const failed = watch([good, bad, bad, bad]);
    expect(failed.verdict).to.equal("failed");
    expect(failed.reason).to.equal("error-rate 20 % (accepted: at most 5 % of requests on the new side answered 5xx)");
    expect(failed.gates[0]).to.deep.include({ min: 0.01, max: 0.2, samples: 4 });
  });

  it("promise 10: never passes on unknown or stale samples, and fails when they do not end", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), (pattern) => {
        const unknownAt = pattern.map((isGood) => (isGood ? good : unknown("no answer")));
        const state = watch(unknownAt);
        const held = Math.max(
          ...pattern.map((_, i) => pattern.slice(i).findIndex((p) => !p)).map((n, i) => (n === -1 ? pattern.length - i : n)),
        );
        if (held < 21) expect(state.verdict).to.not.equal("passed");
      }),
    );
    expect(watch(Array(400).fill(unknown("no answer"))).verdict).to.equal("failed");
    expect(watch(Array(400).fill(good), HOLD, CONFIG.gates.maxSampleAgeSeconds * 1_000 + 1).verdict).to.equal("failed");
  });

  it("promise 10: begins its hold again when rounds were missed: what happened in between is unknown", () => {
    let state = startWatch(0);
    for (let i = 1; i <= 15; i += 1) state = observeRound(state, HOLD, [sample(good, i * 15_000)], CONFIG, i * 15_000);
    const later = 15 * 15_000 + 30 * MINUTE;
    state = observeRound(state, HOLD, [sample(good, later)], CONFIG, later);
    expect(state.verdict).to.equal("open");
    expect(state.passingSince).to.equal(later);
  });

  it("moves with a clock that is set back: what was held stays held, and its timeout stays as long", () => {
    const at = (state: WatchState, now: number) => observeRound(state, HOLD, [sample(good, now)], CONFIG, now);
    const [hours, set] = [36_000_000, 7_200_000];
    const before = [15_000, 30_000, 45_000].reduce((state, ms) => at(state, hours + ms), startWatch(hours));
    const back = at(before, hours + 45_000 - set);
    expect(back).to.include({
      startedAt: hours - set,
      passingSince: hours + 15_000 - set,
      lastRoundAt: hours + 45_000 - set,
      verdict: "open",
    });
  });

  it("promise 1: does not take a lag that was measured before writes stopped", () => {
    const uses: GateUse[] = [{ gate: "lag-zero", holdSeconds: 0 }];
    const lag = (at: number): Observation => ({ name: "replica-lag", reading: known(0), at, source: "test" });
    const early = observeRound(startWatch(0), uses, [lag(900)], CONFIG, 1_100, 1_000);
    expect(early.verdict).to.equal("open");
    expect(early.gates[0]?.shown).to.equal("unknown: 0 s is from before writes stopped");
    expect(observeRound(early, uses, [lag(1_200)], CONFIG, 1_300, 1_000).verdict).to.equal("passed");
  });
});

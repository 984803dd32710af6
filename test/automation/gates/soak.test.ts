import { expect } from "chai";
import type { GateUse } from "../../../src/automation/gates/gate.js";
import { observeRound, roundMs, startWatch, type WatchState } from "../../../src/automation/gates/watch.js";
import { buildPlan } from "../../../src/automation/plan/plan.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { known, type Observation, type Reading, unknown } from "../../../src/ports/observations.js";
import { RAW, STACK } from "../model.js";

const MINUTE = 60_000;
const DAYS = 14;
const config = readConfig(patched(RAW, { "cleanup.soakSeconds": DAYS * 86_400 }), "test", STACK);

/** The new side's error rate over a soak, looked at as often as the runner does. */
function soak(at: (minute: number) => Reading, uses: GateUse[] = [{ gate: "error-rate", holdSeconds: DAYS * 86_400 }]) {
  let state: WatchState = startWatch(0);
  let now = 0;
  for (; state.verdict === "open"; now += roundMs(uses)) {
    const observation: Observation = { name: "error-rate", side: "new", reading: at(Math.floor(now / MINUTE)), at: now, source: "test" };
    state = observeRound(state, uses, [observation], config, now);
  }
  return state;
}

describe("promise 4: a soak is judged over all of its time", () => {
  const GOOD = known(0.001);

  it("[observing-8] fails a side that is down 50 minutes of every hour, whenever in the hour the looks are", () => {
    for (const offset of [0, 13, 29, 47]) {
      const state = soak((minute) => ((minute + offset) % 60 < 50 ? known(1) : GOOD));
      expect(state.verdict).to.equal("failed");
      expect(state.lastRoundAt, "in the first hour").to.be.below(60 * MINUTE);
    }
  });

  it("[observing-8] sees five minutes of trouble in fourteen days", () => {
    const state = soak((minute) => (minute >= 12_345 && minute < 12_350 ? known(0.5) : GOOD));
    expect(state.verdict).to.equal("failed");
  });

  it("[observing-8] looks at least once a minute at all that users depend on, in every step that holds for long", () => {
    for (const step of buildPlan(config)) {
      if (!("gates" in step) || !step.gates.some((g) => g.gate === "error-rate")) continue;
      expect(roundMs(step.gates), step.id).to.be.at.most(MINUTE);
    }
  });

  it("[observing-9] goes on over a single unknown reading, and ends in time", () => {
    const state = soak((minute) => (minute === 300 ? unknown("no answer") : GOOD));
    expect(state.verdict).to.equal("passed");
    expect((state.lastRoundAt ?? 0) - (state.passingSince ?? 0)).to.be.at.least(DAYS * 86_400_000);
    expect(state.startedAt).to.equal(0);
    expect(state.passingSince, "it did not start again").to.equal(0);
    expect(state.unknownMs).to.equal(MINUTE);
  });

  it("promise 10 [observing-9]: starts again once more was unknown than the budget, and never ends on an unknown reading", () => {
    const budget = Math.floor(DAYS * 1_440 * config.gates.unknownBudget);
    const spent = soak((minute) => (minute > 100 && minute <= 100 + budget + 1 ? unknown("no answer") : GOOD));
    expect(spent.passingSince).to.equal((100 + budget + 2) * MINUTE);
    const last = DAYS * 1_440;
    const late = soak((minute) => (minute >= last && minute < last + 3 ? unknown("no answer") : GOOD));
    expect(late.verdict).to.equal("passed");
    expect(late.lastRoundAt).to.equal((last + 3) * MINUTE);
  });

  it("[observing-9] takes a restart of the service for unknown minutes, not for the end of the soak", () => {
    const uses: GateUse[] = [{ gate: "error-rate", holdSeconds: DAYS * 86_400 }];
    const at = (state: WatchState, now: number) =>
      observeRound(state, uses, [{ name: "error-rate", reading: GOOD, at: now, source: "test" }], config, now);
    const before = at(at(startWatch(0), 0), MINUTE);
    const after = at(before, 21 * MINUTE);
    expect(after).to.include({ passingSince: 0, unknownMs: 20 * MINUTE, verdict: "open" });
    const gone = at(after, 21 * MINUTE + 86_400_000);
    expect(gone.passingSince).to.equal(21 * MINUTE + 86_400_000);
    expect(gone.unknownMs).to.equal(undefined);
  });

  it("keeps the budget of a hold of minutes below one look: any unknown reading starts it again", () => {
    const uses: GateUse[] = [{ gate: "error-rate", holdSeconds: 1_800 }];
    const state = soak((minute) => (minute === 10 ? unknown("no answer") : GOOD), uses);
    expect(state.passingSince).to.equal(11 * MINUTE);
  });
});

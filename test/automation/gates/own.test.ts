import { expect } from "chai";
import { gateNamed, isKnownGate } from "../../../src/automation/gates/catalogue.js";
import type { GateUse } from "../../../src/automation/gates/gate.js";
import { observeRound, startWatch, type WatchState } from "../../../src/automation/gates/watch.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { known, type Observation, type Reading, unknown } from "../../../src/ports/observations.js";
import { RAW, STACK } from "../model.js";

const NAME = "own.refused-orders";
const USES: GateUse[] = [{ gate: NAME, holdSeconds: 60 }];
const EVERY = 30_000;
const BEGUN = 1_000_000;
const configWith = (more: object = {}) => {
  const gate = { name: "refused-orders", source: "prometheus", expression: "sum(orders_refused)", limit: 0.01, ...more };
  return readConfig(patched(RAW, { "gates.own": [gate] }), "test", STACK);
};

/** Rounds half a minute apart. @param of how old each observation is, in milliseconds, and more of it */
function watch(readings: Reading[], more: object = {}, { age = 0, ...of }: Partial<Observation> & { age?: number } = {}): WatchState {
  const config = configWith(more);
  return readings.reduce((state, reading, i) => {
    const now = BEGUN + (i + 1) * EVERY;
    return observeRound(state, USES, [{ name: NAME, reading, at: now - age, source: "test", ...of }], config, now);
  }, startWatch(BEGUN));
}

describe("[observing-7] a gate of the user's own", () => {
  it("passes up to its limit, or from it on, and says what it accepts", () => {
    const gate = gateNamed(NAME);
    const judged = (value: number, more: object = {}) => gate.judge(value, configWith(more), undefined);
    expect([0, 0.01, 0.0101].map((v) => judged(v))).to.deep.equal(["pass", "pass", "fail"]);
    expect([0, 0.01, 5].map((v) => judged(v, { direction: "at-least" }))).to.deep.equal(["fail", "pass", "pass"]);
    expect(gate.accepts(configWith(), undefined)).to.equal("at most 0.01");
    const more = { direction: "at-least", samples: "sum(orders)", leastSamples: 50, whenUnknown: "fail" };
    expect(gate.accepts(configWith(more), undefined)).to.equal("at least 0.01, of at least 50 samples; unknown is bad");
    expect([1 / 3, 1_234_567].map(gate.format)).to.deep.equal(["0.333333", "1234570"]);
    expect(isKnownGate(NAME)).to.equal(true);
  });

  it("never passes once the config has it no more", () => {
    const config = readConfig(RAW, "test", STACK);
    const gate = gateNamed(NAME);
    expect([0, 1].map((v) => gate.judge(v, config, undefined))).to.deep.equal(["pending", "pending"]);
    expect(gate.accepts(config, undefined)).to.contain("has no more");
  });

  it("fails early after bad samples in a row, and passes after its hold", () => {
    expect(watch([known(0.2), known(0.2), known(0.2)])).to.include({
      verdict: "failed",
      reason: "own.refused-orders 0.2 (accepted: at most 0.01)",
    });
    expect(watch([known(0), known(0)]).verdict).to.equal("open");
    expect(watch([known(0), known(0), known(0)]).verdict).to.equal("passed");
  });

  it("promise 10: unknown never passes; it is waited for, or counts as bad where the config says so", () => {
    const nothing = unknown("its expression gives no series");
    const waits = watch([nothing, nothing, nothing]);
    expect([waits.verdict, waits.gates[0]?.verdict]).to.deep.equal(["open", "unknown"]);
    const fails = watch([nothing, nothing, nothing], { whenUnknown: "fail" });
    expect(fails.verdict).to.equal("failed");
    expect(fails.reason).to.equal("own.refused-orders unknown: its expression gives no series (accepted: at most 0.01; unknown is bad)");
  });

  it("promise 10: takes a stale value for unknown, and what a slow source shows from before the step for no sign of anything", () => {
    const stale = watch([known(0)], { whenUnknown: "fail" }, { age: 91_000 });
    expect(stale.gates[0]).to.include({ verdict: "fail", shown: "unknown: 0 is stale" });
    const early = watch([known(0), unknown("no samples")], { whenUnknown: "fail" }, { age: 150_000, delaySeconds: 180 });
    expect(early.gates[0]).to.include({ verdict: "unknown" });
    expect(early.badRounds).to.equal(0);
  });
});

import { expect } from "chai";
import { record } from "../../src/automation/journal/chain.js";
import type { Recorded } from "../../src/automation/journal/entries.js";
import { buildPlan, planDigest } from "../../src/automation/plan/plan.js";
import { fold } from "../../src/automation/state/evolve.js";
import { currentConfig, type MigrationState } from "../../src/automation/state/state.js";
import { patched, readConfig } from "../../src/config/stackFile.js";
import { known, type Reading, unknown } from "../../src/ports/observations.js";
import { SCORED_GATES, type Scorecard, scorecard } from "../../src/report/scorecard.js";
import { RAW, STACK } from "../automation/model.js";

const DAY = 86_400_000;
const MOVED = Date.UTC(2026, 2, 1);
const plan = buildPlan(readConfig(RAW, "test", STACK));

/** A migration whose users have all moved, with what its steps left. */
function moved(facts: Record<string, Record<string, unknown>> = {}, undone: string[] = []): MigrationState {
  const created = record(
    { type: "migration.created", stack: STACK, plan: planDigest(plan), config: RAW, why: "t", who: "t" },
    undefined,
    0,
    0,
  );
  const state = fold([created] as Recorded[], plan);
  const steps = Object.fromEntries(
    plan.map((s) => [
      s.id,
      {
        status: undone.includes(s.id) ? ("waiting" as const) : ("done" as const),
        attempt: 1,
        failures: 0,
        completedAt: MOVED,
        ...(facts[s.id] === undefined ? {} : { facts: facts[s.id] as Record<string, unknown> }),
      },
    ]),
  );
  return { ...state, steps };
}

const GOOD: Record<string, Reading> = {
  "dns-weight": known(100),
  "error-rate": known(0.001),
  "latency-p95": known(0.2),
  "hpa-active": known(1),
  "backup-retention": known(7),
};

function card(days: number, state = moved(), readings: Record<string, Reading> = GOOD, age = 0): Scorecard {
  const now = MOVED + days * DAY;
  const observed = Object.fromEntries(
    SCORED_GATES.flatMap((name) => {
      const reading = readings[name];
      return reading === undefined ? [] : [[name, { name: "error-rate" as const, reading, at: now - age, source: "test" }]];
    }),
  );
  return scorecard({ plan, state, observed, now });
}
const standings = (of: Scorecard) => Object.fromEntries(of.goals.map((g) => [g.id, g.standing]));

describe("the 30/60/90-day goals", () => {
  const FACTS = {
    "optimize.usage": { cpuMillicores: 100 },
    "optimize.cost": { before: 900, after: 950, applicationBefore: 450, applicationAfter: 273, currency: "USD" },
  };

  it("are met by what is observed and by what the steps left", () => {
    const all = card(90, moved(FACTS));
    expect(all.days).to.equal(90);
    expect(all.goals.map((g) => g.days)).to.include.members([30, 60, 90]);
    expect(new Set(Object.values(standings(all)))).to.deep.equal(new Set(["met"]));
    expect(all.goals.find((g) => g.id === "right-sized")?.evidence).to.equal("40 % of the 250m CPU asked for");
    expect(all.goals.find((g) => g.id === "cheaper")?.evidence).to.contain("273 USD a month after 450 USD before");
  });

  it("are open before their day, and missed after it", () => {
    const bad = { ...GOOD, "error-rate": known(0.4) };
    const expensive = moved({ ...FACTS, "optimize.cost": { before: 1, after: 2, currency: "USD" } }, ["cleanup.close"]);
    expect(standings(card(29, expensive, bad))).to.include({ "no-errors": "open", "old-gone": "open", cheaper: "open", fast: "open" });
    const soon = card(14, moved(FACTS));
    expect(new Set(Object.values(standings(soon))), "[people-3] nothing is met before its day").to.deep.equal(new Set(["open"]));
    expect(soon.goals.find((g) => g.id === "documents")?.evidence).to.match(/^holds so far: /);
    expect(standings(card(30, moved(FACTS)))).to.include({ fast: "met", backups: "open", cheaper: "open" });
    expect(standings(card(30, expensive, bad))).to.include({ "no-errors": "missed", "old-gone": "open" });
    expect(standings(card(90, expensive, bad))).to.include({ "no-errors": "missed", "old-gone": "missed", cheaper: "missed" });
  });

  it("promise 10: are unknown, not met, when they are due and nobody has observed them, or not lately", () => {
    const nothing = card(90, moved(), {});
    expect(standings(nothing)).to.include({ "no-errors": "unknown", fast: "unknown", backups: "unknown", cheaper: "unknown" });
    const unreachable = card(90, moved(), { ...GOOD, "latency-p95": unknown("Prometheus does not answer") });
    expect(unreachable.goals.find((g) => g.id === "fast")).to.deep.include({ standing: "unknown" });
    expect(unreachable.goals.find((g) => g.id === "fast")?.evidence).to.contain("Prometheus does not answer");
    const stale = card(90, moved(), GOOD, DAY);
    expect(standings(stale)).to.include({ "no-errors": "unknown" });
    expect(stale.goals.find((g) => g.id === "no-errors")?.evidence).to.match(/^stale: /);
  });

  it("[people-3] see every way back that was taken, also one while users were moving", () => {
    const back = (at: number): MigrationState => ({
      ...moved(FACTS),
      rollbacks: [{ at, automatic: true, revision: 12, why: "error-rate 12 %" }],
    });
    expect(standings(card(40, moved(FACTS)))).to.include({ "no-way-back": "met" });
    expect(standings(card(40, back(MOVED - 1)))).to.include({ "no-way-back": "missed" });
    const after = card(40, back(MOVED + DAY));
    expect(after.goals.find((g) => g.id === "no-way-back")).to.deep.include({
      standing: "missed",
      evidence: "automatically to revision 12 on 2026-03-02: error-rate 12 %",
    });
  });

  it("begin when all users have moved, and not before", () => {
    const early = card(400, moved({}, [plan.findLast((s) => s.phase === "traffic")?.id ?? ""]));
    expect(early.since).to.equal(undefined);
    expect(Object.values(standings(early))).to.not.include("missed");
  });

  it("leave out what a stack has no part of", () => {
    const { "cutover:database": _, ...without } = RAW;
    const config = patched(without, { "workload.secretEnv": {} });
    const small = buildPlan(readConfig(config, "test", STACK));
    const created = record(
      { type: "migration.created", stack: STACK, plan: planDigest(small), config, why: "t", who: "t" },
      undefined,
      0,
      0,
    );
    const state = fold([created], small);
    expect(currentConfig(state).database).to.equal(undefined);
    expect(scorecard({ plan: small, state, observed: {}, now: 0 }).goals.map((g) => g.id)).to.not.include("backups");
  });
});

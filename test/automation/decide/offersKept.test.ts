import { expect } from "chai";
import { configOfNext, wayBackOfNext } from "../../../src/automation/decide/nextStep.js";
import { type Action, offersOf } from "../../../src/automation/decide/offers.js";
import { wayBackBefore, wayBackTo } from "../../../src/automation/decide/wayBack.js";
import { record } from "../../../src/automation/journal/chain.js";
import type { Entry } from "../../../src/automation/journal/entries.js";
import { REVERSE } from "../../../src/automation/plan/reverse.js";
import { apply } from "../../../src/automation/state/evolve.js";
import { configAfter, currentConfig, currentRevision, type MigrationState, stepOf } from "../../../src/automation/state/state.js";
import { patched, type RawConfig } from "../../../src/config/stackFile.js";
import { stateAfter } from "../history.js";
import { modelPlan, RAW } from "../model.js";

const at = (text: string): number => Date.parse(text);
const FREEZE = { "calendar.freezes": [{ from: "2026-11-27T00:00", to: "2026-11-29T00:00", why: "sale" }], "calendar.timeZone": "UTC" };
const WINDOW = { "calendar.maintenance": [{ days: ["sun"], from: "02:00", to: "04:00" }], "calendar.timeZone": "UTC" };

/** The state after one entry more. */
function following(state: MigrationState, raw: RawConfig, ...entries: Entry[]): MigrationState {
  let now = state;
  for (const entry of entries)
    now = apply(now, { ...record(entry, undefined, now.updatedAt + 1_000, 1), seq: now.lastSeq + 1 }, modelPlan(raw));
  return now;
}

describe("what is offered, worked out once a state", () => {
  /** Ready before a step. */
  const readyAfter = (raw: RawConfig, last: string): MigrationState => ({ ...stateAfter(raw, last), status: "ready" });
  const offered = (raw: RawConfig, state: MigrationState, action: Action, now: string) =>
    offersOf(modelPlan(raw), state, at(now))[action].offered;

  it("a freeze that begins and ends changes it, at the millisecond, without an entry", () => {
    const raw = patched(RAW, FREEZE);
    const state = readyAfter(raw, modelPlan(raw)[0]?.id ?? "");
    const moments = ["2026-11-26T23:59:59.999Z", "2026-11-27T00:00:00Z", "2026-11-28T23:59:59.999Z", "2026-11-29T00:00:00Z"];
    expect(moments.map((m) => offered(raw, state, "advance", m))).to.deep.equal([true, false, false, true]);
    expect(offered(raw, state, "advance", "2026-11-27T12:00:00Z"), "back in time").to.equal(false);
    const held: MigrationState = { ...state, status: "held" };
    expect(moments.map((m) => offered(raw, held, "resume", m))).to.deep.equal([true, false, false, true]);
  });

  it("a maintenance window that opens and closes changes it", () => {
    const raw = patched(RAW, WINDOW);
    const plan = modelPlan(raw);
    const index = plan.findIndex((s) => s.kind === "approval" && s.inMaintenance === true);
    const state: MigrationState = { ...stateAfter(raw, plan[index - 1]?.id ?? ""), status: "approval", advancedBy: "alice" };
    const moments = ["2026-11-29T01:59:59.999Z", "2026-11-29T02:00:00Z", "2026-11-29T03:59:59.999Z", "2026-11-29T04:00:00Z"];
    expect(moments.map((m) => offered(raw, state, "approve", m))).to.deep.equal([false, true, true, false]);
    expect(
      moments.map((m) => offered(raw, state, "refuse", m)),
      "an answer of no waits for no window",
    ).to.deep.equal(Array(4).fill(true));
  });

  it("a new entry changes it", () => {
    const state = stateAfter(RAW, modelPlan()[0]?.id ?? "");
    const now = "2026-11-26T00:00:00Z";
    expect([offered(RAW, state, "pause", now), offered(RAW, state, "resume", now)]).to.deep.equal([true, false]);
    const paused = following(state, RAW, { type: "command", command: "pause", why: "lunch", who: "alice" });
    expect([offered(RAW, paused, "pause", now), offered(RAW, paused, "resume", now)]).to.deep.equal([false, true]);
    expect(offered(RAW, state, "pause", now), "of the state before it").to.equal(true);
  });

  it("an edit of the config changes it, and so does its way back", () => {
    const plan = modelPlan();
    const first = plan.find((s) => s.kind === "config")?.id ?? "";
    const state: MigrationState = { ...stateAfter(RAW, first), status: "ready" };
    const now = "2026-11-27T12:00:00Z";
    expect([offered(RAW, state, "advance", now), offered(RAW, state, "rollback", now)]).to.deep.equal([true, true]);
    const config = patched(currentRevision(state).config, FREEZE);
    const revision = state.revision + 1;
    const edited = following(
      state,
      RAW,
      { type: "update.intended", key: "edit", revision, config, why: "a freeze", who: "alice", refines: state.revision },
      { type: "update.succeeded", key: "edit", revision, engineVersion: 0, changes: {}, durationMs: 1 },
    );
    expect(currentConfig(edited).calendar.freezes).to.have.lengthOf(1);
    expect(offered(RAW, { ...edited, status: "ready" }, "advance", now)).to.equal(false);
    expect(offered(RAW, state, "advance", now), "of the state before it").to.equal(true);
    const [item] = wayBackTo(plan, edited, state.revision).path;
    expect(item?.summary).to.equal("Take the edit of calendar back.");
  });

  it("looking at what could be tuned keeps the config that was read, and one that is tuned is another", () => {
    const state = stateAfter(RAW, modelPlan()[0]?.id ?? "");
    const config = currentConfig(state);
    offersOf(modelPlan(), state, 0);
    expect(currentConfig(state)).to.equal(config);
    const tuned = { ...state, tuned: { "gates.maxErrorRate": 0.5 } };
    expect(currentConfig(tuned).gates.maxErrorRate).to.equal(0.5);
    expect(currentConfig({ ...tuned, tuned: { "gates.maxErrorRate": 0.25 } }).gates.maxErrorRate).to.equal(0.25);
    expect(currentConfig(state)).to.equal(config);
  });
});

describe("what is shown of the next step, worked out once a state", () => {
  it("is the same for all who look, and another after an edit", () => {
    const plan = modelPlan();
    const index = plan.findIndex((s, i) => i > 0 && s.kind === "config" && plan[i - 1]?.kind !== "approval");
    const [step, before] = [plan[index], plan[index - 1]];
    if (step?.kind !== "config" || before === undefined) throw new Error("the model's plan has such a step");
    const state = stateAfter(RAW, before.id);
    const config = configOfNext(state, step);
    expect(config).to.deep.equal(configAfter(state, step));
    expect(configOfNext(state, step), "the same").to.equal(config);
    const way = wayBackOfNext(plan, state, step, 0);
    expect(way).to.deep.equal(wayBackBefore(plan, state, step.id, 0));
    expect(wayBackOfNext(plan, state, step, 1)).to.equal(way);
    const tuned = following(state, RAW, {
      type: "command",
      command: "tune",
      changes: { "gates.maxErrorRate": 0.007 },
      why: "",
      who: "alice",
    });
    expect(configOfNext(tuned, step)["cutover:gates"]).to.include({ maxErrorRate: 0.007 });
    expect(configOfNext(state, step), "of the state before it").to.equal(config);
  });

  it("says at each look what is lost by then, where that grows with the clock", () => {
    const state = stateAfter(RAW, REVERSE);
    const facts = { ...state.steps[REVERSE]?.facts, supported: false };
    const alone: MigrationState = {
      ...state,
      steps: { ...state.steps, [REVERSE]: { ...stepOf(state, REVERSE), facts } },
      marks: { ...state.marks, "new-writes-allowed": { at: 0, seq: state.lastSeq } },
    };
    const plan = modelPlan();
    const step = plan.find((s) => s.id === REVERSE);
    if (step === undefined) throw new Error("the model's plan streams back");
    const minutes = (now: number) => wayBackOfNext(plan, alone, step, now)?.loses.join();
    expect(minutes(60_000 * 5)).to.contain("5 min");
    expect(minutes(60_000 * 50)).to.contain("50 min");
  });
});

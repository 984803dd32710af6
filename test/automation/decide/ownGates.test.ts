import { expect } from "chai";
import { TUNABLE } from "../../../src/automation/decide/tuning.js";
import { shapeOf } from "../../../src/automation/plan/edition.js";
import { buildPlan, type Plan, planDigest } from "../../../src/automation/plan/plan.js";
import { begunPlan } from "../../../src/automation/state/begun.js";
import { currentConfig } from "../../../src/automation/state/state.js";
import { whyNotEditable } from "../../../src/config/edits.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { known, type Reading, unknown } from "../../../src/ports/observations.js";
import { NO_FAULTS, RAW, STACK } from "../model.js";
import { RECORDED, recorded } from "../recorded.js";
import { ModelService } from "../service.js";

const NAME = "own.refused-orders";
const GATE = { name: "refused-orders", source: "prometheus", expression: "sum(orders_refused)", limit: 0.01 };
const planWith = (...own: object[]): Plan => buildPlan(readConfig(patched(RAW, { "gates.own": own }), "test", STACK));
const judgedIn = (plan: Plan, gate = NAME): string[] =>
  plan.flatMap((s) => ("gates" in s && s.gates.some((g) => g.gate === gate) ? s.id : []));

/** A service whose gate of the user's own reads this while users are on the new side. */
async function reading(at25: Reading, more: object = {}): Promise<ModelService> {
  const m = await ModelService.open({ "gates.own": [{ ...GATE, ...more }] });
  await m.reach("traffic.dns-25");
  m.world.faults = { ...NO_FAULTS, reading: (name) => (name === NAME && m.world.applied.dns?.weights.new === 25 ? at25 : undefined) };
  return m;
}

describe("[observing-7] gates of the user's own in a plan", () => {
  it("are asked in the steps of their phases that watch pods or users, for at least their own hold", () => {
    expect(judgedIn(planWith(GATE))).to.deep.equal(["traffic.dns-25", "traffic.dns-100"]);
    expect(judgedIn(planWith({ ...GATE, phases: ["database", "rollout", "cleanup"] }))).to.deep.equal([
      ...["database.go", "database.monitor", "rollout.synthetic-on", "rollout.green-50", "rollout.green-100", "rollout.remove-blue"],
      ...["cleanup.soak", "cleanup.remove-old-record"],
    ]);
    const [step] = planWith({ ...GATE, holdSeconds: 900 }).filter((s) => s.id === "traffic.dns-25");
    expect(step !== undefined && "gates" in step && step.gates.at(-1)).to.deep.equal({ gate: NAME, holdSeconds: 900 });
  });

  it("leave a plan without them as it was", () => {
    const plan = buildPlan(readConfig(RAW, "test", STACK));
    expect(planDigest(planWith())).to.equal(planDigest(plan));
    // Plans that journals of released versions hold ask for nothing more.
    for (const name of RECORDED)
      expect(
        shapeOf(begunPlan(recorded(name), STACK))
          .flatMap((s) => s.gates ?? [])
          .join(),
      ).to.not.contain("own.");
  });

  it("send users back where they read beyond their limit, and say so with value and limit", async () => {
    const m = await reading(known(0.2));
    const state = await m.say({ command: "advance", extent: "step" });
    expect(state.status).to.equal("held");
    expect(state.heldReason).to.contain("own.refused-orders 0.2 (accepted: at most 0.01)");
    expect(m.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    const [failed] = await m.journal("gates.failed");
    expect(failed?.gates.find((g) => g.gate === NAME)).to.include({ verdict: "fail", last: 0.2, accepts: "at most 0.01" });
    expect(m.world.violations).to.deep.equal([]);
  });

  it("promise 10: do not pass while they are unknown: that is waited for, and then the users go back", async () => {
    const m = await reading(unknown("its expression gives 2 series"));
    const before = m.world.now;
    const state = await m.say({ command: "advance", extent: "step" });
    expect(state.heldReason).to.contain("not passed in time: own.refused-orders unknown: its expression gives 2 series");
    expect(m.world.now - before).to.be.above(3_600_000);
    expect(m.world.applied.dns?.weights.new).to.equal(0);
  });

  it("promise 10: send users back at once where their config says that unknown is bad", async () => {
    const m = await reading(unknown("its expression gives no series"), { whenUnknown: "fail" });
    const before = m.world.now;
    const state = await m.say({ command: "advance", extent: "step" });
    expect(state.heldReason).to.contain("own.refused-orders unknown: its expression gives no series");
    expect(m.world.now - before).to.be.below(3_600_000);
    expect(m.world.applied.dns?.weights.new).to.equal(0);
  });

  it("are looked at between steps too, while users are on the new side", async () => {
    const m = await reading(known(0));
    await m.say({ command: "advance", extent: "step" });
    expect(m.world.applied.dns?.weights.new).to.equal(25);
    m.world.faults = {
      ...NO_FAULTS,
      reading: (name) => (name === NAME && m.world.applied.dns?.weights.new === 25 ? known(0.2) : undefined),
    };
    for (let i = 0; i < 3; i += 1) await m.migrations.guardAll();
    const state = await m.migrations.settled(STACK);
    expect(state.heldReason).to.contain("own.refused-orders 0.2");
    expect(m.world.applied.dns?.weights.new).to.equal(0);
  });

  it("[safety-10] are corrected by a tuning that a second person confirms; the file's edit is refused by name", async () => {
    const m = await reading(unknown("its expression gives 2 series"));
    const mended = { ...GATE, expression: "sum(sum by (pod) (orders_refused))" };
    const { proposal } = await m.say({ command: "tune", changes: { "gates.own": [mended] }, why: "it gave two series" });
    expect(proposal?.loosens.map((l) => l.path)).to.deep.equal(["gates.own"]);
    await m.say({ command: "confirm", tuning: proposal?.seq ?? 0 }, "bob");
    m.world.faults = NO_FAULTS;
    await m.say({ command: "advance", extent: "step" });
    expect(await m.position).to.equal("traffic.dns-100");
    expect(currentConfig(await m.state).gates.own[0]).to.include({ expression: mended.expression });
    expect(whyNotEditable({ path: ["cutover:gates", "own"], value: [] }, TUNABLE)).to.contain("cutover tune");
    // One more protects more, and counts at once.
    await m.say({ command: "tune", changes: { "gates.own": [mended, { ...GATE, name: "late-mails" }] }, why: "mails are late" });
    const { plan } = await m.migrations.get(STACK);
    expect(judgedIn(plan, "own.late-mails")).to.include("traffic.dns-100");
  });
});

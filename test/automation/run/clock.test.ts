import { expect } from "chai";
import { currentConfig } from "../../../src/automation/state/state.js";
import { nextMaintenance } from "../../../src/config/calendar.js";
import { known } from "../../../src/ports/observations.js";
import { failing, ModelService } from "../service.js";

const HOUR = 3_600_000;
/** A twentieth of the hold. */
const ROUND = 90_000;
const STEP = "traffic.dns-25";
const advance = { command: "advance" as const, extent: "step" as const };

/** Sets the clock back by two hours in the n-th pause. @returns how long it ran after that */
function setBack(m: ModelService, pause: number): () => number {
  let pauses = 0;
  let from = Number.NaN;
  m.world.beforeSleep = async () => {
    pauses += 1;
    if (pauses !== pause) return;
    m.world.setClock(-2 * HOUR);
    from = m.world.now;
  };
  return () => m.world.now - from;
}

describe("a clock that is set back by two hours", () => {
  it("leaves no gap between two rounds, and a hold that is neither shorter nor two hours longer", async () => {
    const m = await ModelService.open();
    await m.reach(STEP);
    const startedAt = m.world.now;
    const steady = await m.say(advance);
    expect(steady.steps[STEP]).to.include({ status: "done" });
    const usual = m.world.now - startedAt;

    const other = await ModelService.open();
    await other.reach(STEP);
    const begun = other.world.now;
    const ranFor = setBack(other, 4);
    expect((await other.say(advance)).steps[STEP]).to.include({ status: "done" });
    const [passed] = (await other.journal("gates.passed")).filter((e) => e.step === STEP);
    expect(passed?.heldMs).to.equal((await m.journal("gates.passed")).filter((e) => e.step === STEP)[0]?.heldMs);
    expect(other.world.now - begun + 2 * HOUR, "in all").to.be.within(usual, usual + 2 * ROUND);
    expect(ranFor()).to.be.below(usual);
  });

  it("still sees what goes wrong, three rounds later", async () => {
    const m = await ModelService.open();
    await m.reach(STEP);
    const ranFor = setBack(m, 4);
    m.world.faults = {
      ...m.world.faults,
      reading: (name) => (ranFor() >= 0 && name === "error-rate" ? { known: true, value: 0.2 } : undefined),
    };
    await m.say(advance);
    expect(await m.journal("gates.failed")).to.have.length(1);
    expect(await m.journal("rollback.completed")).to.have.length(1);
    expect(ranFor()).to.be.below(10 * 60_000);
  });

  it("makes no pause between two tries longer, forward or on a way back", async () => {
    for (const way of ["forward", "back"]) {
      const m = await ModelService.open();
      await m.reach(STEP);
      if (way === "back") await m.say(advance);
      failing(m, { update: ["transient"] });
      const ranFor = setBack(m, 1);
      await m.say(way === "forward" ? advance : { command: "rollback", revision: 0, why: "a try" });
      expect(await m.journal("update.failed"), way).to.have.length(1);
      expect(ranFor(), way).to.be.within(0, HOUR);
    }
  });

  it("opens no maintenance window: what waits for one goes on waiting", async () => {
    const calendar = { maintenance: [{ days: ["sat"], from: "22:00", to: "23:00" }] };
    const m = await ModelService.open({ calendar, "approvals.validSeconds": 30 * 86_400 });
    await m.reach("database.approve");
    await m.say({ command: "advance", extent: "end" });
    setBack(m, 1);
    const opens = nextMaintenance(currentConfig(await m.state).calendar, m.world.now);
    await m.say({ command: "approve", step: "database.approve" }, "bob");
    const [go] = (await m.journal("step.started")).filter((e) => e.step === "database.go");
    expect(go?.at).to.equal(opens);
  });

  it("keeps users' writes waiting no longer: how long they have waited is not known then, and everything is undone", async () => {
    const m = await ModelService.open();
    await m.reach("database.maintenance-on");
    m.world.faults = { ...m.world.faults, reading: (name) => (name === "replica-lag" && !m.world.oldWrites ? known(3) : undefined) };
    const beforeSleep = async () => {
      if (m.world.oldWrites) return;
      m.world.setClock(-2 * HOUR);
      m.world.beforeSleep = async () => undefined;
    };
    m.world.beforeSleep = beforeSleep;
    const state = await m.say({ command: "advance", extent: "end" });
    expect(m.world.beforeSleep, "the clock was set").to.not.equal(beforeSleep);
    expect(state.heldReason).to.contain("writes were stopped for longer than the 60 s they may be");
    expect(m.world).to.include({ oldWrites: true, maintenance: false, newWrites: false });
    const [stopped, restored] = (await m.journal("action.succeeded")).filter((e) => e.step === "database.stop-writes").map((e) => e.at);
    expect((restored ?? 0) + 2 * HOUR - (stopped ?? 0)).to.be.within(0, 2 * 60_000);
  });

  it("lets a go lapse that was not used in time, though nobody knows how long it was", async () => {
    const m = await ModelService.open();
    await m.reach("database.go");
    m.world.faults = { ...m.world.faults, reading: (name) => (name === "replica-lag" ? known(45) : undefined) };
    await m.say({ command: "advance", extent: "end" });
    const before = m.world.now;
    m.world.beforeSleep = async () => {
      if (m.world.now >= before) m.world.setClock(-2 * HOUR);
    };
    expect(await m.say({ command: "approve", step: "database.go" }, "bob")).to.include({ status: "approval" });
    expect(await m.journal("approval.lapsed")).to.have.length(1);
    expect(m.world.now).to.be.below(before - HOUR);
  });
});

import { expect } from "chai";
import { decide } from "../../../src/automation/decide/decide.js";
import { configOf } from "../../../src/automation/decide/wayBack.js";
import { startWatch } from "../../../src/automation/gates/watch.js";
import { currentConfig, type MigrationState } from "../../../src/automation/state/state.js";
import { nextMaintenance } from "../../../src/config/calendar.js";
import { known, unknown } from "../../../src/ports/observations.js";
import { afterThisTest } from "../../support/cleanup.js";
import { stateAfter } from "../history.js";
import { modelPlan, RAW, STACK, untilWoken } from "../model.js";
import { ModelService } from "../service.js";

const GO = "database.go";
const approve = { command: "approve" as const, step: GO };

describe("a cutover that waits to be told", () => {
  it("is held ready with its gates watched, and begins when a person says go", async () => {
    const m = await ModelService.open();
    await m.reach(GO);
    expect(await m.say({ command: "advance", extent: "step" })).to.include({ status: "approval" });
    const before = m.world.now;
    for (let i = 0; i < 40 && m.world.now - before < 60_000; i += 1) await new Promise((r) => setTimeout(r, 100));
    const { watch } = await m.state;
    expect(watch?.gates.map((g) => [g.gate, g.verdict])).to.deep.equal([
      ["replica-available", "pass"],
      ["replica-lag", "pass"],
      ["pods-ready", "pass"],
      ["old-error-rate", "pass"],
      ["comparison-fits", "pass"],
    ]);
    expect(m.world.oldWrites).to.equal(true);
    expect(await m.say(approve, "bob")).to.include({ status: "ready" });
    expect(await m.position).to.equal("database.maintenance-on");
  });

  it("does not begin while a gate is not green, and the go lapses", async () => {
    const m = await ModelService.open();
    m.world.faults = { ...m.world.faults, reading: (name) => (name === "replica-lag" && m.world.oldWrites ? known(45) : undefined) };
    // Only held, so nothing is measured before.
    m.world.faults = { ...m.world.faults, reading: () => undefined };
    await m.reach(GO);
    m.world.faults = { ...m.world.faults, reading: (name) => (name === "replica-lag" ? known(45) : undefined) };
    await m.say({ command: "advance", extent: "end" });
    expect(await m.say(approve, "bob")).to.include({ status: "approval" });
    const [lapsed] = await m.journal("approval.lapsed");
    expect(lapsed).to.include({ step: GO }).and.to.have.property("why").that.contains("replica-lag 45 s");
    expect(m.world.oldWrites).to.equal(true);
    // Unknown is not green either (promise 10).
    m.world.faults = { ...m.world.faults, reading: (name) => (name === "replica-lag" ? unknown("no answer") : undefined) };
    expect(await m.say(approve, "bob")).to.include({ status: "approval" });
    // What refuses the move, or could not be computed, comes with its reason.
    const refusal = "the database is not ready to move: a prepared transaction";
    m.world.faults = { ...m.world.faults, reading: (name) => (name === "replica-lag" ? unknown(refusal) : undefined) };
    expect(await m.say(approve, "bob")).to.include({ status: "approval" });
    expect((await m.journal("approval.lapsed")).at(-1)?.why).to.contain(refusal);
    expect(m.world.oldWrites).to.equal(true);
    m.world.faults = { ...m.world.faults, reading: () => undefined };
    expect((await m.say(approve, "bob")).steps[GO]).to.include({ status: "done", approvedBy: "bob" });
  });

  it("asks the gates round by round when the clock was set back after the go, and not without a pause", async () => {
    const m = await ModelService.open();
    await m.reach(GO);
    const { plan, state } = await m.migrations.get(STACK);
    const { updatedAt } = state;
    const said: MigrationState = {
      ...state,
      status: "running",
      steps: { ...state.steps, [GO]: { status: "running", attempt: 1, failures: 0, approvedBy: "bob", approvedAt: updatedAt + 7_200_000 } },
      watch: { ...startWatch(updatedAt), lastRoundAt: updatedAt },
    };
    const decision = decide(plan, said);
    expect(decision.do).to.equal("stand by");
    expect(decision.do === "stand by" && decision.at).to.equal(updatedAt + 15_000);
  });

  it("undoes everything when writes were stopped for longer than they may be", async () => {
    const m = await ModelService.open();
    await m.reach("database.maintenance-on");
    m.world.faults = { ...m.world.faults, reading: (name) => (name === "replica-lag" && !m.world.oldWrites ? known(3) : undefined) };
    const began = m.world.now;
    const state = await m.say({ command: "advance", extent: "end" });
    expect(state.status).to.equal("held");
    expect(state.heldReason).to.contain("writes were stopped for longer than the 60 s they may be").and.to.contain("lag-zero 3 s");
    expect(m.world).to.include({ oldWrites: true, maintenance: false, newWrites: false });
    expect(m.world.effects).to.not.include("promote");
    expect(m.world.now - began).to.be.below(5 * 60_000);
    // A longer pause, asked for without a restart, lets it through.
    m.world.faults = { ...m.world.faults, reading: () => undefined };
    await m.loosen({ "database.writePauseSeconds": 600 }, "the night is quiet");
    await m.say({ command: "resume" });
    await m.reach("database.monitor");
    expect(m.world.effects).to.include("promote");
  });

  it("begins only inside a maintenance window, and waits for the next one by itself", async () => {
    const calendar = { maintenance: [{ days: ["sat"], from: "22:00", to: "23:00" }] };
    const m = await ModelService.open({ calendar, "approvals.validSeconds": 30 * 86_400 });
    await m.reach("database.approve");
    await m.say({ command: "advance", extent: "end" });
    const opens = nextMaintenance(currentConfig(await m.state).calendar, m.world.now);
    expect(opens).to.be.above(m.world.now);
    expect(await m.say({ command: "approve", step: "database.approve" }, "bob")).to.include({ status: "approval" });
    expect(m.world.now).to.be.within(opens, opens + 3_600_000);
    m.world.now = opens + 3_600_000;
    expect(await m.refused(approve, "bob")).to.match(/outside the maintenance windows; the next opens on sat .* 22:00 UTC/);
    m.world.now = nextMaintenance(currentConfig(await m.state).calendar, m.world.now) + 60_000;
    await m.say(approve, "bob");
    expect(m.world.effects).to.include("promote");
  });

  it("goes nowhere in a freeze, but back", async () => {
    const m = await ModelService.open();
    await m.reach("database.create-replica");
    const day = (offset: number) => new Date(m.world.now + offset * 86_400_000).toISOString().slice(0, 16);
    const frozen = await ModelService.open({ calendar: { freezes: [{ from: day(-1), to: day(2), why: "end of the year" }] } });
    expect(await frozen.refused({ command: "advance", extent: "step" })).to.match(/frozen until .*: end of the year\. Wait, or go back/);
    frozen.world.now += 3 * 86_400_000;
    expect(await frozen.reach("database.create-replica")).to.include({ status: "ready" });
    frozen.world.now -= 3 * 86_400_000;
    expect(await frozen.say({ command: "rollback", revision: 0, why: "no" })).to.include({ status: "held", revision: 2 });
  });
});

describe("approvals", () => {
  it("lapse when they grow old before their step begins", async () => {
    const m = await ModelService.open();
    await m.reach("database.maintenance-on");
    m.world.now += 25 * 3_600_000;
    const state = await m.say({ command: "advance", extent: "step" });
    expect(state.status).to.equal("approval");
    expect((await m.journal("approval.lapsed"))[0]?.why).to.contain("bob approved it more than 86400 s before it was used");
    expect(m.world.maintenance).to.equal(false);
  });

  it("promise 7: count for the preview that was seen, and for no other", async () => {
    const m = await ModelService.open();
    await m.reach("database.approve");
    const seen = (await m.say({ command: "advance", extent: "step" })).steps["database.approve"]?.preview;
    expect(seen?.changes.map((c) => c.name)).to.deep.equal(["database.role"]);
    expect(await m.refused({ command: "approve", step: "database.approve", preview: "another" }, "bob")).to.contain(
      "is not the one that was seen",
    );
    await m.say({ command: "approve", step: "database.approve", preview: seen?.digest ?? "" }, "bob");
    await m.reach("database.maintenance-on");
    // What the promotion would change is not what it was: somebody tuned a value that an alarm has.
    await m.say({ command: "tune", changes: { "gates.maxReplicaLagSeconds": 5 }, why: "stricter" });
    const state = await m.say({ command: "advance", extent: "end" });
    expect(state.status).to.equal("held");
    expect((await m.journal("approval.lapsed"))[0]).to.include({
      step: "database.approve",
      why: "what database.promote would change is not what bob approved",
    });
    expect(m.world.effects).to.not.include("promote");
    expect(m.world).to.include({ oldWrites: true, maintenance: false });
    expect(await m.position).to.equal("database.approve");
    expect(await m.say({ command: "resume" })).to.include({ status: "approval" });
  });
});

describe("tuning a running migration", () => {
  it("counts at once, is journaled with the person's name, and stands in the config from the next update on", async () => {
    const m = await ModelService.open();
    await m.reach("database.create-replica");
    await m.say({ command: "tune", changes: { "gates.maxErrorRate": 0.01 }, why: "stricter tonight" }, "carol");
    expect(currentConfig(await m.state).gates.maxErrorRate).to.equal(0.01);
    expect((await m.journal("command")).at(-1)).to.include({ who: "carol", command: "tune", why: "stricter tonight" });
    expect((await m.state).revisions.at(-1)?.config["cutover:gates"]).to.equal(undefined);
    await m.say({ command: "advance", extent: "step" });
    expect((await m.state).revisions.at(-1)?.config["cutover:gates"]).to.deep.equal({ maxErrorRate: 0.01 });
  });

  it("changes the weights that are still to come, and none that were reached", async () => {
    const m = await ModelService.open();
    await m.reach("traffic.dns-100");
    expect(await m.refused({ command: "tune", changes: { "dns.steps": [50, 100] }, why: "x" })).to.match(
      /changes\.dns\.steps.*accepted: weights that begin with those reached so far; traffic\.dns-25 is done/,
    );
    await m.say({ command: "tune", changes: { "dns.steps": [25, 60, 80, 100] }, why: "more carefully" });
    expect(await m.position).to.equal("traffic.dns-60");
    await m.reach("cleanup.soak");
    const weights = (await m.state).revisions.map((r) => (r.config["cutover:dns"] as { weights?: { new: number } }).weights?.new);
    expect([...new Set(weights.filter((w) => w !== undefined))]).to.deep.equal([0, 25, 60, 80, 100]);
    expect(m.world.violations).to.deep.equal([]);
  });

  it("promise 4: changes no soak that is over", async () => {
    const m = await ModelService.open();
    await m.reach("cleanup.list");
    expect(await m.refused({ command: "tune", changes: { "cleanup.soakSeconds": 172_800 }, why: "x" })).to.contain(
      "nothing any more: the soak is over",
    );
  });

  it("keeps the goal of an advance that is under way", async () => {
    const m = await ModelService.open();
    await m.reach("traffic.new-record");
    await m.say({ command: "tune", changes: { "dns.steps": [10, 40, 100] }, why: "x" });
    await m.say({ command: "advance", extent: "phase" });
    expect(await m.position).to.match(/^(optimize|cleanup)\./);
    expect((await m.state).shownNewWeight?.value).to.equal(100);
  });

  it("says what can be changed, and what is wrong with a value", async () => {
    const m = await ModelService.open();
    expect(await m.refused({ command: "tune", changes: { "dns.zoneId": "Z1" }, why: "x" })).to.match(
      /changes\.dns\.zoneId: got a path that cannot be tuned; accepted: one of gates\.maxErrorRate/,
    );
    expect(await m.refused({ command: "tune", changes: { "gates.maxErrorRate": 5 }, why: "x" })).to.match(/gates\.maxErrorRate: got 5/);
    expect(await m.refused({ command: "tune", changes: {}, why: "x" })).to.contain("changes: got nothing");
  });
});

describe("trouble beside any step", () => {
  const alarm = { id: "a1", source: "Alertmanager", reason: "HighErrorRate: error rate is 12 %" };

  it("goes back over the last step that changed what users get, DNS first, and answers the same alarm once", async () => {
    const m = await ModelService.open();
    await m.reach("traffic.dns-100");
    expect(m.world.applied.dns?.weights).to.deep.equal({ old: 75, new: 25 });
    expect(await m.migrations.alarm(STACK, alarm)).to.equal(true);
    const state = await m.migrations.settled(STACK);
    expect(state.status).to.equal("held");
    expect(state.heldReason).to.contain("traffic.dns-25: Alertmanager: HighErrorRate");
    expect(m.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    expect(await m.migrations.alarm(STACK, alarm)).to.equal(false);
    expect(await m.position).to.equal("traffic.dns-25");
  });

  it("holds and asks a person where the policy says so", async () => {
    const m = await ModelService.open({ "rollback.traffic": "ask" });
    await m.reach("traffic.dns-100");
    await m.migrations.alarm(STACK, alarm);
    const state = await m.migrations.settled(STACK);
    expect(state.heldReason).to.contain('The policy for traffic is "ask": revision');
    expect(m.world.applied.dns?.weights).to.deep.equal({ old: 75, new: 25 });
  });

  it("holds for a person once the clean-up has begun: there is no way back", async () => {
    const m = await ModelService.open();
    await m.reach("cleanup.terminate-instances");
    await m.migrations.alarm(STACK, alarm);
    const state = await m.migrations.settled(STACK);
    expect(state.status).to.equal("held");
    expect(state.heldReason).to.contain("HighErrorRate").and.to.contain("has begun its cleanup: there is no way back from there");
    await m.say({ command: "resume" });
    expect(await m.position).to.equal("cleanup.delete-load-balancer");
  });

  it("is found between steps by watching the new side for as long as it serves users", async () => {
    const m = await ModelService.open();
    await m.reach("traffic.dns-25");
    m.world.faults = { ...m.world.faults, reading: (name, side) => (name === "error-rate" && side === "new" ? known(0.2) : undefined) };
    for (let i = 0; i < 5; i += 1) await m.migrations.guardAll();
    expect(await m.journal("alarm"), "nobody is there yet").to.deep.equal([]);
    m.world.faults = { ...m.world.faults, reading: () => undefined };
    await m.reach("traffic.dns-100");
    m.world.faults = { ...m.world.faults, reading: (name) => (name === "error-rate" ? unknown("no answer") : undefined) };
    for (let i = 0; i < 5; i += 1) await m.migrations.guardAll();
    expect(await m.journal("alarm"), "unknown is nothing to go back for").to.deep.equal([]);
    m.world.faults = { ...m.world.faults, reading: (name, side) => (name === "error-rate" && side === "new" ? known(0.2) : undefined) };
    for (let i = 0; i < 3; i += 1) await m.migrations.guardAll();
    await m.migrations.settled(STACK);
    expect((await m.journal("alarm")).map((e) => e.reason)).to.deep.equal([
      "error-rate 20 % (accepted: at most 5 % of requests on the new side answered 5xx)",
    ]);
    expect(m.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    expect(m.failures).to.deep.equal([]);
  });

  it("is found while the calendar is waited for, for days, and wakes whoever waits", async () => {
    const usual = await ModelService.open();
    await usual.reach("traffic.dns-100");
    const at = (ms: number) => new Date(usual.world.now + ms).toISOString().slice(0, 16);
    // It begins while a quarter of the users is let in, in an advance that goes on from there.
    const freeze = { from: at(-5 * 60_000), to: at(3 * 86_400_000), why: "end of the year" };
    const m = await ModelService.open({ calendar: { freezes: [freeze] } });
    await m.reach("traffic.dns-25");
    let asleep = false;
    m.world.beforeSleep = async (until, signal) => {
      if (until - m.world.now < 86_400_000) return;
      asleep = true;
      await untilWoken(signal);
    };
    await m.migrations.command(STACK, { command: "advance", extent: "end" }, "alice");
    for (let i = 0; i < 500 && !asleep; i += 1) await new Promise((r) => setTimeout(r, 10));
    expect(await m.state).to.include({ status: "running" });
    expect(m.world.applied.dns?.weights).to.deep.equal({ old: 75, new: 25 });
    m.world.faults = { ...m.world.faults, reading: (name, side) => (name === "error-rate" && side === "new" ? known(0.2) : undefined) };
    for (let i = 0; i < 3; i += 1) await m.migrations.guardAll();
    expect(await m.journal("alarm")).to.have.length(1);
    expect(await m.migrations.settled(STACK)).to.include({ status: "held" });
    expect(m.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    expect(m.failures).to.deep.equal([]);
  });
});

describe("an approval that was given", () => {
  it("still counts after a pause that came in between", () => {
    const id = "assess.accept";
    const state = stateAfter(
      RAW,
      "assess.risks",
      { type: "step.started", step: id, attempt: 1 },
      { type: "command", command: "approve", step: id, who: "bob" },
      { type: "command", command: "pause", why: "a look", who: "alice" },
      { type: "command", command: "resume", who: "alice" },
    );
    expect(state.status).to.equal("running");
    expect(decide(modelPlan(), state)).to.deep.include({ entries: [{ type: "step.completed", step: id, attempt: 1 }] });
  });
});

describe("a way back that is held", () => {
  it("is resumed, and not approved: that would let the step run that is being undone", async () => {
    const m = await ModelService.open();
    await m.reach("traffic.dns-100");
    m.world.faults = { ...m.world.faults, fail: (kind) => (kind === "update" ? "terminal" : undefined) };
    expect((await m.say({ command: "rollback", revision: 0, why: "no" })).heldReason).to.contain("the way back failed");
    expect(await m.refused({ command: "approve", step: "traffic.dns-100" }, "bob")).to.contain("it is on its way back. Resume it");
    m.world.faults = { ...m.world.faults, fail: () => undefined };
    expect((await m.say({ command: "resume" })).heldReason).to.equal("Went back to revision 0: no");
  });
});

describe("a rollback", () => {
  it("leads to no revision that lies ahead", async () => {
    const m = await ModelService.open();
    await m.reach("database.monitor");
    const { revision } = await m.state;
    await m.say({ command: "rollback", revision: 0, why: "no" });
    expect(await m.refused({ command: "rollback", revision, why: "yes" })).to.match(
      /revision \d+ lies ahead: database\.\S+ is not done now\. Advance to come there again\./,
    );
  });
});

describe("an emergency", () => {
  it("overtakes a way back that takes its time, and is not asked for twice", async () => {
    const m = await ModelService.open();
    await m.reach("traffic.dns-100");
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const before = m.world.beforeSleep;
    m.world.beforeSleep = () => held;
    afterThisTest(release);
    await m.migrations.command(STACK, { command: "rollback", revision: 0, why: "slowly" }, "alice");
    for (let i = 0; i < 100 && (await m.state).status !== "returning"; i += 1) await new Promise((r) => setTimeout(r, 20));
    expect(await m.state).to.include({ status: "returning" });
    await m.migrations.command(STACK, { command: "emergency", why: "now" }, "alice");
    m.world.beforeSleep = before;
    release();
    const state = await m.migrations.settled(STACK);
    expect(state.heldReason).to.equal("Went back to revision 0: now");
    // Tried before the first user moved, and set now.
    expect(m.world.effects.filter((e) => e === "weights")).to.have.length.of.at.least(2);
    expect(m.world.violations).to.deep.equal([]);
    expect(m.world.applied.workload.deployed).to.equal(false);
    const [first, ...others] = await m.journal("rollback.started");
    expect([first?.why, ...others.map((e) => e.path[0]?.kind)]).to.deep.equal(["slowly", "undo"]);
  });

  it("takes all users back when a way back is held that was to leave some of them on the new side", async () => {
    const m = await ModelService.open();
    await m.reach("traffic.dns-100");
    m.world.faults = { ...m.world.faults, fail: (kind) => (kind === "update" ? "terminal" : undefined) };
    expect((await m.say({ command: "advance", extent: "step" })).heldReason).to.contain("the way back failed");
    expect(currentConfig(await m.state).dns?.weights).to.deep.equal({ old: 75, new: 25 });
    m.world.faults = { ...m.world.faults, fail: () => undefined };
    const state = await m.say({ command: "emergency", why: "now" });
    expect(state.heldReason).to.equal("Went back to revision 0: now".replace("0", String(state.revisions.at(-1)?.restores)));
    expect(currentConfig(state).dns?.weights).to.deep.equal({ old: 100, new: 0 });
    expect(m.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    const { path } = (await m.journal("rollback.started")).at(-1) ?? { path: [] };
    expect(path.slice(0, 2).map((i) => (i.kind === "config" ? i.dnsOnly : i.kind))).to.deep.equal(["undo", true]);
    expect(path.flatMap((i) => (i.kind === "config" ? [configOf(i, STACK).dns?.weights.new] : [])).every((w) => w === 0)).to.equal(true);
    expect(m.world.violations).to.deep.equal([]);
  });
});

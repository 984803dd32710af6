import { expect } from "chai";
import { decide } from "../../../src/automation/decide/decide.js";
import { actionViolations, configViolations } from "../../../src/automation/decide/promises.js";
import { wayBackBefore, wayBackTo } from "../../../src/automation/decide/wayBack.js";
import { gateNamed } from "../../../src/automation/gates/catalogue.js";
import type { Entry, PathItem } from "../../../src/automation/journal/entries.js";
import { buildPlan } from "../../../src/automation/plan/plan.js";
import type { GateStep } from "../../../src/automation/plan/step.js";
import { currentConfig, currentRevision, type MigrationState } from "../../../src/automation/state/state.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { Conflict, NotFound } from "../../../src/errors.js";
import { stateAfter } from "../history.js";
import { modelPlan, RAW, STACK } from "../model.js";

const PLAN = modelPlan();

const journalUpTo = (last: string, ...more: Entry[]): MigrationState => stateAfter(RAW, last, ...more);

const config = (state: MigrationState, patch: Record<string, unknown>) =>
  readConfig(patched(currentRevision(state).config, patch), "test", STACK);
const step = (id: string) => {
  const found = PLAN.find((s) => s.id === id);
  if (found === undefined) throw new Error(`no step ${id}`);
  return found;
};
const violated = (state: MigrationState, patch: Record<string, unknown>, by?: string) =>
  configViolations(state, currentConfig(state), config(state, patch), by === undefined ? undefined : step(by)).map((v) => v.promise);

describe("the way back", () => {
  it("promise 5: exists for every step up to the cleanup, and says what it loses", () => {
    for (const s of PLAN) {
      expect(s.wayBack.summary, s.id).to.not.equal("");
      if (s.phase !== "cleanup") expect(s.wayBack.summary, s.id).to.not.contain("no way back");
    }
    expect(step("database.promote").wayBack.loses).to.contain("what was written after this step");
  });

  it("sets the DNS weights back first, alone, before anything else is undone", () => {
    const { path } = wayBackBefore(PLAN, journalUpTo("traffic.dns-25"), "rollout.green-50");
    expect(path[0]).to.deep.include({ kind: "config", dnsOnly: true, summary: "Set the DNS weights back." });
    const first = path[0];
    expect(first?.kind === "config" && first.config["cutover:dns"]).to.deep.include({ records: "both", weights: { old: 100, new: 0 } });
  });

  it("undoes the maintenance window in reverse order", () => {
    const { path, crossesPointOfNoReturn } = wayBackBefore(PLAN, journalUpTo("database.lag-zero"), "database.maintenance-on");
    expect(path.map((p) => (p.kind === "undo" ? p.step : p.kind))).to.deep.equal(["database.stop-writes", "database.maintenance-on"]);
    expect(crossesPointOfNoReturn).to.equal(false);
  });

  it("keeps a promoted database promoted, and an adopted record in place, and says why", () => {
    const way = wayBackTo(PLAN, journalUpTo("database.maintenance-off"), 0);
    expect(way.crossesPointOfNoReturn).to.equal(true);
    const order = way.path.map((p) => (p.kind === "undo" ? p.step : "config"));
    expect(order.indexOf("database.maintenance-off")).to.equal(0);
    expect(order.indexOf("database.accept-writes")).to.be.lessThan(order.indexOf("database.stop-writes"));
    expect(order.indexOf("database.reverse-replication")).to.be.lessThan(order.indexOf("database.stop-writes"));
    const kept = way.path.flatMap((p) => (p.kind === "config" ? p.kept.map((k) => k.path) : []));
    expect(kept).to.include.members(["database.role", "dns.records"]);
  });

  it("promise 6: to the revision of the step under way keeps what that step applied, and goes on from there", () => {
    const id = "database.create-replica";
    const before = journalUpTo("containerize.deploy");
    const replica = step(id);
    const changed = patched(currentRevision(before).config, replica.kind === "config" ? replica.change(currentConfig(before)) : {});
    const update = { key: `${STACK}/${id}#1/update`, revision: 2 };
    const begun: Entry[] = [
      { type: "step.started", step: id, attempt: 1 },
      { type: "preview.stored", step: id, attempt: 1, preview: { changes: [], unchanged: 0, digest: "" }, blocked: [] },
      { type: "update.intended", ...update, step: id, config: changed, why: "", who: "alice" },
      { type: "update.succeeded", ...update, engineVersion: 0, changes: {}, durationMs: 1 },
    ];
    const applied = journalUpTo("containerize.deploy", ...begun);
    const { path, undoTo, loses, revision } = wayBackTo(PLAN, applied, 2);
    expect({ path, loses }).to.deep.equal({ path: [], loses: [] });
    const after = journalUpTo(
      "containerize.deploy",
      ...begun,
      { type: "rollback.started", revision, undoTo, path, why: "", who: "alice", automatic: false },
      { type: "rollback.completed", revision },
      { type: "command", command: "resume", who: "alice" },
    );
    expect(decide(PLAN, after)).to.include({ do: "sample" });
  });

  it("refuses a revision that does not exist, and any way back from an approved cleanup", () => {
    expect(() => wayBackTo(PLAN, journalUpTo("containerize.deploy"), 7)).to.throw(NotFound, "no revision 7");
    expect(() => wayBackTo(PLAN, journalUpTo("cleanup.approve"), 1)).to.throw(Conflict, "no way back");
  });
});

/** What a path does to a strategy: the values after each item, with the pause before it in seconds. */
function strategyAlong(path: PathItem[], ...keys: string[]) {
  return path.map((item) => {
    if (item.kind === "undo") return item.step;
    const strategy = item.config["cutover:strategy"] as Record<string, unknown>;
    return [...keys.map((key) => strategy[key]), item.afterSeconds ?? 0];
  });
}

describe("the way back of what carries the requests", () => {
  const CANARY = {
    ...RAW,
    "cutover:strategy": { kind: "canary", image: "example.org/web-api:1.1.0", steps: [{ setWeight: 20, pauseSeconds: 60 }] },
  };
  const canaryPlan = buildPlan(readConfig(CANARY, "test", STACK));

  it("promise 11: brings blue back, then sends it the requests, then takes green away, each only after the one before is in force", () => {
    const { path } = wayBackBefore(PLAN, journalUpTo("rollout.remove-blue"), "rollout.green-deploy");
    expect(strategyAlong(path, "blue", "greenWeight", "green")).to.deep.equal([
      [undefined, 100, true, 0],
      [undefined, 0, true, 60],
      [undefined, undefined, undefined, 60],
    ]);
  });

  it("promise 11: removes the new workload only after no resolver sends users there any more", () => {
    const { path } = wayBackTo(PLAN, journalUpTo("traffic.dns-25"), 1);
    const configs = path.flatMap((p) => (p.kind === "config" ? [p] : []));
    expect(configs[0]).to.include({ dnsOnly: true });
    expect(configs[1]?.afterSeconds).to.equal(120);
  });

  it("ramps back along the earlier weights where the application needs warm-up", () => {
    const strategy = { ...(RAW["cutover:strategy"] as object), weights: [5, 25, 50, 75, 100], abortRampSeconds: 600 };
    const raw = { ...RAW, "cutover:strategy": strategy };
    const { path } = wayBackBefore(buildPlan(readConfig(raw, "test", STACK)), stateAfter(raw, "rollout.green-75"), "rollout.green-5");
    expect(strategyAlong(path, "greenWeight")).to.deep.equal([
      [50, 0],
      [25, 150],
      [5, 150],
      [0, 150],
    ]);
  });

  it("aborts a canary at once, before the earlier image is applied", () => {
    const { path } = wayBackBefore(canaryPlan, stateAfter(CANARY, "rollout.canary"), "rollout.canary");
    expect(strategyAlong(path)).to.deep.equal(["rollout.canary", [0]]);
    const image = path.flatMap((p) => (p.kind === "config" ? [(p.config["cutover:workload"] as { image: string }).image] : []));
    expect(image).to.deep.equal(["example.org/web-api:1.0.0"]);
  });

  it("promotes a canary once when a person says so, and goes on watching", () => {
    const key = "k";
    const revision = 99;
    const config = patched(currentRevision(stateAfter(CANARY, "rollout.canary-take-over")).config, {
      "workload.image": "example.org/web-api:1.1.0",
    });
    const promoted = (...more: Entry[]) =>
      stateAfter(
        CANARY,
        "rollout.canary-take-over",
        { type: "step.started", step: "rollout.canary", attempt: 1 },
        { type: "update.intended", key, step: "rollout.canary", revision, config, why: "", who: "alice" },
        { type: "update.succeeded", key, revision, engineVersion: 0, changes: {}, durationMs: 1 },
        { type: "command", command: "promote", who: "alice" },
        ...more,
      );
    const decision = decide(canaryPlan, promoted());
    expect(decision).to.deep.include({ do: "act", undo: false });
    const effect = { key: decision.do === "act" ? decision.key : "", step: "rollout.canary", undo: false };
    expect(effect.key).to.match(/rollout\.canary#1\/promote-\d+$/);
    const intended: Entry = { type: "action.intended", ...effect };
    expect(decide(canaryPlan, promoted(intended)).do).to.equal("recover");
    const done: Entry = { type: "action.succeeded", ...effect, summary: "", marks: [] };
    expect(decide(canaryPlan, promoted(intended, done)).do).to.equal("sample");
    const failed: Entry = { type: "action.failed", ...effect, error: "no pause", transient: false };
    expect(decide(canaryPlan, promoted(intended, failed)).do).to.equal("sample");
  });

  it("promise 11: goes back from a Rollout to the Deployment step by step", () => {
    const { path } = wayBackBefore(canaryPlan, stateAfter(CANARY, "rollout.canary-take-over"), "rollout.canary-beside");
    expect(strategyAlong(path, "workload", "rolloutWeight")).to.deep.equal([
      ["both", 100, 0],
      ["both", 0, 60],
      [undefined, undefined, 60],
    ]);
  });

  it("promise 11: the Deployment stays until the load balancer's rule showed 100 % on the Rollout", () => {
    const over = (last: string) => {
      const state = stateAfter(CANARY, last);
      const next = readConfig(patched(currentRevision(state).config, { "strategy.workload": "rollout" }), "test", STACK);
      return configViolations(state, currentConfig(state), next, undefined).map((v) => v.promise);
    };
    expect(over("rollout.canary-beside")).to.deep.equal([11]);
    expect(over("rollout.canary-route")).to.deep.equal([]);
  });
});

describe("the promises as guards", () => {
  it("promise 1: no promotion before writes stopped and a lag of 0 was seen after that", () => {
    expect(violated(journalUpTo("database.stop-writes"), { "database.role": "primary" })).to.include(1);
    expect(violated(journalUpTo("database.lag-zero"), { "database.role": "primary" })).to.deep.equal([]);
    const reopened = journalUpTo(
      "database.lag-zero",
      { type: "action.intended", key: "u", step: "database.stop-writes", undo: true },
      { type: "action.succeeded", key: "u", step: "database.stop-writes", undo: true, summary: "", marks: ["old-writes-allowed"] },
    );
    expect(violated(reopened, { "database.role": "primary" })).to.include(1);
  });

  it("promise 2: the old record stays, and a weighted new one is not removed", () => {
    const state = journalUpTo("traffic.dns-25");
    expect(violated(state, { "dns.records": "old", "dns.weights": { old: 100, new: 0 } })).to.include(2);
    expect(violated(state, { "workload.deployed": false, "dns.records": "old", "dns.weights": { old: 100, new: 0 } })).to.include(2);
  });

  it("promise 3: no database change outside maintenance, and no writes on both sides", () => {
    expect(violated(journalUpTo("database.maintenance-off"), { "database.active": "old" })).to.include(3);
    const state = journalUpTo("database.maintenance-off");
    expect(actionViolations(state, step("database.stop-writes"), true).map((v) => v.promise)).to.include(3);
  });

  it("promise 4: nothing old goes before the soak and a second person's approval", () => {
    expect(actionViolations(journalUpTo("cleanup.soak"), step("cleanup.terminate-instances"), false).map((v) => v.promise)).to.deep.equal([
      4,
    ]);
    expect(actionViolations(journalUpTo("cleanup.approve"), step("cleanup.terminate-instances"), false)).to.deep.equal([]);
    const patch = { "dns.records": "new", "dns.weights": { old: 0, new: 100 } };
    expect(violated(journalUpTo("traffic.dns-100"), patch)).to.include(4);
    expect(violated(journalUpTo("cleanup.snapshot-available"), patch, "cleanup.remove-old-record")).to.deep.equal([]);
  });

  it("the old security groups go once nothing holds them: AWS removes a deleted database for minutes, and its interface last", () => {
    const at = (id: string) => PLAN.findIndex((s) => s.id === `cleanup.${id}`);
    expect(at("security-groups-unused")).to.be.above(
      Math.max(at("delete-database"), at("delete-load-balancer"), at("terminate-instances")),
    );
    expect(at("delete-security-groups")).to.equal(at("security-groups-unused") + 1);
    const { gates } = step("cleanup.security-groups-unused") as GateStep;
    expect(gates).to.deep.equal([{ gate: "security-groups-unused", holdSeconds: 0, timeoutSeconds: 86_400 }]);
    const { judge } = gateNamed("security-groups-unused");
    const c = currentConfig(journalUpTo("cleanup.approve"));
    expect([judge(2, c, undefined), judge(0, c, undefined)]).to.deep.equal(["pending", "pass"]);
  });

  it("promise 11: blue stays until the load balancer's rule showed 100 % green", () => {
    expect(violated(journalUpTo("rollout.green-50"), { "strategy.greenWeight": 100, "strategy.blue": false })).to.include(11);
    expect(violated(journalUpTo("rollout.green-100"), { "strategy.blue": false })).to.deep.equal([]);
  });
});

describe("the plan", () => {
  it("has all seven phases in order, each step once", () => {
    const ids = PLAN.map((s) => s.id);
    expect(new Set(ids).size).to.equal(ids.length);
    expect([...new Set(PLAN.map((s) => s.phase))]).to.deep.equal([
      "assess",
      "containerize",
      "database",
      "rollout",
      "traffic",
      "optimize",
      "cleanup",
    ]);
    for (const s of PLAN) {
      expect(s.id.startsWith(`${s.phase}.`), s.id).to.equal(true);
      expect(s.seed, s.id).to.not.equal("");
    }
  });
});

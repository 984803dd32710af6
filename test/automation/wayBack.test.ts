import { expect } from "chai";
import type { Entry, Recorded } from "../../src/automation/entries.js";
import { record } from "../../src/automation/journal.js";
import { patched } from "../../src/automation/orchestrator.js";
import { planDigest } from "../../src/automation/plan.js";
import { actionViolations, configViolations, statefulLosses } from "../../src/automation/promises.js";
import { currentConfig, currentRevision, fold, type MigrationState } from "../../src/automation/state.js";
import { wayBackBefore, wayBackTo } from "../../src/automation/wayBack.js";
import { readConfig } from "../../src/config/stackFile.js";
import { Conflict, NotFound } from "../../src/errors.js";
import { modelPlan, RAW, STACK } from "./model.js";

const PLAN = modelPlan();

/** The journal of a migration that went well up to and including a step. */
function journalUpTo(last: string, ...more: Entry[]): MigrationState {
  const entries: Recorded[] = [];
  const add = (entry: Entry): void => void entries.push(record(entry, entries.at(-1), entries.length * 1_000, 1));
  add({ type: "migration.created", stack: STACK, plan: planDigest(PLAN), config: RAW, why: "", who: "alice" });
  add({ type: "command", command: "advance", extent: "end", who: "alice" });
  let revision = 0;
  for (const step of PLAN) {
    add({ type: "step.started", step: step.id, attempt: 1 });
    const state = fold(entries, PLAN);
    if (step.kind === "approval") add({ type: "command", command: "approve", step: step.id, who: "bob" });
    if (step.kind === "action") {
      add({ type: "action.intended", key: step.id, step: step.id, undo: false });
      add({ type: "action.succeeded", key: step.id, step: step.id, undo: false, summary: "", marks: step.marks ?? [] });
    }
    if (step.kind === "config") {
      revision += 1;
      const config = patched(currentRevision(state).config, step.change(currentConfig(state)));
      add({ type: "update.intended", key: step.id, step: step.id, revision, config, why: step.title, who: "alice" });
      add({ type: "update.succeeded", key: step.id, revision, engineVersion: 0, changes: {}, durationMs: 1 });
    }
    if (step.kind === "gate" || step.kind === "config") {
      const at = entries.length * 1_000;
      const value = { "lag-zero": 0, "dns-weight": 100, "green-weight": 100 } as Record<string, number>;
      add({
        type: "gates.passed",
        step: step.id,
        heldMs: 0,
        gates: step.gates.map((g) => ({
          gate: g.gate,
          accepts: "",
          verdict: "pass",
          last: g.expect ?? value[g.gate] ?? 1,
          shown: "",
          samples: 1,
          source: "test",
          at,
        })),
      });
    }
    add({ type: "step.completed", step: step.id, attempt: 1 });
    if (step.id === last) break;
  }
  for (const entry of more) add(entry);
  return fold(entries, PLAN);
}

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

  it("refuses a revision that does not exist, and any way back from an approved cleanup", () => {
    expect(() => wayBackTo(PLAN, journalUpTo("containerize.deploy"), 7)).to.throw(NotFound, "no revision 7");
    expect(() => wayBackTo(PLAN, journalUpTo("cleanup.approve"), 1)).to.throw(Conflict, "no way back");
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

  it("promise 7: a replacement or deletion of what holds data is found", () => {
    const change = (op: "replace" | "update" | "delete", type: string) => ({ urn: "u", type, name: "n", op, diff: [] });
    expect(
      statefulLosses([
        change("replace", "aws:rds/instance:Instance"),
        change("update", "aws:rds/instance:Instance"),
        change("delete", "kubernetes:core/v1:Service"),
      ]),
    ).to.have.length(1);
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

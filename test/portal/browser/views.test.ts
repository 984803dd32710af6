import { expect } from "chai";
import { linear, ticks, timeTicks } from "../../../src/portal/browser/lib/scale.js";
import type { Migration, Step } from "../../../src/portal/browser/lib/types.js";
import { valueAt } from "../../../src/portal/browser/views/chart.js";
import type { DialogState } from "../../../src/portal/browser/views/dialogState.js";
import { layout } from "../../../src/portal/browser/views/graph.js";
import { ahead, asksForName } from "../../../src/portal/browser/views/intent.js";

const step = (id: string, more: Partial<Step> = {}) =>
  ({ id, phase: id.split(".")[0], kind: "action", pointOfNoReturn: false, ...more }) as Step;
const STEPS = [
  step("database.approve", { kind: "approval" }),
  step("database.stop-writes"),
  step("database.promote", { pointOfNoReturn: true }),
  step("rollout.green"),
  step("traffic.webhooks", { kind: "approval" }),
  step("cleanup.approve", { kind: "approval", pointOfNoReturn: true }),
];
const at = (id: string, more: Partial<Migration> = {}) => ({ status: "ready", goal: 0, step: { id }, ...more }) as Migration;
const ids = (m: Migration, extent: Parameters<typeof ahead>[2]) => ahead(m, STEPS, extent).run.map((s) => s.id);
const dialog = (more: Partial<DialogState>) => ({ action: "advance", extent: "step", ...more }) as DialogState;

describe("what a dialog says will run", () => {
  it("ends with the step, the phase, or the next decision of a person", () => {
    const m = at("database.stop-writes");
    expect(ids(m, "step")).to.deep.equal(["database.stop-writes"]);
    expect(ids(m, "phase")).to.deep.equal(["database.stop-writes", "database.promote"]);
    expect(ids(m, "end")).to.deep.equal(["database.stop-writes", "database.promote", "rollout.green"]);
    expect(ahead(m, STEPS, "end").stopsAt?.id).to.equal("traffic.webhooks");
  });

  it("goes on after an approval only as far as it was advanced", () => {
    expect(ids(at("database.approve", { status: "approval", goal: 1 }), "goal")).to.deep.equal([]);
    expect(ids(at("database.approve", { status: "approval", goal: 3 }), "goal")).to.deep.equal([
      "database.stop-writes",
      "database.promote",
    ]);
  });

  it("asks for the name exactly where something cannot be undone", () => {
    const writes = at("database.stop-writes");
    expect(asksForName(dialog({ extent: "step" }), writes, STEPS)).to.equal(false);
    expect(asksForName(dialog({ extent: "phase" }), writes, STEPS)).to.equal(true);
    expect(asksForName(dialog({ action: "approve" }), at("database.approve", { status: "approval", goal: 1 }), STEPS)).to.equal(false);
    expect(asksForName(dialog({ action: "approve" }), at("database.approve", { status: "approval", goal: 6 }), STEPS)).to.equal(true);
    expect(asksForName(dialog({ action: "approve" }), at("cleanup.approve", { status: "approval", goal: 6 }), STEPS)).to.equal(true);
    const way = { crossesPointOfNoReturn: false, loses: [], path: [], revision: 1, undoTo: 0 };
    expect(asksForName(dialog({ action: "rollback", way }), writes, STEPS)).to.equal(false);
    expect(asksForName(dialog({ action: "rollback", way: { ...way, loses: ["an hour of writes"] } }), writes, STEPS)).to.equal(true);
    expect(asksForName(dialog({ action: "abort" }), writes, STEPS)).to.equal(true);
    expect(asksForName(dialog({ action: "emergency" }), writes, STEPS), "nothing may stand in an emergency's way").to.equal(false);
  });
});

describe("the charts", () => {
  it("have round ticks that reach above the highest value", () => {
    expect(ticks(0.0541, 4)).to.deep.equal([0, 0.02, 0.04, 0.06]);
    expect(ticks(1.08, 4)).to.deep.equal([0, 0.5, 1, 1.5]);
    const hour = 3_600_000;
    expect(timeTicks(0.5 * hour, 4.2 * hour, 4)).to.deep.equal({ at: [hour, 2 * hour, 3 * hour, 4 * hour], days: false });
    expect(timeTicks(0, 70 * 24 * hour, 5).days).to.equal(true);
    expect(linear([0, 10], [100, 0])(2.5)).to.equal(75);
  });

  it("read an old value as unknown, but a weight as standing until the next", () => {
    const points = [{ at: 0, value: 10 }];
    expect(valueAt(points, 60_000)).to.equal(10);
    expect(valueAt(points, 2 * 3_600_000)).to.equal(undefined);
    expect(valueAt(points, 2 * 3_600_000, true)).to.equal(10);
  });
});

describe("the graph of dependencies", () => {
  it("stands who needs something left of it, and ends also where a supplement goes round", () => {
    const node = (id: string) => ({ id, label: id, kind: "application" as const });
    const { placed } = layout({
      nodes: ["portal", "api", "db"].map(node),
      edges: [
        { from: "portal", to: "api" },
        { from: "api", to: "db" },
      ],
    });
    expect(placed.map((n) => n.x)).to.deep.equal([...placed.map((n) => n.x)].sort((a, b) => a - b));
    expect(
      layout({
        nodes: ["a", "b"].map(node),
        edges: [
          { from: "a", to: "b" },
          { from: "b", to: "a" },
        ],
      }).placed,
    ).to.have.length(2);
  });
});

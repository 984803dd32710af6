import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { buildPlan } from "../../src/automation/plan/plan.js";
import { fold } from "../../src/automation/state/evolve.js";
import type { MigrationState } from "../../src/automation/state/state.js";
import { StackFile } from "../../src/config/stackFile.js";
import { projectRoot } from "../../src/engine/engine.js";
import { parseInventory } from "../../src/inventory/csv.js";
import { checklists } from "../../src/readModels/checklists.js";
import { inventoryView } from "../../src/readModels/dependencies.js";
import { riskViews } from "../../src/readModels/risks.js";
import { SEED_CHECKLISTS } from "../../src/readModels/seedChecklists.js";
import { ModelStore, ModelWorld, modelPlan, RAW, STACK } from "../automation/model.js";

const STACKS = join(projectRoot(), "stacks");

describe("the guide's checklists", () => {
  it("have every box of the guide's database cutover, word for word and in its order", async () => {
    const guide = await readFile(join(projectRoot(), "test", "fixtures", "checklists", "database-cutover-checklist.md"), "utf8");
    const boxes = [...guide.matchAll(/^- \[ \] (.+)$/gm)].map(([, text]) => text);
    const ours = SEED_CHECKLISTS.filter((l) => ["pre-migration", "during-window", "post-migration"].includes(l.id));
    expect(boxes).to.have.length(18);
    expect(ours.flatMap((l) => l.items.map((i) => i.text))).to.deep.equal(boxes);
    expect([...guide.matchAll(/^## (.+)$/gm)].map(([, title]) => title?.toLowerCase())).to.deep.equal(
      ours.map((l) => l.title.toLowerCase()),
    );
  });

  it("name only steps that some plan has, so that no line can stay empty for ever", async () => {
    const ids = new Set(["rollout.canary-beside", "rollout.argo-install", "rollout.canary"]);
    for (const stack of await StackFile.list(STACKS)) {
      const file = await StackFile.read(STACKS, stack);
      for (const step of buildPlan(withSecrets(file))) ids.add(step.id);
    }
    const unknown = SEED_CHECKLISTS.flatMap((l) => l.items.flatMap((i) => i.steps)).filter((id) => !ids.has(id));
    expect(unknown).to.deep.equal([]);
  });

  const plan = modelPlan();
  const begun = async (): Promise<MigrationState> => {
    const store = new ModelStore(new ModelWorld());
    const digest = "0".repeat(64);
    await store.append(STACK, { type: "migration.created", stack: STACK, plan: digest, config: RAW, why: "a test", who: "ana" }, 1);
    return fold(await store.entries(STACK), plan);
  };
  const line = (state: MigrationState, text: string) =>
    checklists(plan, state)
      .flatMap((l) => l.items)
      .find((i) => i.text === text);

  it("are ticked by what a step left, and only once every step of a line is done", async () => {
    const state = await begun();
    expect(line(state, "Enable maintenance mode on application")).to.deep.include({ tick: "waiting" });
    const done = { status: "done" as const, attempt: 1, failures: 0, completedAt: 5, evidence: "Maintenance mode is on." };
    const later = {
      ...state,
      steps: { "database.maintenance-on": done, "database.accept-writes": { ...done, evidence: "It accepts writes." } },
    };
    expect(line(later, "Enable maintenance mode on application")).to.deep.include({
      tick: "done",
      at: 5,
      evidence: "Maintenance mode is on.",
    });
    const half = line(later, "Disable maintenance mode");
    expect(half).to.deep.include({ tick: "running" }).and.not.have.property("at");
    const undone = { ...state, steps: { "database.maintenance-on": { ...done, status: "undone" as const } } };
    expect(line(undone, "Enable maintenance mode on application")).to.deep.include({ tick: "undone" }).and.not.have.property("evidence");
  });

  it("show the reading of the gate that a line is about", async () => {
    const gate = {
      gate: "lag-zero",
      accepts: "a lag of 0 s",
      verdict: "pass" as const,
      last: 0,
      shown: "0 s",
      samples: 3,
      source: "prometheus",
    };
    const state = {
      ...(await begun()),
      steps: { "database.lag-zero": { status: "done" as const, attempt: 1, failures: 0, gates: [gate] } },
    };
    expect(line(state, "Wait for replication lag to reach 0")?.evidence).to.equal("lag-zero 0 s (a lag of 0 s) by prometheus.");
  });

  it("a risk counts as mitigated once all steps that mitigate it are done", async () => {
    const state = await begun();
    const standing = (s: MigrationState) => riskViews(plan, s, undefined).find((r) => r.id === "database-downtime")?.standing;
    const done = { status: "done" as const, attempt: 1, failures: 0 };
    expect(standing(state)).to.equal("open");
    expect(standing({ ...state, steps: { "database.create-replica": done } })).to.equal("open");
    expect(standing({ ...state, steps: { "database.create-replica": done, "database.promote": done } })).to.equal("mitigated");
  });
});

describe("the dependency graph", () => {
  it("has each application with its wave, each service once whatever it is called, and consumers from outside", async () => {
    const file = join(STACKS, "applications.csv");
    const supplement = { "web-api": { dependsOn: ["PostgreSQL database (RDS)", "SES for email"], consumedBy: ["mobile-app"] } };
    const { applications, graph } = inventoryView(parseInventory(await readFile(file), file), supplement);
    expect(applications.map((a) => [a.name, a.wave])).to.deep.equal([
      ["web-api", 1],
      ["admin-portal", 2],
      ["batch-processor", 1],
    ]);
    expect(graph.nodes.filter((n) => n.id === "PostgreSQL")).to.have.length(1);
    expect(graph.edges).to.deep.include({ from: "mobile-app", to: "web-api" });
    expect(graph.edges).to.deep.include({ from: "web-api", to: "SES" });
    expect(graph.edges.filter((e) => e.from === "admin-portal" && e.to === "web-api")).to.have.length(1);
  });
});

/** The sample files hold no secrets; a plan does not depend on them. */
function withSecrets(file: StackFile) {
  const raw = file.raw();
  const secrets = {
    "database-password": { secure: "v1:sealed" },
    "database-url": { secure: "v1:sealed" },
    "redis-url": { secure: "v1:sealed" },
  };
  return StackFile.parse(file.path, file.stack, JSON.stringify({ config: { ...raw, "cutover:secrets": secrets } })).config();
}

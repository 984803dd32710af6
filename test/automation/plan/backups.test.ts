import { expect } from "chai";
import { gateNamed } from "../../../src/automation/gates/catalogue.js";
import { buildPlan } from "../../../src/automation/plan/plan.js";
import type { ApprovalStep, Step } from "../../../src/automation/plan/step.js";
import { type ConfigPatch, patched, readConfig } from "../../../src/config/stackFile.js";
import { RAW, STACK } from "../model.js";

const configOf = (patch: ConfigPatch) => readConfig(patched(RAW, patch), "test", STACK);
const planOf = (patch: ConfigPatch) => buildPlan(configOf(patch));
const step = (plan: readonly Step[], id: string): Step => {
  const found = plan.find((s) => s.id === id);
  if (found === undefined) throw new Error(`no step ${id}`);
  return found;
};

describe("backups of the new database in the plan", () => {
  it("[providers-2] are completed before the go where the replica has them; where not, the go says what the pause really covers", () => {
    const go = (patch: ConfigPatch) => step(planOf(patch), "database.go") as ApprovalStep;
    const without = go({});
    expect(without.gates.map((g) => g.gate)).to.not.include("replica-backup");
    expect(without.asks).to.match(
      /^Go: may writes stop and the cutover run\? .* after at most 60 s, .* first backup of all of 500 GB: users cannot write until/,
    );
    const withBackups = go({ "database.backup": { onReplica: true } });
    expect(withBackups.gates.map((g) => g.gate)).to.include("replica-backup");
    expect(withBackups.asks).to.equal("Go: may writes stop and the cutover run?");
    const gate = gateNamed("replica-backup");
    const config = configOf({ "database.backup": { onReplica: true, maxAgeSeconds: 7_200 } });
    expect(gate.judge(7_200, config, undefined)).to.equal("pass");
    expect(gate.judge(7_201, config, undefined)).to.equal("pending");
  });

  it("[providers-8] are read back from RDS after the promotion, and what is missing is mended, before the phase counts as done", () => {
    const plan = planOf({});
    const ids = plan.map((s) => s.id);
    expect(ids.indexOf("database.protect")).to.be.above(ids.indexOf("database.maintenance-off"));
    expect(ids.indexOf("database.protect")).to.be.below(ids.indexOf("database.backup"));
    const { gates } = step(plan, "database.backup") as Extract<Step, { kind: "gate" }>;
    expect(gates.map((g) => g.gate)).to.include.members(["backup-retention", "database-protected"]);
  });
});

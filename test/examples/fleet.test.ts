import { expect } from "chai";
import { buildPlan } from "../../src/automation/plan/plan.js";
import { readConfig } from "../../src/config/stackFile.js";
import { violationsOf } from "../../src/policies/enforce.js";
import { FLEET, programOf, sampleStacks } from "../support/samples.js";

/** What of the fifteen cannot be expressed, by name: the README of the folder says why. */
const OPEN = { "n8n-production": 1, "n8n-staging": 1 };

describe("fifteen real applications", function () {
  this.timeout(120_000);

  it("[applications-12] each is a stack config with a plan, whose resources no policy refuses", async () => {
    const samples = await sampleStacks(FLEET);
    expect(samples).to.have.length(30);
    for (const { stack, raw } of samples) {
      const config = readConfig(raw, stack, stack);
      const steps = buildPlan(config).map((s) => s.id);
      if (stack.endsWith("-production")) expect(steps, stack).to.include.members(["traffic.dns-100", "cleanup.close"]);
      const deployed = readConfig({ ...raw, "cutover:workload": { ...(raw["cutover:workload"] as object), deployed: true } }, stack, stack);
      const waivers = deployed.policies.waivers;
      for (const { type, name, sealed } of await programOf(deployed))
        expect(violationsOf(name, { type, props: sealed }, waivers), `${stack} ${type} ${name}`).to.deep.equal([]);
    }
  });

  it("nothing is open in any of them but what the README names", async () => {
    const open: Record<string, number> = {};
    for (const { stack, raw } of await sampleStacks(FLEET)) {
      const { questions } = readConfig(raw, stack, stack);
      if (questions.length > 0) open[stack] = questions.length;
    }
    expect(open).to.deep.equal(OPEN);
  });
});

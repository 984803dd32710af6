import { expect } from "chai";
import { buildPlan } from "../../src/automation/plan/plan.js";
import { readConfig } from "../../src/config/stackFile.js";
import { violationsOf } from "../../src/policies/enforce.js";
import { FLEET, programOf, sampleStacks } from "../support/samples.js";

describe("fifteen real applications", function () {
  this.timeout(120_000);

  it("[applications-12] each is a stack config with a plan, whose resources no policy refuses", async () => {
    const samples = await sampleStacks(FLEET);
    expect(samples).to.have.length(30);
    for (const { stack, raw } of samples) {
      const config = readConfig(raw, stack, stack);
      const steps = buildPlan(config).map((s) => s.id);
      const moved = config.workload.once ? "traffic.once-start" : "traffic.dns-100";
      if (stack.endsWith("-production")) expect(steps, stack).to.include.members([moved, "cleanup.close"]);
      const deployed = readConfig({ ...raw, "cutover:workload": { ...(raw["cutover:workload"] as object), deployed: true } }, stack, stack);
      const waivers = deployed.policies.waivers;
      for (const { type, name, sealed } of await programOf(deployed))
        expect(violationsOf(name, { type, props: sealed }, waivers), `${stack} ${type} ${name}`).to.deep.equal([]);
    }
  });

  it("nothing is open in any of them", async () => {
    for (const { stack, raw } of await sampleStacks(FLEET)) expect(readConfig(raw, stack, stack).questions, stack).to.deep.equal([]);
  });
});

import { join } from "node:path";
import { expect } from "chai";
import { STEP } from "../../../src/automation/plan/ids.js";
import { buildPlan } from "../../../src/automation/plan/plan.js";
import { StackFile } from "../../../src/config/stackFile.js";
import { projectRoot } from "../../../src/engine/engine.js";

describe("the ids of steps", () => {
  it("that others ask about are ids of steps that a plan of the example stacks has", async () => {
    const folder = join(projectRoot(), "stacks");
    const stacks = await Promise.all((await StackFile.list(folder)).map((s) => StackFile.read(folder, s)));
    const ids = stacks.flatMap((file) => buildPlan(file.shape()).map((step) => step.id));
    expect(ids).to.include.members(Object.values(STEP));
  });
});

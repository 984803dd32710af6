import { expect } from "chai";
import { STACK } from "../automation/model.js";
import { peopleOf } from "../support/people.js";
import { modelService } from "./service.js";

describe("the command emergency", () => {
  it("says that it stands in the journal, and how to do it by hand, when the service goes away meanwhile", async () => {
    const service = await modelService();
    await peopleOf(service.migrations, STACK).standBefore("traffic.dns-100");
    // The way back takes its time.
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const journaled = new Promise<void>((resolve) => {
      service.migrations.onProgress(({ entry }) => entry.type === "action.intended" && resolve());
    });
    service.world.faults = { ...service.world.faults, fail: (kind) => (kind === "update" ? "transient" : undefined) };
    service.world.beforeSleep = () => held;
    const ran = service.run(["emergency", STACK, "--wait", "3"]);
    await journaled;
    const closed = service.close();
    release();
    await closed;
    const { code, stderr } = await ran;
    expect([code, stderr]).to.deep.equal([5, stderr]);
    expect(stderr)
      .to.contain("The emergency stands in the journal: its next process goes on with it.")
      .and.contain("Set the weights in Route 53 yourself");
    expect(service.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
  });
});

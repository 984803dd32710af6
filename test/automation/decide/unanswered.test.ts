import { expect } from "chai";
import { NO_FAULTS, RAW } from "../model.js";
import { ModelService } from "../service.js";

const { loadBalancerArn: _, ...addresses } = RAW["cutover:old"] as Record<string, unknown>;

describe("[observing-7] a step whose gates nothing can answer", () => {
  it("does not begin, and says which gate and what to do: nobody is moved for a reading that never comes", async () => {
    const m = await ModelService.open({
      database: undefined,
      "workload.secretEnv": {},
      old: { ...addresses, databaseIdentifier: undefined },
    });
    await m.reach("traffic.dns-25");
    const before = m.world.now;
    const state = await m.say({ command: "advance", extent: "step" });
    expect(state.status).to.equal("held");
    expect(state.heldReason)
      .to.contain("traffic.dns-25 does not begin")
      .and.contain("traffic-share: old side: ")
      .and.contain("sources.old");
    expect([state.steps["traffic.dns-25"]?.status ?? "waiting", m.world.applied.dns?.weights.new]).to.deep.equal(["waiting", 0]);
    expect(m.world.now - before, "nothing is waited for").to.equal(0);
    // Whoever tries again hears it again.
    expect((await m.say({ command: "resume" })).heldReason).to.equal(state.heldReason);
    expect(m.failures).to.deep.equal([]);
  });

  it("asks no person for a go that could never take effect, and so stops no writes", async () => {
    const m = await ModelService.open({ old: addresses });
    await m.reach("database.go");
    m.world.faults = NO_FAULTS;
    const state = await m.say({ command: "advance", extent: "end" });
    expect(state.status).to.equal("held");
    expect(state.heldReason).to.contain("database.go does not begin").and.contain("old-error-rate: ");
    expect(m.world.oldWrites).to.equal(true);
  });

  it("goes on once the config has a source", async () => {
    const source = { kind: "prometheus", labels: { job: "web-api-ec2" } };
    const m = await ModelService.open({ old: addresses, "sources.old": source });
    await m.reach("traffic.dns-100");
    expect(m.world.applied.dns?.weights.new).to.equal(25);
  });
});

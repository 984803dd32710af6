import { expect } from "chai";
import { momentOf } from "../../src/readModels/moment.js";
import { STACK } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { peopleOf } from "../support/people.js";

describe("a migration at this moment", () => {
  it("[people-16] counts the write pause's budget until the promotion begins, and its length until somebody can write again", async () => {
    const service = modelService().start();
    const { stack } = await peopleOf(service, STACK).standBefore("traffic.webhooks");
    const migration = await service.get(stack);
    const { state } = migration;
    const at = (now: number, round = { at: now, values: {} as Record<string, number | null> }) =>
      momentOf({ migration, now, round, resources: [], before: undefined, wall: 0 });
    const { writePause, health } = at(state.updatedAt);
    expect(writePause?.since).to.equal(state.marks["old-writes-stopped"]?.at);
    expect(writePause?.promotionAt).to.equal(state.steps["database.promote"]?.startedAt);
    expect(writePause?.endedAt).to.equal(state.marks["new-writes-allowed"]?.at);
    expect(writePause?.budgetMs).to.equal(60_000);
    expect(health.state, "nobody could measure it").to.equal("unknown");
    const good = { "errors old": 0.001, "latency old": 0.2, "errors new": 1 };
    const now = state.updatedAt;
    expect(at(now, { at: now, values: good }).health.state, "nobody is on the new side").to.equal("healthy");
    expect(at(now, { at: now, values: { ...good, "errors old": 0.06 } }).health).to.deep.include({ state: "unhealthy" });
    expect(at(now, { at: now, values: { ...good, "latency old": null } }).health.state).to.equal("unknown");
    expect(at(now + 61_000, { at: now, values: good }).health.state, "promise 10: an old reading").to.equal("unknown");
    expect(at(now).byHand, "there are no two records yet").to.deep.equal([]);
    await service.close();
  });
});

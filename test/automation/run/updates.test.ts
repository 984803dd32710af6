import { expect } from "chai";
import { currentConfig } from "../../../src/automation/state/state.js";
import { unknown } from "../../../src/ports/observations.js";
import { STACK } from "../model.js";
import { failing, ModelService } from "../service.js";

const DEPLOY = "containerize.deploy";
const SETTLED = "What an unfinished update had begun was settled.";

/** What became of updates, and of what failed ones had begun, in order. */
async function told(m: ModelService): Promise<string[]> {
  return (await m.store.entries(STACK)).flatMap((e) => {
    if (e.type === "update.failed") return [`${e.unsettled === true ? "open" : "failed"}: ${e.error}`];
    if (e.type === "runner.recovered") return [e.note];
    return e.type === "update.succeeded" || e.type === "rollback.completed" ? [e.type] : [];
  });
}

describe("what a failed update had begun", () => {
  it("promise 6: is settled before the update is made again, as often as that takes", async () => {
    const m = await ModelService.open();
    await m.reach(DEPLOY);
    failing(m, { update: ["timed out"], recovery: ["transient", "transient"] });
    await m.say({ command: "advance", extent: "step" });
    expect(await told(m)).to.deep.equal([
      "open: the update was done and not answered in time",
      "failed: the recovery was not answered",
      "failed: the recovery was not answered",
      SETTLED,
      "update.succeeded",
    ]);
    expect(m.world.violations).to.deep.equal([]);
  });

  it("is settled by the next process too, when the one before has ended", async () => {
    const m = await ModelService.open();
    await m.reach(DEPLOY);
    failing(m, { update: ["timed out"], recovery: "transient" });
    expect(await m.say({ command: "advance", extent: "step" })).to.include({ status: "held" });
    await m.migrations.close();
    failing(m, {});
    const next = await m.again();
    await next.say({ command: "resume" });
    await next.say({ command: "resume" });
    expect((await told(next)).filter((t) => t === SETTLED)).to.have.length(1);
    expect((await next.state).steps[DEPLOY]).to.include({ status: "done" });
    expect(m.world.violations).to.deep.equal([]);
  });

  it("promise 5: is not in the way of going back when it cannot be settled for good; forward it is", async () => {
    const m = await ModelService.open();
    await m.reach(DEPLOY);
    failing(m, { update: ["timed out"], recovery: "terminal" });
    const state = await m.say({ command: "advance", extent: "step" });
    expect(state.heldReason).to.contain("Went back to revision 0");
    expect(await told(m)).to.deep.equal([
      "open: the update was done and not answered in time",
      "failed: the recovery was refused",
      "What an unfinished update had begun could not be settled, and the way back goes on without: the recovery was refused",
      "update.succeeded",
      "rollback.completed",
    ]);
    // It is not forgotten by that.
    failing(m, {});
    await m.say({ command: "resume" });
    expect((await told(m)).slice(5)).to.deep.equal([SETTLED, "update.succeeded"]);
    expect(m.world.violations).to.deep.equal([]);
  });

  it("does not hold up the weights: a way back settles the weighted records alone before it sets them", async () => {
    const m = await ModelService.open();
    await m.reach("traffic.dns-100");
    // Four tries, and then of the way back what comes after the records.
    const late = "timed out" as const;
    failing(m, { update: [late, late, late, late, undefined, late], recovery: "transient" });
    await m.say({ command: "advance", extent: "step" });
    failing(m, { recovery: "transient" });
    const state = await m.say({ command: "rollback", revision: 0, why: "users see errors" });
    expect(state.heldReason).to.contain("the recovery was not answered");
    expect(m.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    expect(await told(m)).to.include("What an unfinished update had begun on the weighted records was settled.");
    const before = (await told(m)).length;
    failing(m, {});
    expect((await m.say({ command: "resume" })).heldReason).to.equal("Went back to revision 0: users see errors");
    expect((await told(m)).slice(before).filter((t) => t === SETTLED)).to.have.length(1);
    expect(m.world.violations).to.deep.equal([]);
  });

  for (const promoted of [true, false]) {
    it(`promise 3: leaves the database ${promoted ? "a primary" : "a replica"} when a promotion failed that had ${promoted ? "" : "not "}been done`, async () => {
      const m = await ModelService.open();
      await m.reach("database.promote");
      const before = (await m.state).revision;
      // The write pause ends first, and the way back begins with nothing known.
      failing(m, { update: promoted ? "timed out" : "lost", recovery: "transient" });
      expect((await m.say({ command: "advance", extent: "step" })).heldReason).to.contain("the way back failed");
      // Users write to the old database meanwhile.
      expect([m.world.oldWrites, m.world.newWrites, m.world.maintenance]).to.deep.equal([true, false, false]);
      // The database answers the third time that it is asked.
      const silences = [unknown("no answer"), unknown("no answer")];
      m.world.faults = { ...m.world.faults, reading: (name) => (name === "database-primary" ? silences.shift() : undefined) };
      failing(m, {});
      const state = await m.say({ command: "resume" });
      expect(state.heldReason).to.equal(`Went back to revision ${before}: ${(await m.journal("rollback.started"))[0]?.why}`);
      expect(silences).to.deep.equal([]);
      const role = promoted ? "primary" : "replica";
      expect([m.world.applied.database?.role, currentConfig(state).database?.role]).to.deep.equal([role, role]);
      expect((await m.journal("update.intended")).at(-1)?.kept ?? []).to.have.length(promoted ? 1 : 0);
      expect(m.world.violations).to.deep.equal([]);
    });
  }
});

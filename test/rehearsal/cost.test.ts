import { expect } from "chai";
import type { Recorded } from "../../src/automation/journal/entries.js";
import type { Migrations } from "../../src/automation/migrations.js";
import type { Plan } from "../../src/automation/plan/plan.js";
import { rollbackCosts, waysBack } from "../../src/rehearsal/cost.js";
import { framesOf } from "../../src/rehearsal/frames.js";
import { turningPoints } from "../../src/rehearsal/text.js";
import { STACK, WITH_WEB_ONCE } from "../automation/model.js";
import { modelService as modelParts } from "../automation/modelService.js";
import { type ModelService, modelService } from "../cli/service.js";
import { peopleOf } from "../support/people.js";

const MINUTE = 60_000;

/** A migration that stood before a step, and that a person took back by a revision from there. */
async function takenBack(migrations: Migrations, before: string): Promise<void> {
  const { say, standBefore } = peopleOf(migrations, STACK);
  const { revision } = await standBefore(before);
  await say({ command: "rollback", revision: revision - 1, why: "a test" });
}

describe("what going back costs", function () {
  this.timeout(60_000);
  let service: ModelService;
  let entries: Recorded[];
  let plan: Plan;
  let wentBackAt: number;

  /** A migration with half its users on the new side, which a person takes back from there. */
  before(async () => {
    service = await modelService();
    const { migrations } = service;
    await takenBack(migrations, "traffic.dns-100");
    entries = await migrations.journal(STACK);
    ({ plan } = await migrations.get(STACK));
    wentBackAt = entries.find((e) => e.type === "rollback.started")?.at ?? 0;
  });
  after(() => service.close());

  it("is minutes for users only while some are on the new side, and says what is lost after the promotion", () => {
    const costs = new Map(waysBack(plan, entries).map((c) => [c.step, c]));
    expect(costs.get("assess.inventory")).to.include({ possible: true, usersMinutes: 0, minutes: 0, items: 0 });
    expect(costs.get("containerize.deploy")?.loses).to.deep.equal([]);
    expect(costs.get("containerize.deploy")?.usersMinutes).to.equal(0);
    expect(costs.get("database.promote")?.loses.join()).to.contain("written after this step");
    // The weights, their way to the servers, and one TTL of 60 s.
    expect(costs.get("traffic.dns-25")?.usersMinutes).to.be.at.least(2);
  });

  it("is told at the steps that change the answer, and only there", () => {
    const costs = waysBack(plan, entries);
    const turning = turningPoints(costs).map((c) => c.step);
    expect(turning[0]).to.equal("assess.inventory");
    expect(turning).to.include("traffic.dns-25");
    expect(turning.length).to.be.lessThan(costs.length / 3);
  });

  it("is measured of each rollback: until as many users were back as the restored weights ask for", () => {
    const share = (at: number): number => (at < wentBackAt + 3 * MINUTE ? 0.25 : 0);
    const [back] = rollbackCosts(plan, entries, share);
    expect(back).to.include({ automatic: false, usersOnNew: 0.25, usersBackMs: 3 * MINUTE });
    expect(rollbackCosts(plan, entries, () => 0.25)[0]).to.not.have.property("usersBackMs");
  });

  it("[applications-14] counts users as back only once a web process that may run only once runs there again", async () => {
    const parts = modelParts(
      {},
      { workload: WITH_WEB_ONCE["cutover:workload"], strategy: WITH_WEB_ONCE["cutover:strategy"], dns: WITH_WEB_ONCE["cutover:dns"] },
    );
    const migrations = parts.start();
    await takenBack(migrations, "optimize.alerts");
    const told = await migrations.journal(STACK);
    const last = told.find((e) => e.type === "action.succeeded" && e.step === "traffic.once-stop" && e.undo);
    // The model's effects take no time; this one takes five minutes.
    const journal = told.map((e) => (e.seq < (last?.seq ?? 0) ? e : { ...e, at: e.at + 5 * MINUTE }));
    const { plan: own } = await migrations.get(STACK);
    const began = journal.find((e) => e.type === "rollback.started");
    const started = journal.find((e) => e.type === "action.succeeded" && e.step === "traffic.once-stop" && e.undo);
    expect(started?.seq).to.be.above(began?.seq ?? Number.POSITIVE_INFINITY);
    // The resolvers let go at once, and nobody answers there yet.
    const [back] = rollbackCosts(own, journal, () => 0);
    expect(back?.usersBackMs).to.equal((started?.at ?? 0) - (began?.at ?? 0));
    expect(back?.usersBackMs).to.be.at.least(5 * MINUTE);
    expect(
      rollbackCosts(
        own,
        journal.filter((e) => e !== started),
        () => 0,
      )[0],
    ).to.not.have.property("usersBackMs");
    const costs = new Map(waysBack(own, journal).map((c) => [c.step, c]));
    // Before the weights moved, too: the old side's process stands still.
    expect(costs.get("traffic.once-stopped")?.usersMinutes).to.be.at.least(5);
    expect(costs.get("traffic.emergency-exit")?.usersMinutes).to.equal(0);
    await migrations.close();
  });

  it("can be replayed: every frame knows weights, status and revision of its moment", () => {
    const frames = framesOf(plan, entries, () => 0.5);
    const seqs = frames.map((f) => f.seq);
    expect(seqs).to.deep.equal([...seqs].sort((a, b) => a - b));
    expect(frames[0]).to.include({ kind: "begin", status: "ready", revision: 0 });
    const at25 = frames.find((f) => f.step === "traffic.dns-25" && f.kind === "gate");
    expect(at25?.weights.dns).to.equal(25);
    expect(at25?.gates?.map((g) => g.gate)).to.include("dns-weight");
    expect(frames.at(-1)?.status).to.equal("held");
  });
});

import { expect } from "chai";
import { peopleOf } from "../support/people.js";
import { inSandbox } from "../support/sandbox.js";

const STACK = "web-api-production";

describe("a rollback over a promotion that nothing streams back from, on the real engine", function () {
  this.timeout(300_000);

  it("promise 5: says the loss in minutes before it goes, and keeps a copy of the old database from before it", function () {
    return inSandbox(
      this,
      "reverse",
      async (open) => {
        const { migrations, sandbox } = open;
        const { say, standBefore } = peopleOf(migrations, STACK);
        await standBefore("rollout.staging-verified");
        const { state } = await migrations.get(STACK);
        expect(state.steps["database.reverse-replication"]?.evidence).to.contain("cannot stream back");
        const before = (await migrations.wayBack(STACK, 0)).loses;
        expect(before).to.have.length(1);
        // An hour of watching follows the promotion.
        const [, minutes] = /: (\d+) minutes of writes by now$/.exec(before[0] ?? "") ?? [];
        expect(Number(minutes)).to.be.within(60, 90);

        const gone = await say({ command: "rollback", revision: 0, why: "a test" });
        expect(gone.status, gone.heldReason).to.equal("held");
        const undone = (await migrations.journal(STACK)).find(
          (e) => e.type === "action.succeeded" && e.undo && e.step === "database.reverse-replication",
        );
        const { summary, facts } = undone as unknown as { summary: string; facts: { minutesLost: number; restoredTo: string } };
        expect(summary).to.match(/^Nothing streamed back: prod-db takes over as it was at .* UTC, without \d+ minutes of writes/);
        expect(facts.minutesLost).to.be.at.least(Number(minutes));
        expect(new Date(facts.restoredTo).getTime()).to.equal(state.marks["old-writes-stopped"]?.at);
        expect(facts.minutesLost).to.equal(
          Math.ceil(((gone.marks["new-writes-stopped"]?.at ?? 0) - (gone.marks["new-writes-allowed"]?.at ?? 0)) / 60_000),
        );
        const effects = await sandbox.effects(STACK);
        expect(effects.find((e) => e.kind === "rds:RestoreDBInstanceToPointInTime")?.id).to.equal("prod-db-restored");
        expect(await sandbox.violations(STACK)).to.deep.equal([]);
      },
      { faults: { [STACK]: ["no-reverse@promotion"] } },
    );
  });

  it("promise 5: a stream that is lost afterwards is said within the first hour, by the way back too, and goes back once it is mended", function () {
    return inSandbox(
      this,
      "reverse-lost",
      async ({ migrations, sandbox }) => {
        const { say, standBefore } = peopleOf(migrations, STACK);
        await standBefore("database.monitor");
        expect((await migrations.wayBack(STACK, 0)).loses.join()).to.contain("since its stream back was lost");
        const held = await say({ command: "advance", extent: "step" });
        expect(held).to.include({ status: "held" }).and.to.have.property("heldReason").that.contains("reverse-lag lost");
        // Going back stops writes first, and waits there for whoever carries over what is missing.
        const stopped = await say({ command: "rollback", revision: 0, why: "a test" });
        expect(stopped)
          .to.include({ status: "held" })
          .and.to.have.property("heldReason")
          .that.contains("is broken: its replication slot is gone");
        expect(stopped.marks["new-writes-stopped"]?.seq).to.be.above(stopped.marks["new-writes-allowed"]?.seq ?? 0);
        await say({ command: "resume" });
        const effects = (await sandbox.effects(STACK)).map((e) => `${e.kind} ${e.id}`);
        expect(effects.lastIndexOf("data:AllowWrites old")).to.be.above(effects.indexOf("data:StopReverseReplication prod-db-replica"));
        expect(await sandbox.violations(STACK)).to.deep.equal([]);
      },
      { faults: { [STACK]: ["lost-reverse@promotion*"] } },
    );
  });
});

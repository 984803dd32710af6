import { expect } from "chai";
import { loosenedBy } from "../../../src/automation/decide/protections.js";
import { TUNABLE } from "../../../src/automation/decide/tuning.js";
import { currentConfig } from "../../../src/automation/state/state.js";
import { STACK } from "../model.js";
import { ModelService } from "../service.js";

describe("loosening what protects", () => {
  it("[safety-10] counts only once a second person wants it too, and shows in what comes later", async () => {
    const m = await ModelService.open();
    await m.reach("database.create-replica");
    const { proposal } = await m.say({ command: "tune", changes: { "cleanup.soakSeconds": 7_200 }, why: "in a hurry" }, "bob");
    expect(currentConfig(await m.state).cleanup.soakSeconds).to.equal(86_400);
    expect(proposal).to.deep.include({ who: "bob", loosens: [{ path: "cleanup.soakSeconds", before: 86_400, after: 7_200 }] });
    const confirm = { command: "confirm", tuning: proposal?.seq ?? 0 } as const;
    expect(await m.refused(confirm, "bob")).to.contain("it needs a second person: bob wanted it");
    expect(await m.refused({ ...confirm, tuning: 1 }, "carol")).to.contain("entry 1 is not the tuning that waits");
    const state = await m.say(confirm, "carol");
    expect(currentConfig(state).cleanup.soakSeconds).to.equal(7_200);
    expect(state.loosened).to.deep.equal([
      {
        changes: [{ path: "cleanup.soakSeconds", before: 86_400, after: 7_200 }],
        ...{ why: "in a hurry", who: "bob", confirmedBy: "carol", at: state.loosened?.[0]?.at },
      },
    ]);
    expect(await m.refused(confirm, "carol")).to.contain("no tuning waits");
  });

  it("[safety-10] makes approvals lapse that were given for the values before", async () => {
    const m = await ModelService.open();
    await m.reach("database.maintenance-on");
    expect((await m.state).steps["database.approve"]?.approvedBy).to.equal("bob");
    await m.loosen({ "database.writePauseSeconds": 600 }, "longer", ["carol", "dave"]);
    expect(await m.position).to.equal("database.approve");
    const state = await m.say({ command: "advance", extent: "step" }).catch(() => m.state);
    expect([state.status, state.steps["database.approve"]?.approvedBy]).to.deep.equal(["approval", undefined]);
    expect(m.world.maintenance).to.equal(false);
  });

  it("[safety-10] is no loosening where it protects more: that counts at once", async () => {
    const m = await ModelService.open();
    await m.reach("database.create-replica");
    const state = await m.say({ command: "tune", changes: { "gates.maxErrorRate": 0.01, "dns.steps": [10, 50, 100] }, why: "careful" });
    expect([state.proposal, currentConfig(state).gates.maxErrorRate]).to.deep.equal([undefined, 0.01]);
  });

  it("[safety-10] knows of each value that can be tuned which way it protects", () => {
    const protects: Record<string, [unknown, unknown]> = {
      "gates.compareWithOld": [true, false],
      "gates.requireReverse": [true, false],
      "rollback.traffic": ["automatic", "ask"],
      "strategy.weights": [
        [10, 40, 70, 100],
        [50, 100],
      ],
      "dns.steps": [[25, 100], [100]],
      "traffic.steps": [[25, 100], [100]],
      "gates.own": [[{ name: "refused-orders", limit: 0.01 }], []],
    };
    for (const path of TUNABLE) {
      const [before, after] = protects[path] ?? (path.startsWith("rollback.") ? ["automatic", "ask"] : [10, 20]);
      const ways = [loosenedBy({ [path]: before }, { [path]: after }), loosenedBy({ [path]: after }, { [path]: before })].map(
        (l) => l.length,
      );
      // One way loosens, the other does not; what protects nothing may be changed both ways.
      const neither = ["gates.timeoutSeconds", "strategy.abortRampSeconds"].includes(path);
      const unknown = path === "gates.windowSeconds";
      expect(
        ways.reduce((a, b) => a + b, 0),
        path,
      ).to.equal(neither ? 0 : unknown ? 2 : 1);
    }
  });

  it("[safety-10] catches one human behind two names where the identity provider tells", async () => {
    const m = await ModelService.open();
    const ids = ["sub-1", "mail-1"];
    const as = (who: string, command: Parameters<typeof m.say>[0], of: string[]) =>
      m.migrations.command(STACK, command, who, undefined, of).then(
        () => "it was accepted",
        (error: Error) => error.message,
      );
    await m.reach("database.approve");
    expect(await as("alice", { command: "advance", extent: "step" }, ids)).to.equal("it was accepted");
    await m.migrations.settled(STACK);
    const approve = { command: "approve", step: "database.approve" } as const;
    const secondPerson = (await m.migrations.get(STACK)).plan.find((s) => s.id === "database.approve");
    expect(secondPerson).to.include({ secondPerson: true });
    expect(await as("alice-admin", approve, ["mail-1"])).to.contain("the same person as alice-admin by name or by the identity provider");
    expect(await as("bob", approve, ["sub-2"])).to.equal("it was accepted");
    await as("bob", { command: "tune", changes: { "gates.maxErrorRate": 0.2 }, why: "x" }, ["sub-2"]);
    const tuning = (await m.state).proposal?.seq ?? 0;
    expect(await as("robert", { command: "confirm", tuning }, ["sub-2"])).to.contain("it needs a second person");
    expect(await as("alice", { command: "confirm", tuning }, ids)).to.equal("it was accepted");
  });
});

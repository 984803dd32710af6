import { DescribeDBInstancesCommand } from "@aws-sdk/client-rds";
import { expect } from "chai";
import { awsCloudPort } from "../../../src/adapters/aws/cloudPort.js";
import { decide } from "../../../src/automation/decide/decide.js";
import { lossByStream, lossWithoutReverse } from "../../../src/automation/decide/streamBack.js";
import { wayBackTo } from "../../../src/automation/decide/wayBack.js";
import { endReverse, REVERSE } from "../../../src/automation/plan/reverse.js";
import { readConfig } from "../../../src/config/stackFile.js";
import { known, type Reading, unknown } from "../../../src/ports/observations.js";
import type { Target } from "../../../src/ports/target.js";
import { database } from "../../adapters/aws/account.js";
import { motoForSuite } from "../../support/moto.js";
import { stateAfter } from "../history.js";
import { modelPlan, modelProject, RAW, STACK } from "../model.js";
import { ModelService } from "../service.js";

const MINUTE = 60_000;
const CONFIG = readConfig(RAW, "test", STACK);

describe("going back over a promotion without a stream back", () => {
  const moto = motoForSuite();
  /** A migration that ended its maintenance window, whose stream back did or did not start. */
  const promoted = (supported: boolean) => {
    const state = stateAfter(RAW, "database.maintenance-off");
    const steps = { ...state.steps, [REVERSE]: { ...state.steps[REVERSE], facts: { supported } } as (typeof state.steps)[string] };
    return { ...state, steps };
  };

  it("[postgresql-7] names what a changed schema keeps from streaming, as what going back would lose", () => {
    expect(lossByStream({ reading: known(-2, "table public.coupons is only on the promoted database") }, CONFIG)).to.equal(
      "what the promoted database holds in parts of its schema that changed since, and that do not stream: table public.coupons is only on the promoted database",
    );
  });

  it("promise 5: loses the writes since the promotion, in minutes up to now; nothing while changes stream back", () => {
    const lossy = promoted(false);
    const begun = lossy.marks["new-writes-allowed"]?.at ?? 0;
    const { loses } = wayBackTo(modelPlan(), lossy, 0, begun + 37 * MINUTE);
    expect(loses).to.deep.equal(["what was written to the promoted database since 1970-01-01 00:01 UTC: 37 minutes of writes by now"]);
    expect(lossWithoutReverse(promoted(true), begun + 37 * MINUTE)).to.equal(undefined);
    // With a clock that was set back it is not known, and not nothing.
    expect(lossWithoutReverse(lossy, begun - 120 * MINUTE)).to.contain("1 minute of writes");
    // Before writes were allowed there is nothing to lose.
    const early = stateAfter(RAW, "database.repoint");
    expect(lossWithoutReverse(early, begun)).to.equal(undefined);
  });

  it("restores the old database as it was when its writes stopped, once, and says what stays behind", async () => {
    const clients = moto.clients();
    const source = CONFIG.database?.source.identifier ?? "";
    await database(clients, source);
    const now = Date.now();
    const marks = {
      "old-writes-stopped": { at: now - 60 * MINUTE, seq: 1 },
      "new-writes-allowed": { at: now - 50 * MINUTE, seq: 2 },
      "new-writes-stopped": { at: now - 8 * MINUTE, seq: 3 },
    };
    const cloud = awsCloudPort(clients, () => CONFIG);
    const undo = (done: { supported: boolean }, more: object = {}) =>
      endReverse({
        target: {
          cloud,
          clock: { now: () => now },
          data: { stopReverseReplication: async () => ({ summary: "drained" }) },
        } as unknown as Target,
        config: CONFIG,
        project: modelProject,
        otherStacks: async () => [],
        effect: { key: "k", fence: 1 },
        marks: { ...marks, ...more },
        done,
      });
    const evidence = await undo({ supported: false });
    expect(evidence.facts).to.deep.include({ minutesLost: 42, restoredTo: new Date(marks["old-writes-stopped"].at).toISOString() });
    expect(evidence.summary).to.contain("without 42 minutes of writes, which stay on prod-db-replica");
    expect(await undo({ supported: false })).to.deep.equal(evidence);
    const { DBInstances = [] } = await clients.rds.send(new DescribeDBInstancesCommand({}));
    expect(DBInstances.map((d) => d.DBInstanceIdentifier)).to.deep.equal([source, `${source}-restored`]);
    expect(await undo({ supported: false }, { "new-writes-allowed": undefined })).to.deep.include({ facts: { minutesLost: 0 } });
    expect((await undo({ supported: true })).summary).to.equal("drained");
  }).timeout(30_000);
});

describe("what streams back to the old database, watched", () => {
  const streaming = (m: ModelService, reading: Reading | undefined): void => {
    m.world.faults = { ...m.world.faults, reading: (name) => (name === "reverse-lag" ? reading : undefined) };
  };
  /** What going back to the beginning would lose of what users wrote lately. */
  const loss = async (m: ModelService): Promise<string | undefined> =>
    (await m.migrations.wayBack(STACK, 0)).loses.find((l) => l.includes("what was written to the promoted database"));

  it("promise 5: a stream that is lost holds the first hour within minutes, and nobody goes back because of it", async () => {
    const m = await ModelService.open();
    await m.reach("database.monitor");
    streaming(m, known(-1));
    const began = m.world.now;
    const held = await m.say({ command: "advance", extent: "step" });
    expect(held.status).to.equal("held");
    expect(held.heldReason).to.contain("reverse-lag lost (accepted: the old database at most 60 s behind the promoted one)");
    expect(m.world.now - began).to.be.below(2 * MINUTE);
    expect(m.world).to.include({ newWrites: true, fleetUses: "new", maintenance: false });
    // Nobody can mend it, and a person goes on without.
    await m.loosen({ "gates.requireReverse": false }, "lost, and we go on");
    expect(await m.say({ command: "resume" })).to.include({ status: "ready" });
    expect(await m.position).to.equal("database.protect");
    await m.reach("traffic.probe");
    streaming(m, undefined);
    await m.reach("cleanup.terminate-instances");
    expect(m.world.effects).to.include("reverse off as it is");
  });

  it("promise 5: a stream that is lost holds the way to the users too, and takes nobody back", async () => {
    const m = await ModelService.open();
    await m.reach("traffic.load-balancer");
    streaming(m, known(-1));
    const held = await m.say({ command: "advance", extent: "end" });
    expect(held).to.include({ status: "held" }).and.to.have.property("heldReason").that.contains("reverse-lag lost");
    expect(await m.position).to.equal("traffic.load-balancer");
    expect(await m.journal("rollback.started")).to.deep.equal([]);
  });

  it("promise 10: waits while the old database is behind, or nobody knows, and goes on once it has caught up", async () => {
    const m = await ModelService.open();
    await m.reach("traffic.load-balancer");
    const readings = [unknown("no answer"), known(600), known(61), known(60)];
    m.world.faults = {
      ...m.world.faults,
      reading: (name) => (name === "reverse-lag" ? (readings.length > 1 ? readings.shift() : readings[0]) : undefined),
    };
    expect(await m.say({ command: "advance", extent: "step" })).to.include({ status: "ready" });
    const { gates } = (await m.journal("gates.passed")).at(-1) ?? {};
    expect(gates?.find((g) => g.gate === "reverse-lag")).to.include({ verdict: "pass", min: 60, max: 600 });
  });

  it("promise 5: the way back says what it loses as the stream is now", async () => {
    const m = await ModelService.open();
    await m.reach("database.backup");
    expect((await m.migrations.wayBack(STACK, 0)).loses).to.deep.equal([]);
    streaming(m, known(5_000));
    expect((await m.migrations.wayBack(STACK, 0)).loses).to.deep.equal([
      "nothing, once the old database has caught up: it is 5000 s behind, and the way back waits for it with writes stopped",
    ]);
    streaming(m, known(-1));
    expect(await loss(m)).to.contain("since its stream back was lost");
    streaming(m, unknown("the old database does not answer"));
    expect(await loss(m))
      .to.contain("perhaps")
      .and.to.contain("the old database does not answer");
    const { wayBack } = await m.migrations.previewNext(STACK);
    expect(wayBack?.loses, "the next step does not go back over the promotion").to.deep.equal([]);
    // Before the promotion nothing streams, and nothing is asked.
    const early = await ModelService.open();
    await early.reach("database.approve");
    streaming(early, known(-1));
    expect(await loss(early)).to.equal(undefined);
  });

  it("asks for no stream where none could begin, or no table is there", () => {
    const gatesWith = (facts: Record<string, unknown>): string[] => {
      const state = stateAfter(RAW, "database.maintenance-off", { type: "step.started", step: "database.monitor", attempt: 1 });
      const steps = { ...state.steps, [REVERSE]: { ...state.steps[REVERSE], facts } as (typeof state.steps)[string] };
      const decision = decide(modelPlan(), { ...state, steps });
      return decision.do === "sample" ? decision.step.gates.map((g) => g.gate) : [decision.do];
    };
    expect(gatesWith({ supported: true, tables: 4 })).to.deep.equal(["old-error-rate", "database-primary", "reverse-lag"]);
    for (const facts of [{ supported: false }, { supported: true, tables: 0 }])
      expect(gatesWith(facts)).to.deep.equal(["old-error-rate", "database-primary"]);
  });
});

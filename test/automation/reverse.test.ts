import { DescribeDBInstancesCommand } from "@aws-sdk/client-rds";
import { expect } from "chai";
import { awsCloudPort } from "../../src/adapters/aws/cloudPort.js";
import { endReverse, lossWithoutReverse, REVERSE } from "../../src/automation/reverse.js";
import { wayBackTo } from "../../src/automation/wayBack.js";
import { readConfig } from "../../src/config/stackFile.js";
import type { Target } from "../../src/ports/target.js";
import { database } from "../adapters/aws/account.js";
import { motoForSuite } from "../support/moto.js";
import { stateAfter } from "./history.js";
import { modelPlan, modelProject, RAW, STACK } from "./model.js";

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

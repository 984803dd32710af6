import { CreateDBInstanceReadReplicaCommand, CreateDBSnapshotCommand, ModifyDBInstanceCommand } from "@aws-sdk/client-rds";
import { expect } from "chai";
import type { AwsClients } from "../../../src/adapters/aws/clients.js";
import { awsCloudPort } from "../../../src/adapters/aws/cloudPort.js";
import { instanceOf } from "../../../src/adapters/aws/databases.js";
import { type AwsReading, awsObservation } from "../../../src/adapters/aws/observations.js";
import { backupAge, lackingOf } from "../../../src/adapters/aws/protection.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { Transient } from "../../../src/errors.js";
import { known } from "../../../src/ports/observations.js";
import { RAW, STACK } from "../../automation/model.js";
import { motoForSuite } from "../../support/moto.js";
import { database } from "./account.js";

const effect = { key: "k", fence: 1 };
const REPLICA = "prod-db-replica";

describe("what protects the promoted database", function () {
  this.timeout(120_000);
  const moto = motoForSuite();
  const config = readConfig(patched(RAW, { "database.role": "primary", "database.active": "new" }), "test", STACK);
  let clients: AwsClients;
  const observe = (name: AwsReading) => awsObservation(clients, config, name);
  const identifier = { DBInstanceIdentifier: REPLICA };

  before("a promotion that worked, and the change after it that failed", async () => {
    clients = moto.clients();
    await database(clients, "prod-db");
    await clients.rds.send(new CreateDBInstanceReadReplicaCommand({ ...identifier, SourceDBInstanceIdentifier: "prod-db" }));
    await clients.rds.send(
      new ModifyDBInstanceCommand({ ...identifier, BackupRetentionPeriod: 1, DeletionProtection: false, ApplyImmediately: true }),
    );
  });

  it("[providers-8] is read back from RDS and mended: the engine's state says protected, and no plan would change anything", async () => {
    expect(await observe("database-protected")).to.deep.equal(known(0));
    const port = awsCloudPort(clients, () => config);
    const mended = await port.protectDatabase(effect);
    expect(mended.summary)
      .to.contain("in spite of what its config says")
      .and.contain("DeletionProtection true")
      .and.contain("BackupRetentionPeriod 7");
    expect(await instanceOf(clients, REPLICA)).to.deep.include({
      DeletionProtection: true,
      BackupRetentionPeriod: 7,
      PreferredBackupWindow: "03:00-04:00",
    });
    expect(await observe("database-protected")).to.deep.equal(known(1));
    expect((await port.protectDatabase(effect)).summary).to.equal(
      `${REPLICA} cannot be deleted, and its backups are kept for 7 days, as RDS says.`,
    );
    // More days than the config asks for are somebody's own.
    await clients.rds.send(new ModifyDBInstanceCommand({ ...identifier, BackupRetentionPeriod: 30, ApplyImmediately: true }));
    expect((await port.protectDatabase(effect)).facts).to.deep.equal({ lacked: {} });
  });

  it("[providers-8] waits while RDS changes nothing of it, and asks for nothing then", async () => {
    const asked: string[] = [];
    const busy = {
      ...clients,
      rds: {
        send: async (command: object) => {
          asked.push(command.constructor.name);
          return { DBInstances: [{ DBInstanceIdentifier: REPLICA, DBInstanceStatus: "backing-up", BackupRetentionPeriod: 7 }] };
        },
      },
    } as unknown as AwsClients;
    const error = await awsCloudPort(busy, () => config)
      .protectDatabase(effect)
      .catch((e: Error) => e);
    expect(error)
      .to.be.instanceOf(Transient)
      .with.property("message")
      .that.contains("lacks DeletionProtection true")
      .and.contains("backing-up");
    expect(asked).to.deep.equal(["DescribeDBInstancesCommand"]);
    const section = config.database;
    if (section === undefined) throw new Error("no database");
    expect(
      lackingOf({ DeletionProtection: true, BackupRetentionPeriod: 7, PreferredMaintenanceWindow: "Sun:05:00-Sun:06:00" }, section),
    ).to.deep.equal({});
  });

  it("[providers-2] the age of its newest completed backup is RDS's own; without one it is unknown", async () => {
    const none = await observe("backup-age");
    expect(none).to.include({ known: false });
    await clients.rds.send(new CreateDBSnapshotCommand({ ...identifier, DBSnapshotIdentifier: "by-hand" }));
    expect(await observe("backup-age"))
      .to.have.property("value")
      .that.is.within(0, 300);
    expect(await backupAge(clients, config, Date.now() + 7_200_000))
      .to.have.property("value")
      .that.is.within(7_200, 7_500);
  });
});

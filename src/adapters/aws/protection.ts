import { type DBInstance, ModifyDBInstanceCommand, type ModifyDBInstanceMessage, paginateDescribeDBSnapshots } from "@aws-sdk/client-rds";
import type { StackConfig } from "../../config/schema.js";
import { Terminal, Transient } from "../../errors.js";
import { known, type Reading, unknown } from "../../ports/observations.js";
import type { Evidence } from "../../ports/target.js";
import type { AwsClients } from "./clients.js";
import { instanceOf } from "./databases.js";

/** What the promoted database lacks of what its config says, as RDS has it; a change that waits for a window is lacking. */
export function lackingOf(instance: DBInstance, { backup, maintenanceWindow }: NonNullable<StackConfig["database"]>) {
  const { DeletionProtection, BackupRetentionPeriod = 0, PreferredBackupWindow, PreferredMaintenanceWindow } = instance;
  return {
    ...(DeletionProtection === true ? {} : { DeletionProtection: true }),
    ...(BackupRetentionPeriod >= backup.retentionDays ? {} : { BackupRetentionPeriod: backup.retentionDays }),
    ...(PreferredBackupWindow === undefined || PreferredBackupWindow === backup.window ? {} : { PreferredBackupWindow: backup.window }),
    ...(PreferredMaintenanceWindow === undefined || PreferredMaintenanceWindow.toLowerCase() === maintenanceWindow
      ? {}
      : { PreferredMaintenanceWindow: maintenanceWindow }),
  } satisfies Partial<ModifyDBInstanceMessage>;
}

/**
 * Reads back what protects the promoted database, and gives it what it lacks: a promotion that worked and a change after it that
 * failed leave a state that says protected and a database that is not.
 */
export async function protectDatabase(clients: AwsClients, { database }: StackConfig): Promise<Evidence> {
  if (database === undefined) throw new Terminal("The stack config has no database.");
  const { identifier } = database.target;
  const instance = await instanceOf(clients, identifier);
  if (instance === undefined) throw new Terminal(`There is no database ${identifier}.`);
  const lacking = lackingOf(instance, database);
  const names = Object.entries(lacking).map(([name, value]) => `${name} ${value}`);
  const facts = { lacked: lacking };
  if (names.length === 0)
    return {
      summary: `${identifier} cannot be deleted, and its backups are kept for ${instance.BackupRetentionPeriod} days, as RDS says.`,
      facts,
    };
  if (instance.DBInstanceStatus !== "available")
    throw new Transient(
      `${identifier} lacks ${names.join(", ")}, and RDS changes nothing of it while it is ${instance.DBInstanceStatus ?? "in an unknown state"}.`,
    );
  await clients.rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: identifier, ApplyImmediately: true, ...lacking }));
  return { summary: `${identifier} lacked, in spite of what its config says, and was given now: ${names.join(", ")}.`, facts };
}

/** Whether the promoted database is as protected as its config says, by RDS. */
export async function protectionOf(clients: AwsClients, { database }: StackConfig): Promise<Reading> {
  if (database === undefined) return unknown("the stack config has no database");
  const instance = await instanceOf(clients, database.target.identifier);
  if (instance === undefined) return unknown(`there is no database ${database.target.identifier}`);
  const { DeletionProtection, BackupRetentionPeriod } = lackingOf(instance, database) as Partial<ModifyDBInstanceMessage>;
  return known(DeletionProtection === undefined && BackupRetentionPeriod === undefined ? 1 : 0);
}

/** Seconds since the newest completed backup of the new database began: automated, or a snapshot of one's own. */
export async function backupAge(clients: AwsClients, { database }: StackConfig, now: number): Promise<Reading> {
  if (database === undefined) return unknown("the stack config has no database");
  const { identifier } = database.target;
  let newest: number | undefined;
  const pages = paginateDescribeDBSnapshots({ client: clients.rds }, { DBInstanceIdentifier: identifier });
  for await (const { DBSnapshots = [] } of pages)
    for (const { Status, SnapshotCreateTime } of DBSnapshots)
      if (Status === "available" && SnapshotCreateTime !== undefined) newest = Math.max(newest ?? 0, SnapshotCreateTime.getTime());
  return newest === undefined ? unknown(`${identifier} has no completed backup yet`) : known(Math.max(0, (now - newest) / 1_000));
}

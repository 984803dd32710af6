import { type DBInstance, type DBSnapshot, DescribeDBInstancesCommand, DescribeDBSnapshotsCommand } from "@aws-sdk/client-rds";
import { type AwsClients, unlessMissing } from "./clients.js";

/** How RDS says that there is none. */
export const NO_DATABASE = ["DBInstanceNotFoundFault", "DBInstanceNotFound"] as const;

export async function instanceOf({ rds }: AwsClients, identifier: string): Promise<DBInstance | undefined> {
  const found = await unlessMissing(rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: identifier })), ...NO_DATABASE);
  return found?.DBInstances?.[0];
}

export async function snapshotOf({ rds }: AwsClients, snapshotId: string): Promise<DBSnapshot | undefined> {
  const found = await unlessMissing(
    rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: snapshotId })),
    "DBSnapshotNotFoundFault",
    "DBSnapshotNotFound",
  );
  return found?.DBSnapshots?.[0];
}

import { DescribeSubnetsCommand } from "@aws-sdk/client-ec2";
import { DescribeLoadBalancerAttributesCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import { type DBInstance, DescribeAccountAttributesCommand } from "@aws-sdk/client-rds";
import { groupsOfInstances, groupsThere, terminationProtected } from "../adapters/aws/autoScaling.js";
import { type AwsClients, unlessMissing } from "../adapters/aws/clients.js";
import { instanceOf } from "../adapters/aws/databases.js";
import { oldBalancerOf, oldGroupsOf } from "../config/oldSide.js";
import type { StackConfig } from "../config/schema.js";
import { examine, type Finding } from "./check.js";

interface Trouble {
  standing: "warning" | "failed";
  detail: string;
  mend: string;
}
const warning = (detail: string, mend: string): Trouble => ({ standing: "warning", detail, mend });
const failure = (detail: string, mend: string): Trouble => ({ standing: "failed", detail, mend });

/** What AWS would refuse on the night or in the clean-up, and can be seen before: of instances, load balancer and databases. */
export async function oldSide(stack: string, config: StackConfig, clients: AwsClients): Promise<Finding[]> {
  const looks: [string, (clients: AwsClients, config: StackConfig) => Promise<Trouble[]>, string][] = [
    ["old instances", instances, "No termination protection, and every Auto Scaling group is named"],
    ["old load balancer", balancer, "No deletion protection"],
    ["RDS", database, "The source can be replicated, and restored beside where it is"],
    ["RDS quotas", quotas, "The account has room for the new database"],
  ];
  const found = await Promise.all(
    looks.map(async ([check, look, well]): Promise<Finding[]> => {
      let troubles: Trouble[] = [];
      const read = await examine(check, stack, "Allow what it names: deploy/iam-policy.json has the whole policy.", async () => {
        troubles = await look(clients, config);
        return well;
      });
      return read.standing !== "ok" || troubles.length === 0 ? [read] : troubles.map((t) => ({ check, of: stack, ...t }));
    }),
  );
  return found.flat();
}

/** What the clean-up's first step would meet. */
async function instances(clients: AwsClients, config: StackConfig): Promise<Trouble[]> {
  const { instanceIds = [] } = config.old ?? {};
  const named = oldGroupsOf(config);
  const there = await groupsThere(clients, named);
  const groups = [...new Set((await groupsOfInstances(clients, instanceIds)).values())].filter((name) => !named.includes(name));
  return [
    ...(await terminationProtected(clients, instanceIds)).map((id) =>
      warning(
        `${id} has termination protection: the clean-up would be refused`,
        `Before the clean-up: aws ec2 modify-instance-attribute --instance-id ${id} --no-disable-api-termination`,
      ),
    ),
    ...groups.map((name) =>
      warning(
        `the Auto Scaling group ${name} holds instances of old.instanceIds and would start others in their place`,
        `Name it in old.endpoints, as kind auto-scaling-group: it is deleted before they are terminated.`,
      ),
    ),
    ...named
      .filter((name) => !there.includes(name))
      .map((name) => warning(`there is no Auto Scaling group ${name}`, "Correct its name in old.endpoints.")),
  ];
}

async function balancer({ elb }: AwsClients, config: StackConfig): Promise<Trouble[]> {
  const arn = oldBalancerOf(config);
  if (arn === undefined) return [];
  const asked = elb.send(new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn: arn }));
  const answer = await unlessMissing(asked, "LoadBalancerNotFoundException", "LoadBalancerNotFound");
  if (answer === undefined) return [warning(`there is no load balancer ${arn}`, "Correct its ARN in old.")];
  const on = answer.Attributes?.some((a) => a.Key === "deletion_protection.enabled" && a.Value === "true") === true;
  if (!on) return [];
  return [
    warning(
      `${arn.split("/").at(-2)} has deletion protection: the clean-up would be refused`,
      `Before the clean-up: aws elbv2 modify-load-balancer-attributes --load-balancer-arn ${arn} --attributes Key=deletion_protection.enabled,Value=false`,
    ),
  ];
}

async function database(clients: AwsClients, { database: section, old }: StackConfig): Promise<Trouble[]> {
  if (section === undefined) return [];
  const { source, target, backup, role } = section;
  const instance = await instanceOf(clients, source.identifier);
  if (instance === undefined)
    return source.arn === undefined ? [failure(`there is no database ${source.identifier}`, "Correct database.source.identifier.")] : [];
  const others = (instance.ReadReplicaDBInstanceIdentifiers ?? []).filter((id) => id !== target.identifier);
  return [
    ...(instance.DeletionProtection === true && old?.databaseIdentifier === source.identifier
      ? [
          warning(
            `${source.identifier} has deletion protection: the clean-up would be refused`,
            `Before the clean-up: aws rds modify-db-instance --db-instance-identifier ${source.identifier} --no-deletion-protection --apply-immediately`,
          ),
        ]
      : []),
    ...others.map((id) =>
      warning(
        `${id} is another replica of ${source.identifier}: it follows the old database and sees nothing that is written after the promotion`,
        "Move its readers, or make a replica of the new database for them after the promotion.",
      ),
    ),
    ...backups(instance, backup, role),
    ...restorable(instance),
    ...(await subnets(clients, target)),
  ];
}

/**
 * A replica needs backups of its source, and has its own from PostgreSQL 14.1 on.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PostgreSQL.Replication.ReadReplicas.html
 */
function backups(
  { DBInstanceIdentifier: id, BackupRetentionPeriod = 0, EngineVersion = "", Engine }: DBInstance,
  { onReplica }: NonNullable<StackConfig["database"]>["backup"],
  role: string,
): Trouble[] {
  const [major = 0, minor = 0] = EngineVersion.split(".").map(Number);
  const can = Engine !== "postgres" || major > 14 || (major === 14 && minor >= 1);
  return [
    ...(BackupRetentionPeriod > 0
      ? []
      : [
          failure(
            `${id} keeps no backups, and RDS makes no replica of it`,
            `aws rds modify-db-instance --db-instance-identifier ${id} --backup-retention-period 7 --apply-immediately`,
          ),
        ]),
    ...(onReplica && !can
      ? [failure(`backups of a replica need PostgreSQL 14.1, and ${id} is ${EngineVersion}`, "Set database.backup.onReplica to false.")]
      : []),
    ...(!onReplica && can && role !== "primary"
      ? [
          warning(
            "the first backup of the new database is taken with its promotion, while users cannot write",
            "Set database.backup.onReplica to true: RDS then backs the replica up before.",
          ),
        ]
      : []),
  ];
}

/** Going back to a point in time makes a database beside the old one, in its subnet group. */
function restorable({ DBInstanceIdentifier: id, DBSubnetGroup }: DBInstance): Trouble[] {
  const { SubnetGroupStatus = "Complete", DBSubnetGroupName } = DBSubnetGroup ?? {};
  if (SubnetGroupStatus === "Complete") return [];
  return [
    failure(
      `the subnet group ${DBSubnetGroupName} of ${id} is ${SubnetGroupStatus}: a restore to a point in time would be refused`,
      "Give it subnets in two availability zones.",
    ),
  ];
}

/** DBSubnetGroupDoesNotCoverEnoughAZs: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html */
async function subnets({ ec2 }: AwsClients, target: NonNullable<StackConfig["database"]>["target"]): Promise<Trouble[]> {
  const asked = ec2.send(new DescribeSubnetsCommand({ SubnetIds: [...new Set(target.subnetIds)] }));
  const answer = await unlessMissing(asked, "InvalidSubnetID.NotFound");
  const { Subnets: found = [] } = answer ?? {};
  const mend = "Name subnets of the new VPC in two availability zones in database.target.subnetIds.";
  if (answer === undefined) return [failure(`not all of ${target.subnetIds.join(", ")} are there`, mend)];
  const strangers = found.filter((s) => s.VpcId !== target.vpcId).map((s) => s.SubnetId);
  return [
    ...(strangers.length === 0 ? [] : [failure(`${strangers.join(", ")} are not in ${target.vpcId}`, mend)]),
    ...(new Set(found.map((s) => s.AvailabilityZone)).size > 1
      ? []
      : [failure("the new database's subnets are all in one availability zone, and RDS takes no such group", mend)]),
  ];
}

/** https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeAccountAttributes.html */
async function quotas({ rds }: AwsClients, { database: section }: StackConfig): Promise<Trouble[]> {
  if (section === undefined || section.role !== "absent") return [];
  const { AccountQuotas = [] } = await rds.send(new DescribeAccountAttributesCommand({}));
  const wanted: Record<string, number> = { DBInstances: 1, AllocatedStorage: section.source.sizeGb, DBSubnetGroups: 1 };
  return AccountQuotas.flatMap(({ AccountQuotaName: name = "", Used = 0, Max = Number.POSITIVE_INFINITY }) => {
    const needs = wanted[name] ?? 0;
    if (Used + needs <= Max) return [];
    const detail = `the account's RDS quota ${name} is ${Max}, ${Used} of it are used, and the new database needs ${needs}`;
    return [failure(detail, "Ask for more: aws service-quotas request-service-quota-increase --service-code rds")];
  });
}

import {
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupsCommand,
  type IpPermission,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  type SecurityGroup,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { DeleteLoadBalancerCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import {
  CreateDBSnapshotCommand,
  type DBSnapshot,
  DeleteDBInstanceCommand,
  RestoreDBInstanceToPointInTimeCommand,
} from "@aws-sdk/client-rds";
import { oldBalancerOf, oldGroupsOf } from "../../config/oldSide.js";
import type { StackConfig } from "../../config/schema.js";
import { groupsOf } from "../../config/shift.js";
import { Terminal } from "../../errors.js";
import { counted } from "../../lib/plural.js";
import type { CloudPort } from "../../ports/target.js";
import { fenced } from "../order.js";
import { deleteGroups } from "./autoScaling.js";
import { type AwsClients, unlessMissing } from "./clients.js";
import { costsByMonth, hourlyPrices } from "./costs.js";
import { instanceOf, NO_DATABASE, snapshotOf } from "./databases.js";
import { discoverDatabases, discoverInstances, discoverLoadBalancers } from "./discovery.js";
import { factsOf } from "./facts.js";
import { inspectRule } from "./groupChecks.js";
import { removableGroups, setGroupWeights } from "./groups.js";
import { protectDatabase } from "./protection.js";
import { adoptRecord, releaseRecord, setWeights } from "./records.js";

/**
 * The cloud port over AWS itself. Every effect looks first whether it is there already, so it can be asked again.
 * @param costTag key of the cost allocation tag that names the application
 */
export const awsCloudPort = (clients: AwsClients, config: () => StackConfig, costTag = "Application"): CloudPort =>
  fenced(cloudPort(clients, config, costTag));

function cloudPort(clients: AwsClients, config: () => StackConfig, costTag: string): CloudPort {
  const { ec2, elb, rds } = clients;
  const old = () => {
    const section = config().old;
    if (section === undefined) throw new Terminal("The stack config names no old infrastructure.");
    return section;
  };
  const oldDatabase = (): string => {
    const identifier = old().databaseIdentifier;
    if (identifier === undefined) throw new Terminal("The stack config names no old database (old.databaseIdentifier).");
    return identifier;
  };
  return {
    instances: () => discoverInstances(clients),
    databases: () => discoverDatabases(clients),
    loadBalancers: () => discoverLoadBalancers(clients),
    facts: () => factsOf(clients, config()),
    costs: (months) => costsByMonth(clients, months, costTag),
    prices: (types, month) => hourlyPrices(clients, types, month, Date.now()),
    adoptRecord: () => (groupsOf(config()) === undefined ? adoptRecord(clients.route53, config()) : inspectRule(elb, config())),
    releaseRecord: (_, facts) => releaseRecord(clients.route53, config(), facts),
    setWeights: (weights) =>
      groupsOf(config()) === undefined ? setWeights(clients.route53, config(), weights) : setGroupWeights(elb, config(), weights),
    snapshotDatabase: async (snapshotId, _, notBefore) => {
      const there = await snapshotOf(clients, snapshotId);
      if (there !== undefined) requireNewer(there, notBefore);
      if (there === undefined)
        await rds.send(new CreateDBSnapshotCommand({ DBInstanceIdentifier: oldDatabase(), DBSnapshotIdentifier: snapshotId }));
      return { summary: `The snapshot ${snapshotId} of ${oldDatabase()} was ${there === undefined ? "begun" : "there already"}.` };
    },
    restoreToPointInTime: async (at, identifier) => {
      const there = (await discoverDatabases(clients)).some((d) => d.identifier === identifier);
      if (!there) {
        // Without them RDS takes the account's default subnet group and security group: another VPC, and nobody may connect.
        const { DBSubnetGroup, VpcSecurityGroups = [] } = (await instanceOf(clients, oldDatabase())) ?? {};
        const VpcSecurityGroupIds = VpcSecurityGroups.flatMap((g) => g.VpcSecurityGroupId ?? []);
        await rds.send(
          new RestoreDBInstanceToPointInTimeCommand({
            SourceDBInstanceIdentifier: oldDatabase(),
            TargetDBInstanceIdentifier: identifier,
            RestoreTime: new Date(at),
            ...(DBSubnetGroup?.DBSubnetGroupName === undefined ? {} : { DBSubnetGroupName: DBSubnetGroup.DBSubnetGroupName }),
            ...(VpcSecurityGroupIds.length === 0 ? {} : { VpcSecurityGroupIds }),
          }),
        );
      }
      return { summary: `${identifier} is restored to ${oldDatabase()} as it was at ${new Date(at).toISOString()}.` };
    },
    protectDatabase: () => protectDatabase(clients, config()),
    terminateInstances: async () => {
      // A group would start others in their place.
      const groups = await deleteGroups(clients, oldGroupsOf(config()));
      const terminated: string[] = [];
      const gone: string[] = [];
      for (const id of old().instanceIds) ((await terminate(clients, id)) ? terminated : gone).push(id);
      const said = `${counted(terminated.length, "instance was", "instances were")} terminated${terminated.length === 0 ? "" : `: ${terminated.join(", ")}`}.`;
      return {
        summary: [
          ...(groups.length === 0 ? [] : [`Deleted first, with their instances: the Auto Scaling groups ${groups.join(", ")}.`]),
          said,
          ...(gone.length === 0 ? [] : [`Gone already: ${gone.join(", ")}.`]),
        ].join(" "),
        facts: { instances: terminated, gone, ...(groups.length === 0 ? {} : { groups }) },
      };
    },
    deleteLoadBalancer: async () => {
      const arn = oldBalancerOf(config()) ?? "";
      await unlessMissing(
        elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: arn })),
        "LoadBalancerNotFoundException",
        "LoadBalancerNotFound",
      );
      return { summary: `The load balancer ${arn.split("/").at(-2)} was deleted.`, facts: { arn } };
    },
    deleteDatabase: async (finalSnapshotId, _, notBefore) => {
      const snapshot = await snapshotOf(clients, finalSnapshotId);
      if (snapshot?.Status !== "available" || snapshot.DBInstanceIdentifier !== oldDatabase())
        throw new Terminal(
          `${oldDatabase()} is not deleted: its final snapshot ${finalSnapshotId} is ${snapshot === undefined ? "not there" : `${snapshot.Status}, of ${snapshot.DBInstanceIdentifier}`}.`,
        );
      requireNewer(snapshot, notBefore);
      const status = (await instanceOf(clients, oldDatabase()))?.DBInstanceStatus;
      // Asked again, RDS refuses to delete what it is deleting.
      if (status === undefined || status === "deleting")
        return {
          summary: `${oldDatabase()} ${status === undefined ? "was gone already" : "is being deleted already"}; ${finalSnapshotId} keeps its last state.`,
          facts: { snapshot: finalSnapshotId },
        };
      // Its last state is in the snapshot that was verified just now.
      await unlessMissing(
        rds.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: oldDatabase(), SkipFinalSnapshot: true })),
        ...NO_DATABASE,
      );
      return { summary: `${oldDatabase()} was deleted; ${finalSnapshotId} keeps its last state.`, facts: { snapshot: finalSnapshotId } };
    },
    deleteSecurityGroups: async () => {
      const ids = await removableGroups(clients, config());
      const revoked = await revokeReferences(clients, ids);
      for (const id of ids) await unlessMissing(ec2.send(new DeleteSecurityGroupCommand({ GroupId: id })), "InvalidGroup.NotFound");
      const stays = old().securityGroupIds.filter((id) => !ids.includes(id));
      return {
        summary: `${ids.length} security groups were deleted after ${revoked} references to them were revoked: ${ids.join(", ")}.${stays.length === 0 ? "" : ` The load balancer that stays keeps ${stays.join(", ")}.`}`,
        facts: { groups: ids, revoked },
      };
    },
  };
}

/**
 * One instance a call: of several AWS terminates none when it does not know one of them.
 * @returns false when there is nothing left to terminate
 */
async function terminate({ ec2 }: AwsClients, id: string): Promise<boolean> {
  const answer = await unlessMissing(ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] })), "InvalidInstanceID.NotFound");
  const [changed] = answer?.TerminatingInstances ?? [];
  return changed !== undefined && changed.PreviousState?.Name !== "terminated";
}

/** A snapshot from before the last write keeps another state than the last one. RDS names when it began. */
function requireNewer({ DBSnapshotIdentifier, SnapshotCreateTime, Status }: DBSnapshot, notBefore: number): void {
  // One that is under way has no time yet.
  if (SnapshotCreateTime === undefined && Status === "creating") return;
  const at = SnapshotCreateTime?.getTime() ?? 0;
  if (at >= notBefore - CLOCKS_APART) return;
  throw new Terminal(
    `The snapshot ${DBSnapshotIdentifier} is of ${new Date(at).toISOString()}, before the last write at ${new Date(notBefore).toISOString()}: it does not keep the old database's last state.`,
    { next: "Copy it under another name if it is still wanted, delete it, and resume: a new one is taken." },
  );
}
/** Between this machine's clock and AWS's, in milliseconds. */
const CLOCKS_APART = 5_000;

/**
 * Takes the groups out of every rule that names them, of each other and of groups that stay: a group that is named in a
 * rule cannot be deleted. @returns how many rules
 */
async function revokeReferences({ ec2 }: AwsClients, ids: string[]): Promise<number> {
  if (ids.length === 0) return 0;
  const gone = new Set(ids);
  const naming = await Promise.all(
    ["ip-permission.group-id", "egress.ip-permission.group-id"].map((filter) =>
      ec2.send(new DescribeSecurityGroupsCommand({ Filters: [{ Name: filter, Values: ids }] })),
    ),
  );
  const groups = new Map(naming.flatMap((n) => n.SecurityGroups ?? []).map((g) => [g.GroupId, g]));
  let revoked = 0;
  for (const group of groups.values()) revoked += await revokeIn(ec2, group, gone);
  return revoked;
}

async function revokeIn(
  ec2: AwsClients["ec2"],
  { GroupId, IpPermissions, IpPermissionsEgress }: SecurityGroup,
  gone: Set<string>,
): Promise<number> {
  const incoming = namingOf(IpPermissions, gone);
  const outgoing = namingOf(IpPermissionsEgress, gone);
  if (incoming.length > 0) await ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions: incoming }));
  if (outgoing.length > 0) await ec2.send(new RevokeSecurityGroupEgressCommand({ GroupId, IpPermissions: outgoing }));
  return incoming.length + outgoing.length;
}

/** The parts of rules that name one of the groups; what else a rule allows stays. */
function namingOf(permissions: IpPermission[] | undefined, gone: Set<string>): IpPermission[] {
  return (permissions ?? []).flatMap((p) => {
    const pairs = (p.UserIdGroupPairs ?? []).filter((pair) => gone.has(pair.GroupId ?? ""));
    if (pairs.length === 0) return [];
    const { IpProtocol, FromPort, ToPort } = p;
    return [
      { IpProtocol, ...(FromPort === undefined ? {} : { FromPort }), ...(ToPort === undefined ? {} : { ToPort }), UserIdGroupPairs: pairs },
    ];
  });
}

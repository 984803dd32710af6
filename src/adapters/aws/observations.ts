import { paginateDescribeNetworkInterfaces } from "@aws-sdk/client-ec2";
import type { DBInstance } from "@aws-sdk/client-rds";
import { finalSnapshotOf } from "../../automation/plan/phases/cleanup.js";
import { oldBalancerOf } from "../../config/oldSide.js";
import type { StackConfig } from "../../config/schema.js";
import { groupsOf } from "../../config/shift.js";
import { known, type ObservationName, type Reading, unknown } from "../../ports/observations.js";
import type { Sampled } from "../prometheus/observations.js";
import { balancerOf, type IngressHost, shareOf, targetsHealthy } from "./balancer.js";
import type { AwsClients } from "./clients.js";
import { instanceOf, snapshotOf } from "./databases.js";
import { groupWeight, newGroupOf, removableGroups, ruleStanding } from "./groups.js";
import { metricData } from "./metrics.js";
import { allTargetGroups, targetHealth } from "./pages.js";
import { backupAge, protectionOf } from "./protection.js";

type Ask = (clients: AwsClients, config: StackConfig, ingressHost?: IngressHost) => Promise<Reading>;

const READINGS = {
  "replica-available": (clients, config) => ofTarget(clients, config, (d) => (d.DBInstanceStatus === "available" && isReplica(d) ? 1 : 0)),
  "backup-retention": (clients, config) => ofTarget(clients, config, (d) => d.BackupRetentionPeriod ?? 0),
  "database-protected": protectionOf,
  "backup-age": (clients, config) => backupAge(clients, config, Date.now()),
  "snapshot-available": async (clients, config) => {
    const snapshot = await snapshotOf(clients, finalSnapshotOf(config.old?.databaseIdentifier ?? ""));
    return known(snapshot?.Status === "available" ? 1 : 0);
  },
  "security-groups-users": async (clients, config) => known(await usersOf(clients, await removableGroups(clients, config))),
  "group-weight-new": ({ elb }, config) => groupWeight(elb, config),
  "load-balancer-ready": async (clients, config, ingressHost) =>
    known((await balancerOf(clients, config, ingressHost))?.state === "active" ? 1 : 0),
  "targets-healthy": async (clients, config, ingressHost) =>
    servesByGroups(config)
      ? healthOfGroup(clients, newGroupOf(await ruleStanding(clients.elb, config)))
      : targetsHealthy(clients, config, ingressHost),
  "old-targets-healthy": async (clients, config) => {
    const groups = groupsOf(config);
    return groups === undefined ? healthOf(clients, oldBalancerOf(config)) : healthOfGroup(clients, groups.oldTargetGroupArn);
  },
  "green-weight": (clients, config, ingressHost) => shareOf(clients, config, ["-green"], ingressHost),
  "rollout-share": (clients, config, ingressHost) => shareOf(clients, config, ["-stable", "-canary", "-ping", "-pong"], ingressHost),
} satisfies Partial<Record<ObservationName, Ask>>;

export type AwsReading = keyof typeof READINGS;
export const AWS_READINGS = Object.keys(READINGS) as AwsReading[];

/** What AWS itself answers. Never throws: a source that fails is unknown. */
export const awsObservation = (clients: AwsClients, config: StackConfig, name: AwsReading, ingressHost?: IngressHost): Promise<Reading> =>
  (READINGS[name] as Ask)(clients, config, ingressHost).catch((error: Error) => unknown(error.message));

/** Network interfaces that hold one of the groups: a database, a load balancer or an instance keeps its own for minutes after it was deleted. */
async function usersOf({ ec2 }: AwsClients, groups: string[]): Promise<number> {
  if (groups.length === 0) return 0;
  const pages = paginateDescribeNetworkInterfaces({ client: ec2 }, { Filters: [{ Name: "group-id", Values: groups }] });
  let users = 0;
  for await (const { NetworkInterfaces = [] } of pages) users += NetworkInterfaces.length;
  return users;
}

/** A promoted replica may keep its source's name for a while, and its status says which it is. */
const isReplica = (d: DBInstance): boolean => (d.ReadReplicaSourceDBInstanceIdentifier ?? "") !== "";

async function ofTarget(clients: AwsClients, config: StackConfig, value: (d: DBInstance) => number): Promise<Reading> {
  const identifier = config.database?.target.identifier;
  if (identifier === undefined) return unknown("the stack config has no database");
  const instance = await instanceOf(clients, identifier);
  return instance === undefined ? unknown(`there is no database ${identifier}`) : known(value(instance));
}

/** Whether the new side's users come by a target group of the load balancer that stays: from the step on that makes it. */
export const servesByGroups = (config: StackConfig): boolean => (groupsOf(config)?.records ?? "none") !== "none";

async function healthOfGroup(clients: AwsClients, arn: string | undefined): Promise<Reading> {
  if (arn === undefined) return unknown("cutover's rule names no target group of that side");
  const targets = (await targetHealth(clients.elb, arn)).filter((t) => t.TargetHealth?.State !== "draining");
  // Pods that are ready and that the load balancer does not know serve nobody.
  if (targets.length === 0) return known(0);
  return known(targets.filter((t) => t.TargetHealth?.State === "healthy").length / targets.length);
}

/** Of all its targets, the part that is healthy. */
async function healthOf(clients: AwsClients, balancerArn: string | undefined): Promise<Reading> {
  if (balancerArn === undefined) return unknown("there is no load balancer");
  let all = 0;
  let healthy = 0;
  for await (const group of allTargetGroups(clients.elb, balancerArn)) {
    for (const target of await targetHealth(clients.elb, group.TargetGroupArn ?? "")) {
      // A target that is on its way out gets no requests.
      if (target.TargetHealth?.State === "draining") continue;
      all += 1;
      if (target.TargetHealth?.State === "healthy") healthy += 1;
    }
  }
  return all === 0 ? unknown("the load balancer has no targets") : known(healthy / all);
}

/**
 * The replica's lag as RDS reports it, in seconds, once a minute: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html.
 * Its newest sample is one to two minutes old, so `gates.maxSampleAgeSeconds` must allow for that; -1, which RDS reports
 * when replication is broken, is unknown. Never throws.
 */
export async function cloudwatchLag(clients: AwsClients, config: StackConfig, now: number): Promise<Sampled> {
  const identifier = config.database?.target.identifier;
  const nothing = (reason: string): Sampled => ({ reading: unknown(reason), ageSeconds: 0 });
  if (identifier === undefined) return nothing("the stack config has no database");
  try {
    const data = await metricData(clients, {
      StartTime: new Date(now - 300_000),
      EndTime: new Date(now),
      ScanBy: "TimestampDescending",
      MetricDataQueries: [
        {
          Id: "lag",
          MetricStat: {
            Metric: { Namespace: "AWS/RDS", MetricName: "ReplicaLag", Dimensions: [{ Name: "DBInstanceIdentifier", Value: identifier }] },
            Period: 60,
            Stat: "Maximum",
          },
        },
      ],
    });
    const { Values: [value] = [], Timestamps: [at] = [] } = data("lag");
    if (value === undefined || at === undefined) return nothing(`no samples of ${identifier}'s ReplicaLag in five minutes`);
    if (value < 0) return nothing(`${identifier} does not replicate (ReplicaLag ${value})`);
    return { reading: known(value), ageSeconds: Math.max(0, (now - at.getTime()) / 1_000) };
  } catch (error) {
    return nothing((error as Error).message);
  }
}

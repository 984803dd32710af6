import { GetMetricDataCommand, type MetricDataQuery } from "@aws-sdk/client-cloudwatch";
import {
  DescribeListenersCommand,
  DescribeRulesCommand,
  DescribeTagsCommand,
  type TargetGroup,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { type DBInstance, DescribeDBInstancesCommand } from "@aws-sdk/client-rds";
import { finalSnapshotOf } from "../../automation/phases/cleanup.js";
import { namespaceOf, type StackConfig } from "../../config/schema.js";
import { known, type ObservationName, type Reading, type Side, unknown } from "../../ports/observations.js";
import type { Sampled } from "../prometheus/observations.js";
import { type AwsClients, unlessMissing } from "./clients.js";
import { snapshotOf } from "./cloudPort.js";
import { discoverLoadBalancers } from "./discovery.js";
import { allTargetGroups, targetHealth } from "./pages.js";
import { recordsOf } from "./records.js";

/** Tags that the AWS Load Balancer Controller gives what it makes. */
const STACK = "ingress.k8s.aws/stack";
const RESOURCE = "ingress.k8s.aws/resource";

/** Why a load balancer without requests has no rates. */
export const NO_REQUESTS = "no requests in the window";

/** When CloudWatch has a minute's samples, in seconds after it. */
const CLOUDWATCH_DELAY = 120;

/** What AWS itself can answer, or undefined for what it cannot. Never throws: a source that fails is unknown. */
export async function awsObservation(
  clients: AwsClients,
  config: StackConfig,
  name: ObservationName,
  side: Side | undefined,
  windowSeconds: number,
  now: number,
): Promise<Reading | undefined> {
  try {
    switch (name) {
      case "replica-available":
        return await ofTarget(clients, config, (d) => (d.DBInstanceStatus === "available" && isReplica(d) ? 1 : 0));
      case "backup-retention":
        return await ofTarget(clients, config, (d) => d.BackupRetentionPeriod ?? 0);
      case "snapshot-available": {
        const snapshot = await snapshotOf(clients, finalSnapshotOf(config.old?.databaseIdentifier ?? ""));
        return known(snapshot?.Status === "available" ? 1 : 0);
      }
      case "dns-weight-new":
        return known((await recordsOf(clients.route53, config)).new?.Weight ?? 0);
      case "dns-ttl": {
        const { old, plain } = await recordsOf(clients.route53, config);
        const ttl = (old ?? plain)?.TTL;
        return ttl === undefined ? unknown("the name has no record of the old side") : known(ttl);
      }
      case "load-balancer-ready":
        return known((await balancerOf(clients, config))?.state === "active" ? 1 : 0);
      case "targets-healthy":
        return await targetsHealthy(clients, config);
      case "green-weight":
        return await shareOf(clients, config, ["-green"]);
      case "rollout-share":
        return await shareOf(clients, config, ["-stable", "-canary"]);
      case "error-rate":
      case "latency-p95":
      case "request-count":
        return side === "old" ? await ofOldBalancer(clients, config, name, windowSeconds, now) : undefined;
      default:
        return undefined;
    }
  } catch (error) {
    return unknown((error as Error).message);
  }
}

/** A promoted replica may keep its source's name for a while, and its status says which it is. */
const isReplica = (d: DBInstance): boolean => (d.ReadReplicaSourceDBInstanceIdentifier ?? "") !== "";

async function ofTarget({ rds }: AwsClients, config: StackConfig, value: (d: DBInstance) => number): Promise<Reading> {
  const identifier = config.database?.target.identifier;
  if (identifier === undefined) return unknown("the stack config has no database");
  const found = await unlessMissing(
    rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: identifier })),
    "DBInstanceNotFoundFault",
    "DBInstanceNotFound",
  );
  const instance = found?.DBInstances?.[0];
  return instance === undefined ? unknown(`there is no database ${identifier}`) : known(value(instance));
}

async function balancerOf(clients: AwsClients, config: StackConfig) {
  const wanted = `${namespaceOf(config)}/${config.application.name}`;
  return (await discoverLoadBalancers(clients)).find((b) => b.tags[STACK] === wanted);
}

async function targetsHealthy(clients: AwsClients, config: StackConfig): Promise<Reading> {
  const balancer = await balancerOf(clients, config);
  if (balancer === undefined) return unknown("there is no load balancer");
  let all = 0;
  let healthy = 0;
  for await (const group of allTargetGroups(clients.elb, balancer.arn)) {
    for (const target of await targetHealth(clients.elb, group.TargetGroupArn ?? "")) {
      // A target that is on its way out gets no requests.
      if (target.TargetHealth?.State === "draining") continue;
      all += 1;
      if (target.TargetHealth?.State === "healthy") healthy += 1;
    }
  }
  return all === 0 ? unknown("the load balancer has no targets") : known(healthy / all);
}

/** Percent that the load balancer's own rules send to Services whose names end so (promise 11): not what an annotation asks for. */
async function shareOf(clients: AwsClients, config: StackConfig, suffixes: string[]): Promise<Reading> {
  const balancer = await balancerOf(clients, config);
  if (balancer === undefined) return unknown("there is no load balancer");
  const groups: TargetGroup[] = [];
  for await (const group of allTargetGroups(clients.elb, balancer.arn)) groups.push(group);
  const services = await servicesOf(clients, groups);
  const shares: number[] = [];
  const { Listeners = [] } = await clients.elb.send(new DescribeListenersCommand({ LoadBalancerArn: balancer.arn }));
  for (const listener of Listeners) {
    const { Rules = [] } = await clients.elb.send(new DescribeRulesCommand({ ListenerArn: listener.ListenerArn }));
    for (const action of Rules.flatMap((r) => r.Actions ?? []).filter((a) => a.Type === "forward")) {
      const targets = action.ForwardConfig?.TargetGroups ?? [{ TargetGroupArn: action.TargetGroupArn, Weight: 1 }];
      const sum = targets.reduce((total, t) => total + (t.Weight ?? 0), 0);
      const theirs = targets
        .filter((t) => suffixes.some((suffix) => services.get(t.TargetGroupArn ?? "")?.endsWith(suffix)))
        .reduce((total, t) => total + (t.Weight ?? 0), 0);
      if (sum > 0) shares.push((100 * theirs) / sum);
    }
  }
  if (shares.length === 0) return unknown("no rule of the load balancer forwards anything");
  // All rules must show it: the lowest of what they show.
  return known(Math.round(Math.min(...shares) * 100) / 100);
}

/** Names of Services by target group: the controller's tag reads NAMESPACE/INGRESS-SERVICE:PORT. */
async function servicesOf({ elb }: AwsClients, groups: TargetGroup[]): Promise<Map<string, string>> {
  const services = new Map<string, string>();
  for (let i = 0; i < groups.length; i += 20) {
    const arns = groups.slice(i, i + 20).map((g) => g.TargetGroupArn ?? "");
    const { TagDescriptions = [] } = await elb.send(new DescribeTagsCommand({ ResourceArns: arns }));
    for (const { ResourceArn = "", Tags = [] } of TagDescriptions) {
      const resource = Tags.find((t) => t.Key === RESOURCE)?.Value ?? "";
      services.set(ResourceArn, resource.replace(/:[^:]*$/, ""));
    }
  }
  return services;
}

/** What the old load balancer's rates are made of besides the count of its requests. */
const OLD_METRICS = {
  "request-count": undefined,
  "error-rate": { metric: "HTTPCode_Target_5XX_Count", stat: "Sum" },
  "latency-p95": { metric: "TargetResponseTime", stat: "p95" },
} as const;

/** Error rate, latency and count of the old load balancer, so that new is compared with old. */
async function ofOldBalancer(
  { cloudwatch }: AwsClients,
  config: StackConfig,
  name: keyof typeof OLD_METRICS,
  windowSeconds: number,
  now: number,
): Promise<Reading> {
  const arn = config.old?.loadBalancerArn;
  if (arn === undefined) return unknown("the stack config names no old load balancer");
  const suffix = arn.split(":loadbalancer/").at(-1) ?? "";
  if (!suffix.startsWith("app/")) return unknown(`${arn} is no Application Load Balancer`);
  const period = Math.max(60, Math.ceil(windowSeconds / 60) * 60);
  const query = (id: string, MetricName: string, Stat: string): MetricDataQuery => ({
    Id: id,
    MetricStat: {
      Metric: { Namespace: "AWS/ApplicationELB", MetricName, Dimensions: [{ Name: "LoadBalancer", Value: suffix }] },
      Period: period,
      Stat,
    },
  });
  const end = Math.floor(now / 60_000) * 60_000 - CLOUDWATCH_DELAY * 1_000;
  const more = OLD_METRICS[name];
  const { MetricDataResults = [] } = await cloudwatch.send(
    new GetMetricDataCommand({
      StartTime: new Date(end - period * 1_000),
      EndTime: new Date(end),
      MetricDataQueries: [query("requests", "RequestCount", "Sum"), ...(more === undefined ? [] : [query("more", more.metric, more.stat)])],
    }),
  );
  // A window that lies across two of CloudWatch's periods comes in two parts.
  const values = (id: string): number[] => MetricDataResults.find((r) => r.Id === id)?.Values ?? [];
  const sum = (id: string): number => values(id).reduce((a, b) => a + b, 0);
  const requests = sum("requests");
  if (requests === 0) return unknown(NO_REQUESTS);
  if (name === "request-count") return known(requests);
  if (requests < config.gates.minRequests) return unknown(`only ${requests} requests in the window`);
  if (name === "error-rate") return known(sum("more") / requests);
  return values("more").length === 0 ? unknown("no response times in the window") : known(Math.max(...values("more")));
}

/**
 * The replica's lag as RDS reports it, in seconds, once a minute: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html.
 * Its newest sample is one to two minutes old, so `gates.maxSampleAgeSeconds` must allow for that; -1, which RDS reports
 * when replication is broken, is unknown. Never throws.
 */
export async function cloudwatchLag({ cloudwatch }: AwsClients, config: StackConfig, now: number): Promise<Sampled> {
  const identifier = config.database?.target.identifier;
  const nothing = (reason: string): Sampled => ({ reading: unknown(reason), ageSeconds: 0 });
  if (identifier === undefined) return nothing("the stack config has no database");
  try {
    const { MetricDataResults = [] } = await cloudwatch.send(
      new GetMetricDataCommand({
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
      }),
    );
    const [value] = MetricDataResults[0]?.Values ?? [];
    const [at] = MetricDataResults[0]?.Timestamps ?? [];
    if (value === undefined || at === undefined) return nothing(`no samples of ${identifier}'s ReplicaLag in five minutes`);
    if (value < 0) return nothing(`${identifier} does not replicate (ReplicaLag ${value})`);
    return { reading: known(value), ageSeconds: Math.max(0, (now - at.getTime()) / 1_000) };
  } catch (error) {
    return nothing((error as Error).message);
  }
}

import {
  GetMetricDataCommand,
  type GetMetricDataCommandInput,
  type MetricDataQuery,
  type MetricDataResult,
} from "@aws-sdk/client-cloudwatch";
import { paginateDescribeNetworkInterfaces } from "@aws-sdk/client-ec2";
import {
  DescribeListenersCommand,
  DescribeRulesCommand,
  DescribeTagsCommand,
  type TargetGroup,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import type { DBInstance } from "@aws-sdk/client-rds";
import { finalSnapshotOf } from "../../automation/plan/phases/cleanup.js";
import { oldBalancerOf } from "../../config/oldSide.js";
import { namespaceOf, type StackConfig } from "../../config/schema.js";
import { Transient } from "../../errors.js";
import { known, type ObservationName, type Reading, type Side, unknown } from "../../ports/observations.js";
import type { Sampled } from "../prometheus/observations.js";
import type { AwsClients } from "./clients.js";
import { instanceOf, snapshotOf } from "./cloudPort.js";
import { discoverLoadBalancers } from "./discovery.js";
import { allTargetGroups, targetHealth } from "./pages.js";
import { recordsOf } from "./records.js";
import { ttlOf, weightOf } from "./sets.js";

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
      case "security-groups-users":
        return known(await usersOf(clients, config.old?.securityGroupIds ?? []));
      case "dns-weight-new":
        return weightOf(await recordsOf(clients.route53, config));
      case "dns-ttl":
        return ttlOf(await recordsOf(clients.route53, config));
      case "load-balancer-ready":
        return known((await balancerOf(clients, config))?.state === "active" ? 1 : 0);
      case "targets-healthy":
        return await targetsHealthy(clients, config);
      case "old-targets-healthy":
        return await healthOf(clients, config.old?.loadBalancerArn);
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

async function balancerOf(clients: AwsClients, config: StackConfig) {
  const wanted = `${namespaceOf(config)}/${config.application.name}`;
  return (await discoverLoadBalancers(clients)).find((b) => b.tags[STACK] === wanted);
}

async function targetsHealthy(clients: AwsClients, config: StackConfig): Promise<Reading> {
  return healthOf(clients, (await balancerOf(clients, config))?.arn);
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

/**
 * What CloudWatch has of every query, by its id. No samples in a complete answer mean that nothing happened; in one that
 * is not complete, or is missing, they mean nothing.
 * @throws Transient for such an answer (promise 10)
 */
async function metricData(
  { cloudwatch }: Pick<AwsClients, "cloudwatch">,
  input: GetMetricDataCommandInput,
): Promise<(id: string) => MetricDataResult> {
  const { MetricDataResults = [], NextToken } = await cloudwatch.send(new GetMetricDataCommand(input));
  const results = new Map(MetricDataResults.map((r) => [r.Id, r]));
  const incomplete = (what: string) => new Transient(`CloudWatch's answer is not complete: ${what}`);
  for (const { Id = "", MetricStat } of input.MetricDataQueries ?? []) {
    const metric = MetricStat?.Metric?.MetricName ?? Id;
    const result = results.get(Id);
    if (result === undefined) throw incomplete(`${metric} is missing`);
    if (result.StatusCode !== "Complete") {
      const said = (result.Messages ?? []).map((m) => `, ${m.Value ?? m.Code}`).join("");
      throw incomplete(`${metric} is ${result.StatusCode ?? "without a status"}${said}`);
    }
  }
  if (NextToken !== undefined) throw incomplete("there is more of it");
  return (id) => results.get(id) ?? {};
}

/** What of the old load balancer each observation is made of. */
const OLD_METRICS = {
  // Each count leaves out the other: the answers 5xx of the targets, and the load balancer's own where no target answers.
  targetErrors: { metric: "HTTPCode_Target_5XX_Count", stat: "Sum" },
  ownErrors: { metric: "HTTPCode_ELB_5XX_Count", stat: "Sum" },
  requests: { metric: "RequestCount", stat: "Sum" },
  times: { metric: "TargetResponseTime", stat: "p95" },
} as const;

const OF_OLD = {
  "request-count": ["requests", "ownErrors"],
  "error-rate": ["requests", "ownErrors", "targetErrors"],
  "latency-p95": ["requests", "ownErrors", "times"],
} as const;

/** Error rate, latency and count of the old load balancer, so that new is compared with old. */
async function ofOldBalancer(
  clients: AwsClients,
  config: StackConfig,
  name: keyof typeof OF_OLD,
  windowSeconds: number,
  now: number,
): Promise<Reading> {
  const arn = oldBalancerOf(config);
  if (arn === undefined) return unknown("the stack config names no old load balancer");
  const suffix = arn.split(":loadbalancer/").at(-1) ?? "";
  if (!suffix.startsWith("app/")) return unknown(`${arn} is no Application Load Balancer`);
  const period = Math.max(60, Math.ceil(windowSeconds / 60) * 60);
  const query = (id: keyof typeof OLD_METRICS): MetricDataQuery => ({
    Id: id,
    MetricStat: {
      Metric: {
        Namespace: "AWS/ApplicationELB",
        MetricName: OLD_METRICS[id].metric,
        Dimensions: [{ Name: "LoadBalancer", Value: suffix }],
      },
      Period: period,
      Stat: OLD_METRICS[id].stat,
    },
  });
  const end = Math.floor(now / 60_000) * 60_000 - CLOUDWATCH_DELAY * 1_000;
  const data = await metricData(clients, {
    StartTime: new Date(end - period * 1_000),
    EndTime: new Date(end),
    MetricDataQueries: OF_OLD[name].map(query),
  });
  // A window that lies across two of CloudWatch's periods comes in two parts.
  const values = (id: keyof typeof OLD_METRICS): number[] => data(id).Values ?? [];
  const sum = (id: keyof typeof OLD_METRICS): number => values(id).reduce((a, b) => a + b, 0);
  const errors = sum("ownErrors") + sum("targetErrors");
  // A request that no target can take is not in RequestCount: a fleet that is dead has errors and no requests.
  const requests = Math.max(sum("requests"), errors);
  if (requests === 0) return unknown(NO_REQUESTS);
  if (name === "request-count") return known(requests);
  if (requests < config.gates.minRequests) return unknown(`only ${requests} requests in the window`);
  if (name === "error-rate") return known(errors / requests);
  return values("times").length === 0 ? unknown("no response times in the window") : known(Math.max(...values("times")));
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

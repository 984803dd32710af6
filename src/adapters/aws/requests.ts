import type { MetricDataQuery } from "@aws-sdk/client-cloudwatch";
import type { TargetGroup } from "@aws-sdk/client-elastic-load-balancing-v2";
import { balancerKind, balancerName, insteadOf, oldBalancerOf, servingBalancerOf } from "../../config/oldSide.js";
import { namespaceOf, type StackConfig } from "../../config/schema.js";
import { groupsOf } from "../../config/shift.js";
import { known, type Reading, type Side, unknown } from "../../ports/observations.js";
import type { RequestSignal, Sampled } from "../prometheus/observations.js";
import { balancerOf, type IngressHost, servicesOf, shareOf } from "./balancer.js";
import type { AwsClients } from "./clients.js";
import { newGroupOf, ruleStanding } from "./groups.js";
import { metricData } from "./metrics.js";
import { allTargetGroups } from "./pages.js";

/** Why a load balancer without requests has no rates. */
export const NO_REQUESTS = "no requests in the window";

/** When CloudWatch has a minute's samples, in seconds after it. */
export const CLOUDWATCH_DELAY = 120;

/** What a load balancer counts; each count of errors leaves out the other's. */
interface Counts {
  requests: number;
  /** Answers 5xx of the targets. */
  targetErrors: number;
  /** The load balancer's own answers 5xx, where no target answers. */
  ownErrors: number;
  /** Targets that could not be connected to. */
  unconnected: number;
  /** The largest 95th percentile of the window's parts. */
  p95: number | undefined;
}

/** How the two kinds of load balancers that see HTTP name their metrics. */
const NAMES = {
  application: {
    namespace: "AWS/ApplicationELB",
    requests: "RequestCount",
    targetErrors: "HTTPCode_Target_5XX_Count",
    ownErrors: "HTTPCode_ELB_5XX_Count",
    unconnected: "TargetConnectionErrorCount",
    times: "TargetResponseTime",
  },
  classic: {
    namespace: "AWS/ELB",
    requests: "RequestCount",
    targetErrors: "HTTPCode_Backend_5XX",
    ownErrors: "HTTPCode_ELB_5XX",
    unconnected: "BackendConnectionErrors",
    times: "Latency",
  },
} as const;
type Kind = keyof typeof NAMES;
type Metric = Exclude<keyof (typeof NAMES)[Kind], "namespace">;

/** What each observation is made of. */
const METRICS: Record<RequestSignal, Metric[]> = {
  "request-count": ["requests", "targetErrors", "ownErrors"],
  "error-rate": ["requests", "targetErrors", "ownErrors", "unconnected"],
  "latency-p95": ["requests", "targetErrors", "ownErrors", "unconnected", "times"],
};

interface Balancer {
  kind: Kind;
  /** Its name in CloudWatch's dimensions. */
  name: string;
}

/**
 * Error rate, latency and number of requests as a side's load balancer counted them, so that like is compared with like and
 * no metric of the application's own is needed. Its own answers 502, 503 and 504 are among them, on both sides. The newest
 * minute is `CLOUDWATCH_DELAY` old. Never throws: what fails is unknown (promise 10).
 */
export async function loadBalancerRequests(
  clients: AwsClients,
  config: StackConfig,
  name: RequestSignal,
  side: Side,
  windowSeconds: number,
  now: number,
  ingressHost?: IngressHost,
  canaryService?: CanaryService,
): Promise<Sampled> {
  const window = windowOf(windowSeconds, now);
  const { end } = window;
  const ageSeconds = (now - end) / 1_000;
  try {
    const groups = groupsOf(config);
    if (groups !== undefined && (side === "old" || groups.records !== "none"))
      return { reading: await groupRequests(clients, config, name, side, window), ageSeconds };
    const found = side === "old" ? oldBalancer(config) : await newBalancer(clients, config, ingressHost);
    if (typeof found === "string") return { reading: unknown(found), ageSeconds };
    const whole = await countsOf(clients, found, window, name);
    const reading = judged(name, whole, config.gates.minRequests, name === "request-count");
    if (!reading.known || side === "old" || name === "request-count") return { reading, ageSeconds };
    return { reading: await withNewVersion(clients, config, found, window, name, whole, reading, ingressHost, canaryService), ageSeconds };
  } catch (error) {
    return { reading: unknown((error as Error).message), ageSeconds };
  }
}

/** The newest window of whole minutes that CloudWatch has. */
export const windowOf = (windowSeconds: number, now: number): Window => ({
  end: Math.floor(now / 60_000) * 60_000 - CLOUDWATCH_DELAY * 1_000,
  period: Math.max(60, Math.ceil(windowSeconds / 60) * 60),
});

/**
 * A side's own target group of the load balancer that serves both. The load balancer's own errors belong to no group: those that
 * the connection errors of its other groups do not account for are counted as the new side's, whoever caused them.
 */
async function groupRequests(clients: AwsClients, config: StackConfig, name: RequestSignal, side: Side, window: Window): Promise<Reading> {
  const arn = servingBalancerOf(config) ?? "";
  const balancer = balancerOfArn(arn);
  if (typeof balancer === "string") return unknown(balancer);
  const standing = await ruleStanding(clients.elb, config);
  const own = side === "old" ? standing.groups.oldTargetGroupArn : newGroupOf(standing);
  if (own === undefined) return unknown("cutover's rule names no target group of that side");
  const suffix = (group: string): string => group.split(":").at(-1) ?? "";
  const counts = await countsOf(clients, balancer, window, name, suffix(own));
  if (name === "request-count") return judged(name, counts, 0, true);
  const least = config.gates.minRequests;
  if (side === "old") return judged(name, { ...counts, ownErrors: counts.unconnected }, least, false);
  const whole = await countsOf(clients, balancer, window, name);
  let elsewhere = 0;
  for await (const { TargetGroupArn = "" } of allTargetGroups(clients.elb, arn))
    if (TargetGroupArn !== own) elsewhere += (await countsOf(clients, balancer, window, name, suffix(TargetGroupArn))).unconnected;
  return judged(name, { ...counts, ownErrors: Math.max(counts.unconnected, whole.ownErrors - elsewhere) }, least, false);
}

function oldBalancer(config: StackConfig): Balancer | string {
  const arn = oldBalancerOf(config);
  if (arn === undefined) return `the stack config names no old load balancer${insteadOf(config)}`;
  return balancerOfArn(arn);
}

async function newBalancer(clients: AwsClients, config: StackConfig, ingressHost?: IngressHost): Promise<Balancer | string> {
  const balancer = await balancerOf(clients, config, ingressHost);
  return balancer === undefined ? "there is no load balancer" : balancerOfArn(balancer.arn);
}

/** @returns why it cannot tell errors from answers, where it cannot */
export function balancerOfArn(arn: string): Balancer | string {
  const kind = balancerKind(arn);
  if (kind !== "other") return { kind, name: balancerName(arn) };
  return `${arn} is no Application Load Balancer: it forwards connections and does not see what HTTP answers. Name another source under sources`;
}

export interface Window {
  /** Milliseconds since the epoch. */
  end: number;
  /** Seconds. */
  period: number;
}

async function countsOf(
  clients: AwsClients,
  { kind, name }: Balancer,
  { end, period }: Window,
  signal: RequestSignal,
  group?: string,
): Promise<Counts> {
  const names = NAMES[kind];
  const dimensions = [
    { Name: kind === "classic" ? "LoadBalancerName" : "LoadBalancer", Value: name },
    ...(group === undefined ? [] : [{ Name: "TargetGroup", Value: group }]),
  ];
  // The load balancer's own errors belong to no group.
  const asked = METRICS[signal].filter((m) => group === undefined || m !== "ownErrors");
  const query = (id: Metric): MetricDataQuery => ({
    Id: id,
    MetricStat: {
      Metric: { Namespace: names.namespace, MetricName: names[id], Dimensions: dimensions },
      Period: period,
      Stat: id === "times" ? "p95" : "Sum",
    },
  });
  const data = await metricData(clients, {
    StartTime: new Date(end - period * 1_000),
    EndTime: new Date(end),
    MetricDataQueries: asked.map(query),
  });
  // A window that lies across two of CloudWatch's periods comes in two parts.
  const sum = (id: Metric): number => (data(id).Values ?? []).reduce((a, b) => a + b, 0);
  const times = data("times").Values ?? [];
  return {
    requests: sum("requests"),
    targetErrors: sum("targetErrors"),
    ownErrors: sum("ownErrors"),
    unconnected: sum("unconnected"),
    p95: times.length === 0 ? undefined : Math.max(...times),
  };
}

function judged(name: RequestSignal, counts: Counts, least: number, few: boolean): Reading {
  const errors = counts.ownErrors + counts.targetErrors;
  // A request that no target can take is not in RequestCount: a fleet that is dead has errors and no requests.
  const requests = Math.max(counts.requests, errors);
  if (requests === 0) return unknown(NO_REQUESTS);
  if (few) return known(requests);
  if (requests < least) return unknown(`only ${requests} requests in the window`);
  if (name === "error-rate") return known(errors / requests);
  return counts.p95 === undefined ? unknown("no response times in the window") : known(counts.p95);
}

/**
 * While an old and a new version share the load balancer, the new one is judged on its own requests alone: at 5 % of the
 * traffic the other's good answers would hide all its errors. Errors of the load balancer's own that the other version's
 * targets did not cause are counted as the new one's.
 */
async function withNewVersion(
  clients: AwsClients,
  config: StackConfig,
  balancer: Balancer,
  window: Window,
  name: RequestSignal,
  whole: Counts,
  ofWhole: Reading & { known: true },
  ingressHost?: IngressHost,
  canaryService?: CanaryService,
): Promise<Reading> {
  const version = await sharing(clients, config, ingressHost, canaryService);
  if (version === undefined) return ofWhole;
  if (typeof version !== "string") return version;
  const found = await balancerOf(clients, config, ingressHost);
  const groups: TargetGroup[] = [];
  for await (const group of allTargetGroups(clients.elb, found?.arn ?? "")) groups.push(group);
  const services = await servicesOf(
    clients,
    groups.flatMap((g) => g.TargetGroupArn ?? []),
  );
  // Whole names, as the controller's tag has them: an application may be called web-canary.
  const { name: app } = config.application;
  const wanted = [`${namespaceOf(config)}/${app}-${app}-${version}`];
  const isNew = ({ TargetGroupArn = "" }: TargetGroup): boolean => wanted.includes(services.get(TargetGroupArn) ?? "");
  if (!groups.some(isNew)) return unknown(`the load balancer has no target group of ${version}`);
  const counted = await Promise.all(
    groups.map(async (g) => ({
      isNew: isNew(g),
      counts: await countsOf(clients, balancer, window, name, (g.TargetGroupArn ?? "").split(":").at(-1) ?? ""),
    })),
  );
  const sum = (of: boolean, what: "requests" | "targetErrors" | "unconnected"): number =>
    counted.filter((c) => c.isNew === of).reduce((total, c) => total + c.counts[what], 0);
  const times = counted.flatMap((c) => (c.isNew && c.counts.p95 !== undefined ? [c.counts.p95] : []));
  const reading = judged(
    name,
    {
      requests: sum(true, "requests"),
      targetErrors: sum(true, "targetErrors"),
      ownErrors: Math.max(0, whole.ownErrors - sum(false, "unconnected")),
      unconnected: 0,
      p95: times.length === 0 ? undefined : Math.max(...times),
    },
    config.gates.minRequests,
    false,
  );
  if (!reading.known) return unknown(`${version}: ${reading.reason}`);
  return known(Math.max(ofWhole.value, reading.value));
}

/**
 * What follows the application's name in the Service that leads to a Rollout's canary: of ping and pong only the Rollout knows.
 * Undefined where it does not say.
 */
export type CanaryService = () => Promise<string | undefined>;

/** The new version that gets a part of the load balancer's requests beside the one before, by its Service; undefined without one. */
async function sharing(
  clients: AwsClients,
  config: StackConfig,
  ingressHost?: IngressHost,
  canaryService?: CanaryService,
): Promise<string | Reading | undefined> {
  const { strategy } = config;
  if (strategy.kind === "blue-green") return strategy.green && strategy.blue && strategy.greenWeight > 0 ? "green" : undefined;
  if (strategy.kind !== "canary" || strategy.workload !== "rollout") return undefined;
  const canary = strategy.pingPong ? await canaryService?.().catch(() => undefined) : "canary";
  if (canary === undefined) return unknown("the Rollout does not say which of its Services leads to the canary");
  const share = await shareOf(clients, config, [`-${canary}`], ingressHost);
  return share.known && share.value > 0 ? canary : undefined;
}

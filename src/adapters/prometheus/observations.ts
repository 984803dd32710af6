import type { StackConfig } from "../../config/schema.js";
import { known, type ObservationName, type Reading, type Side, unknown } from "../../ports/observations.js";
import { CONVENTIONS } from "../../promql/conventions.js";
import * as promql from "../../promql/expressions.js";
import { type PrometheusOptions, query, queryVector } from "./query.js";

export { type PrometheusOptions, query } from "./query.js";

/** A reading, and how old the samples behind it are, in seconds. */
export interface Sampled {
  reading: Reading;
  ageSeconds: number;
}

/** What of a side's requests Prometheus answers. */
export const REQUEST_SIGNALS = ["error-rate", "latency-p95", "request-count"] as const satisfies ObservationName[];
export type RequestSignal = (typeof REQUEST_SIGNALS)[number];

/** Load balancer nodes that check a target's health, every 15 s each: one an availability zone. */
const CHECKING_NODES = 3;
const CHECK_SECONDS = 15;

/** Why a source has no answer. */
class Unknown extends Error {}

/**
 * What Prometheus knows of a side's requests. The same expressions as the alerts.
 * Whatever does not tell good from bad is unknown, with the reason: no samples, too few requests, pods that do not report,
 * series of several places, a status that says nothing (promise 10). The age is that of the newest sample: an instant query
 * alone would go on with samples of five minutes ago.
 */
export async function prometheusObservation(
  options: PrometheusOptions,
  config: StackConfig,
  name: RequestSignal,
  windowSeconds: number,
  side: Side = "new",
): Promise<Sampled> {
  const source = side === "new" ? config.sources.new : config.sources.old;
  try {
    if (source?.kind === "prometheus" && source.expressions !== undefined)
      return { reading: await ofExpressions(options, config, name, windowSeconds, source.expressions), ageSeconds: 0 };
    const selection = selectionOf(config, side);
    const age = await query(options, `time() - max(timestamp(${promql.allSeries(selection)}))`);
    if (age === undefined) throw new Unknown(await nothingOf(options, selection));
    await requirePlace(options, selection);
    if (side === "new") await requirePods(options, config, selection);
    const whole = await reading(options, config, selection, name, windowSeconds);
    const { strategy, application } = config;
    const both = side === "new" && strategy.kind === "blue-green" && strategy.green && strategy.blue && strategy.greenWeight > 0;
    if (!both || name === "request-count") return { reading: known(whole), ageSeconds: age };
    // Blue's good answers must not hide green's bad ones.
    const green = { ...selection, pods: `${application.name}-green-.+` };
    await requirePodLabel(options, green);
    const ofGreen = await reading(options, config, green, name, windowSeconds).catch((error: Error) => {
      throw error instanceof Unknown ? new Unknown(`green: ${error.message}`) : error;
    });
    return { reading: known(Math.max(whole, ofGreen)), ageSeconds: age };
  } catch (error) {
    return { reading: unknown((error as Error).message), ageSeconds: 0 };
  }
}

function selectionOf(config: StackConfig, side: Side): promql.Selection {
  const selection = promql.selectionOf(config);
  const { old } = config.sources;
  if (side === "new" || old?.kind !== "prometheus") return selection;
  return { ...selection, convention: old.convention, ...(old.labels === undefined ? {} : { labels: old.labels }) };
}

async function reading(
  options: PrometheusOptions,
  config: StackConfig,
  selection: promql.Selection,
  name: RequestSignal,
  windowSeconds: number,
): Promise<number> {
  const window = `${windowSeconds}s`;
  const counted = await query(options, promql.requestCount(selection, window));
  if (counted === undefined) throw new Unknown("too few samples in the window");
  const requests = counted - (await probesAmong(options, config, selection, windowSeconds));
  if (name === "request-count") return Math.max(0, requests);
  const least = config.gates.minRequests;
  if (counted === 0) throw new Unknown("no requests in the window");
  if (requests < least) {
    const beside = counted - requests >= 1 ? ` beside ${Math.round(counted - requests)} of probes` : "";
    throw new Unknown(`only ${Math.max(0, Math.round(requests))} requests in the window${beside}`);
  }
  if (name === "latency-p95") return latency(options, config, selection, window);
  const untold = await query(options, promql.untoldShare(selection, window));
  const { statusLabels } = CONVENTIONS[selection.convention];
  if (untold === undefined || !(untold <= promql.MOST_UNTOLD))
    throw new Unknown(
      `the status of ${untold === undefined ? "all" : `${Math.round(untold * 1_000) / 10} % of`} requests says nothing: no label ${statusLabels.join(", ")} of theirs holds a status such as 200, 5xx or error`,
    );
  const [failed = 0, began = 0] = await Promise.all([
    query(options, promql.failedCount(selection, window)),
    query(options, promql.firstFailedCount(selection, window)),
  ]);
  return Math.min(1, (failed + began) / Math.max(requests, began));
}

/** Where routes are not told apart, the kubelet's and the load balancer's checks are taken off: they pass while users fail. */
async function probesAmong(
  options: PrometheusOptions,
  { workload, verification, ingress }: StackConfig,
  selection: promql.Selection,
  windowSeconds: number,
): Promise<number> {
  if (selection.labels !== undefined && selection.probes.length === 0) return 0;
  const convention = CONVENTIONS[selection.convention];
  // The kubelet's probes do not come through a proxy.
  if ("applicationLabel" in convention) return 0;
  const routeLabels: string[] = convention.routeLabels;
  const all = promql.allSeries(selection);
  const routed = routeLabels.map((label) => `(${all.replace(/}$/, `,${label}!=""}`)})`).join(" or ");
  const [named, pods] = await Promise.all([
    verification.synthetic || routed === "" ? undefined : query(options, `count(${routed})`),
    query(options, `count(count by (instance, pod) (${all}))`),
  ]);
  if (named !== undefined) return 0;
  const { liveness, readiness } = workload.probes;
  const aSecond = 1 / liveness.periodSeconds + 1 / readiness.periodSeconds + (ingress === undefined ? 0 : CHECKING_NODES / CHECK_SECONDS);
  return aSecond * windowSeconds * (pods ?? 0);
}

/** The 95th percentile; beyond the largest bucket it is only known to be above that. */
async function latency(options: PrometheusOptions, config: StackConfig, selection: promql.Selection, window: string): Promise<number> {
  const expression = promql.latency(selection, window);
  const counts = promql.bucketCounts(selection, window);
  if (expression === undefined || counts === undefined)
    throw new Unknown(`${CONVENTIONS[selection.convention].requests} has no histogram of durations beside it`);
  const [value, buckets] = await Promise.all([query(options, expression), queryVector(options, counts)]);
  const all = buckets.find((b) => b.labels.le === "+Inf")?.value;
  const { perSecond = 1 } = CONVENTIONS[selection.convention] as { perSecond?: number };
  const finite = buckets.filter((b) => b.labels.le !== "+Inf").map((b) => ({ le: Number(b.labels.le) / perSecond, count: b.value }));
  const largest = finite.sort((a, b) => a.le - b.le).at(-1);
  if (value === undefined || !Number.isFinite(value) || all === undefined || largest === undefined)
    throw new Unknown("the window gives no value");
  if (largest.count >= all * 0.95) return value;
  const limit = config.gates.maxLatencyP95Seconds;
  // Above a bucket that ends at the limit or beyond it is above the limit, by however much.
  if (largest.le >= limit) return largest.le * 1.001;
  throw new Unknown(`the 95th percentile is above the largest bucket, ${largest.le} s: whether it is above ${limit} s is not known`);
}

/** Series of several namespaces or environments are not this application's alone; of none, nobody knows whose they are. */
async function requirePlace(options: PrometheusOptions, selection: promql.Selection): Promise<void> {
  const places = await queryVector(options, promql.placesOf(selection));
  const inWords = (labels: Record<string, string>): string =>
    Object.entries(labels)
      .map((l) => l.join("="))
      .join(" ") || "no such label";
  if (places.length > 1)
    throw new Unknown(
      `the series are of several places (${places.map((p) => inWords(p.labels)).join("; ")}): say in sources.new.labels which are meant`,
    );
  const [place] = places;
  const { convention, labels } = selection;
  if (labels !== undefined || "applicationLabel" in CONVENTIONS[convention] || place === undefined) return;
  if (Object.keys(place.labels).length === 0)
    throw new Unknown("the series have no label of a namespace or environment: say in sources.new.labels by which labels they are meant");
}

/** What pods that do not report answer is not known. */
async function requirePods(options: PrometheusOptions, config: StackConfig, selection: promql.Selection): Promise<void> {
  // A proxy in front of the application has other pods.
  if ("applicationLabel" in CONVENTIONS[selection.convention]) return;
  const { minPodsReporting: least } = config.gates;
  const [up, targets, reporting] = await Promise.all([
    query(options, `sum(${promql.targetSeries(selection)})`),
    query(options, `count(${promql.targetSeries(selection)})`),
    query(options, `count(count by (instance, pod, k8s_pod_name) (${promql.allSeries(selection)}))`),
  ]);
  const there = targets === undefined ? (reporting ?? 0) : (up ?? 0);
  const wanted = Math.max(targets ?? 0, wantedPods(config));
  if (there < least * wanted) throw new Unknown(`only ${there} of ${wanted} pods report`);
}

function wantedPods({ workload, strategy, autoscaling }: StackConfig): number {
  if (autoscaling.hpa.enabled) return autoscaling.hpa.minReplicas;
  return strategy.kind === "canary" && strategy.workload === "rollout" ? strategy.replicas : workload.replicas;
}

async function requirePodLabel(options: PrometheusOptions, selection: promql.Selection): Promise<void> {
  const bare = { ...selection };
  delete bare.pods;
  const all = promql.allSeries(bare);
  const labelled = promql.POD_LABELS.map((label) => `${all.replace(/}$/, `,${label}!=""}`)}`).join(" or ");
  if ((await query(options, `count(${labelled})`)) === undefined)
    throw new Unknown(`the series have no label ${promql.POD_LABELS.join(", ")}, by which green is told from blue`);
}

/** What is missing, and what is there under another name. */
async function nothingOf(options: PrometheusOptions, selection: promql.Selection): Promise<string> {
  const { requests } = CONVENTIONS[selection.convention];
  const nothing = `Prometheus has no samples of ${promql.allSeries(selection)}`;
  for (const [convention, { requests: other }] of Object.entries(CONVENTIONS)) {
    if (other === requests) continue;
    const found = await query(
      options,
      `count(${promql.allSeries({ ...selection, convention: convention as promql.Selection["convention"] })})`,
    );
    if (found !== undefined) return `${nothing}, but ${found} series of ${other}: sources.new.convention ${convention}`;
  }
  return nothing;
}

async function ofExpressions(
  options: PrometheusOptions,
  config: StackConfig,
  name: RequestSignal,
  windowSeconds: number,
  own: { requests: string; errors: string; latencyP95?: string | undefined },
): Promise<Reading> {
  const ask = (expression: string): Promise<number | undefined> => query(options, expression.replaceAll("$window", `${windowSeconds}s`));
  const requests = await ask(own.requests);
  if (requests === undefined || !Number.isFinite(requests)) return unknown("the expression of requests gives no value");
  const count = requests * windowSeconds;
  if (name === "request-count") return known(count);
  if (count < config.gates.minRequests) return unknown(`only ${Math.round(count)} requests in the window`);
  const expression = name === "error-rate" ? own.errors : own.latencyP95;
  if (expression === undefined) return unknown("no expression of the 95th percentile is given");
  const value = await ask(expression);
  if (value === undefined || !Number.isFinite(value)) return unknown(`the expression of ${name} gives no value`);
  return known(name === "error-rate" ? value / requests : value);
}

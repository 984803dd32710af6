import { namespaceOf, type StackConfig } from "../config/schema.js";
import { type Convention, type ConventionName, conventionNamed } from "./conventions.js";

/**
 * Every PromQL expression of cutover is made here: of the gates, of the alerts and of a canary's analysis, so that what one
 * of them reads as healthy the others do not read as broken. Plain text, no I/O.
 */
export interface Selection {
  convention: ConventionName;
  application: string;
  namespace: string;
  environment: string;
  /** Labels that select the series instead of application, namespace and environment. */
  labels?: Record<string, string>;
  /** Regular expression of the pods' names: one colour, or a canary's pods. */
  pods?: string;
  /** Paths that only probes and Prometheus itself ask for. */
  probes: string[];
}

/** What a status label says of an answer that failed, and of one that did not. Anything else says nothing. */
const FAILED = "5[0-9][0-9]|5xx|5XX|error|Error|ERROR|failure|exception|SERVER_ERROR";
const WORKED = "[1-4][0-9][0-9]|[1-4]xx|[1-4]XX|success|Success|SUCCESS|ok|OK";

/** Labels by which series of one job belong to different places. */
export const PLACE_LABELS = ["namespace", "kubernetes_namespace", "exported_namespace", "k8s_namespace_name"] as const;
export const ENVIRONMENT_LABELS = ["environment", "env", "deployment_environment", "deployment_environment_name", "stage"] as const;
export const POD_LABELS = ["pod", "kubernetes_pod_name", "pod_name", "k8s_pod_name"] as const;

/** How environments are spelled in labels. */
const SPELLED: Record<string, string> = { production: "production|prod|prd|live", staging: "staging|stage|stg" };

/** What selects a stack's new side; `green` and `canary` select the pods of one version. */
export function selectionOf(config: StackConfig, pods?: string): Selection {
  const { application, workload, ingress, verification, sources } = config;
  const chosen = sources.new?.kind === "prometheus" ? sources.new : undefined;
  const { liveness, readiness } = workload.probes;
  // What the load generator asks for counts while it runs: there are no users yet.
  const asked = verification.synthetic ? ingress?.healthCheckPath : undefined;
  const probes = [liveness.path, readiness.path, workload.metrics.path, ingress?.healthCheckPath].filter(
    (p): p is string => p !== undefined && p !== asked,
  );
  return {
    convention: chosen?.convention ?? "guide",
    application: application.name,
    namespace: namespaceOf(config),
    environment: application.environment,
    ...(chosen?.labels === undefined ? {} : { labels: chosen.labels }),
    ...(pods === undefined ? {} : { pods }),
    probes: [...new Set(probes)],
  };
}

const quoted = (text: string): string => JSON.stringify(text);
/** RE2 takes the same escapes. */
const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** A metric with what selects it: `NAME{MATCHERS}`, where the convention's name may bring matchers of its own. */
function series(metric: string, matchers: string[], suffix = ""): string {
  const [name = "", own = ""] = metric.replace("}", "").split("{");
  return `${name}${suffix}{${[...(own === "" ? [] : [own]), ...matchers].join(",")}}`;
}

/** What selects the application's targets, without routes and pods. */
function placed({ convention, application, namespace, environment, labels }: Selection): string[] {
  if (labels !== undefined) return Object.entries(labels).map(([label, value]) => `${label}=${quoted(value)}`);
  const { applicationLabel = "job" }: Convention = conventionNamed(convention);
  // A label that is absent matches too: whether series of other places are among them, the reading asks for itself.
  const at = PLACE_LABELS.filter((l) => l !== "exported_namespace" || applicationLabel !== "job");
  // A proxy's own namespace is another one than the application's, which it then exports.
  const places = applicationLabel === "ingress" ? ["exported_namespace"] : at;
  const spelled = SPELLED[environment] ?? literal(environment);
  return [
    `${applicationLabel}=${quoted(application)}`,
    ...places.map((label) => `${label}=~${quoted(`${literal(namespace)}|`)}`),
    ...ENVIRONMENT_LABELS.map((label) => `${label}=~${quoted(`${spelled}|`)}`),
  ];
}

/** What selects the application's requests. */
function matchersOf(selection: Selection): string[] {
  const { convention, pods, probes } = selection;
  const routes = probes.length === 0 ? [] : conventionNamed(convention).routeLabels;
  return [
    ...placed(selection),
    ...(pods === undefined ? [] : POD_LABELS.map((label) => `${label}=~${quoted(`${pods}|`)}`)),
    ...routes.map((label) => `${label}!~${quoted(probes.map(literal).join("|"))}`),
  ];
}

const either = (parts: string[]): string => (parts.length === 1 ? (parts[0] ?? "") : `(${parts.join(" or ")})`);

/** The counter of requests as it stands. */
export const requestSeries = (selection: Selection): string =>
  series(conventionNamed(selection.convention).requests, matchersOf(selection));

/** The same without what leaves probes out. */
export const allSeries = (selection: Selection): string => requestSeries({ ...selection, probes: [] });

/** The application's targets as Prometheus scrapes them. */
export const targetSeries = (selection: Selection): string => series("up", placed(selection));

function byStatus(selection: Selection, values: string, wrap: (selector: string) => string): string {
  const { requests, statusLabels } = conventionNamed(selection.convention);
  const matchers = matchersOf(selection);
  return either(statusLabels.map((label) => wrap(series(requests, [...matchers, `${label}=~${quoted(values)}`]))));
}

/** Requests in the window. */
export const requestCount = (selection: Selection, window: string): string => `sum(increase(${requestSeries(selection)}[${window}]))`;

/** Requests whose status says whether they failed. */
export const toldCount = (selection: Selection, window: string): string =>
  `sum(${byStatus(selection, `${FAILED}|${WORKED}`, (s) => `increase(${s}[${window}])`)})`;

/** Failed requests in the window; no value where none ever failed. */
export const failedCount = (selection: Selection, window: string): string =>
  `sum(${byStatus(selection, FAILED, (s) => `increase(${s}[${window}])`)})`;

/**
 * Failed requests of a series that began in the window: its first value is no increase to Prometheus, but of a target that
 * was measured before it happened in the window.
 */
export function firstFailedCount(selection: Selection, window: string): string {
  const began = byStatus(selection, FAILED, (s) => `min_over_time(${s}[${window}])`);
  const before = byStatus(selection, FAILED, (s) => `${s} offset ${window}`);
  return `sum((${began} unless ${before}) and on (instance) ${allSeries(selection)} offset ${window})`;
}

/**
 * Failed requests over all. A service without a single error reads 0; one whose status says nothing has no value, so that
 * nobody takes it for healthy.
 */
export function errorRate(selection: Selection, window: string): string {
  const rate = (s: string): string => `rate(${s}[${window}])`;
  const failed = byStatus(selection, FAILED, rate);
  const told = byStatus(selection, `${FAILED}|${WORKED}`, rate);
  return `(sum(${failed}) or 0 * sum(${told})) / sum(rate(${requestSeries(selection)}[${window}]))`;
}

/** Requests whose status does not say whether they failed, over all. */
export const untoldShare = (selection: Selection, window: string): string =>
  `1 - ((${toldCount(selection, window)} or 0 * ${requestCount(selection, window)}) / ${requestCount(selection, window)})`;

/** Of all requests, those whose status may say nothing: with more, errors may hide among them. */
export const MOST_UNTOLD = 0.001;

/** Gives a value where too many requests' status says nothing, while there are requests. */
export const untoldWhileServing = (selection: Selection, window: string): string =>
  `(${untoldShare(selection, window)}) > ${MOST_UNTOLD} and sum(rate(${requestSeries(selection)}[${window}])) > 0`;

/** Every target is down; nothing where Prometheus knows of none: before its first pod an application is not down. */
export const allTargetsDown = (selection: Selection): string => `max(${targetSeries(selection)}) == 0`;

/** Seconds, or undefined where the convention has no histogram. Where most requests lie above the largest bucket it reads that bucket. */
export function latency(selection: Selection, window: string): string | undefined {
  const { durations, perSecond = 1 }: Convention = conventionNamed(selection.convention);
  if (durations === undefined) return undefined;
  const buckets = series(durations, matchersOf(selection), "_bucket");
  const quantile = `histogram_quantile(0.95, sum by (le) (rate(${buckets}[${window}])))`;
  return perSecond === 1 ? quantile : `${quantile} / ${perSecond}`;
}

/** Buckets as they were filled in the window, by their upper bound. */
export function bucketCounts(selection: Selection, window: string): string | undefined {
  const { durations }: Convention = conventionNamed(selection.convention);
  if (durations === undefined) return undefined;
  return `sum by (le) (increase(${series(durations, matchersOf(selection), "_bucket")}[${window}]))`;
}

/** Places that the selected series belong to, one element each. */
export const placesOf = (selection: Selection): string =>
  `count by (${[...PLACE_LABELS, ...ENVIRONMENT_LABELS, "cluster"].join(", ")}) (${allSeries(selection)})`;

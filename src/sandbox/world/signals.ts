import { onceIsNew, onceOf, servicesOf, singletonsOf, WEB, workersOf, workersOnNew } from "../../config/processes.js";
import type { StackConfig } from "../../config/schema.js";
import { namespaceOf } from "../../config/schema.js";
import { groupsOf, shiftOf } from "../../config/shift.js";
import { known, type ObservationName, type Reading, type Side, unknown } from "../../ports/observations.js";
import { isActive } from "../faults.js";
import { ruleIn } from "./balancer.js";
import { pauseToCompare } from "./comparison.js";
import { runningOn, webAbsent } from "./once.js";
import { noise, type Stored, valueAt, type WorldState } from "./state.js";

const SECOND = 1_000;
/** Until a change in Route 53 is served by every authoritative server. */
const DNS_PROPAGATION = 60 * SECOND;
/** Until the load balancer's rule shows a weight that the Ingress asks for. */
const RULE_DELAY = 15 * SECOND;
/** Until what streams back is mended. */
const REVERSE_MENDED = 180 * SECOND;
const STARTUP = 40 * SECOND;

/** Requests a second that users make, by criticality. */
const USERS = { high: 20, medium: 5, low: 1 } as const;

/** What the far side would show now. Pure. */
export function signal(
  name: ObservationName,
  side: Side | undefined,
  windowSeconds: number,
  state: WorldState,
  config: StackConfig,
): Reading {
  const { now } = state;
  switch (name) {
    case "error-rate":
      return rated(state, config, side ?? "new", windowSeconds, () => errorRate(state, config, side ?? "new"));
    case "latency-p95":
      return rated(state, config, side ?? "new", windowSeconds, () => latency(state, side ?? "new"));
    case "request-count":
      return known(Math.round(requests(state, config, side ?? "new", windowSeconds)));
    case "traffic-share":
      return known(newShare(state, now));
    case "replica-available":
      return known(isReplica(databaseOf(state)) ? 1 : 0);
    case "replica-lag":
      return isReplica(databaseOf(state)) ? known(replicaLag(state, now)) : unknown("there is no replica");
    case "database-primary": {
      const database = databaseOf(state);
      return known(database !== undefined && !isReplica(database) ? 1 : 0);
    }
    case "backup-retention":
      return known(Number(databaseOf(state)?.inputs.backupRetentionPeriod ?? 0));
    case "database-protected": {
      const inputs = databaseOf(state)?.inputs;
      const kept = Number(inputs?.backupRetentionPeriod ?? 0) >= (config.database?.backup.retentionDays ?? 0);
      return known(inputs?.deletionProtection === true && kept ? 1 : 0);
    }
    case "backup-age":
      return backupAge(state, config);
    case "writes-stopped":
      return known(state.writes.old ? 0 : 1);
    case "comparison-pause":
      return isReplica(databaseOf(state)) ? known(pauseToCompare(state, config)) : unknown("there is no replica");
    case "reverse-lag":
      if (!state.reverseReplication) return unknown("nothing streams back to the old database");
      return known(isReverseLost(state) ? -1 : Math.round(noise(state.seed, "reverse", now) * 20) / 10);
    case "pods-ready":
      return least([
        ...(config.workload.web ? [readiness(carrier(state, config), now)] : []),
        ...besides(config).map((name) => processReady(state, config, name)),
      ]);
    case "workers-ready":
      return least(workersOf(config).map(([name]) => readiness(find(state, DEPLOYMENT, config, `-${name}`), now)));
    case "once-ready": {
      const all = onceOf(config).map(([name, { kind }]) =>
        kind === "schedule" ? readiness(find(state, CRON_JOB, config, `-${name}`), now) : processReady(state, config, name),
      );
      return least(all);
    }
    case "new-once-running":
      return known(runningOn(state.once, "new", now));
    case "old-once-running":
      if (isActive(state.faults, "stuck-run")) return known(1);
      return known(runningOn(state.once, "old", now));
    case "queue-age": {
      if (config.handover.queues.length === 0) return unknown("handover.queues names no queue");
      const capacity = (valueAt(state.old.workers, now) ?? 0) + workersOnNew(config);
      return known(capacity < 100 ? 600 : Math.round(1 + noise(state.seed, "queue", now) * 4));
    }
    case "dead-letters":
      if (config.handover.queues.every((q) => q.deadLetters === undefined)) return unknown("no queue has dead letters that are looked at");
      return known(isActive(state.faults, "dead-letters") && workersOnNew(config) > 0 ? config.handover.maxDeadLetters + 3 : 0);
    case "green-ready":
      return readiness(find(state, "kubernetes:apps/v1:Deployment", config, "-green"), now);
    case "green-weight":
      return known(valueAt(state.green, now - RULE_DELAY) ?? 0);
    case "rollout-healthy":
      return known(rolloutHealthy(state, config) ? 1 : 0);
    case "rollout-share":
      return known(valueAt(state.rolloutShare, now - RULE_DELAY) ?? 0);
    case "rollout-weight":
      return known(rolloutWeight(state, config));
    case "targets-healthy":
      return targets(state, config);
    case "old-targets-healthy":
      if (!state.old.loadBalancer || state.old.instances.length === 0) return unknown("there is no old load balancer with targets");
      return known(1);
    case "load-balancer-ready":
      return known(find(state, "kubernetes:networking.k8s.io/v1:Ingress", config) === undefined ? 0 : 1);
    case "dns-weight-new":
      return known(valueAt(state.dns, now - DNS_PROPAGATION) ?? 0);
    case "group-weight-new":
      return known(valueAt(state.dns, now) ?? 0);
    case "dns-ttl": {
      const ttl = valueAt(state.ttl, now - DNS_PROPAGATION);
      return ttl === undefined ? unknown("the name has no record yet") : known(ttl);
    }
    case "dns-resolvers":
      return known(resolversFollowing(state, now));
    case "error-rate-over-old":
    case "latency-over-old":
      return unknown("a comparison, made of two observations");
    case "hpa-active":
      return known(olderThan(find(state, "kubernetes:autoscaling/v2:HorizontalPodAutoscaler", config), now, 60) ? 1 : 0);
    case "spot-nodes-ready":
      return known(Object.values(state.resources).some((r) => r.type === "aws:eks/nodeGroup:NodeGroup") ? 1 : 0);
    case "snapshot-available":
      return known(Object.values(state.snapshots).some((at) => now - at >= 600 * SECOND) ? 1 : 0);
    case "security-groups-users":
      return known(securityGroupUsers(state, config));
    case "open-connections":
      return unknown("counted apart, by its own source");
    case "old-load-balancer-users": {
      const left = Math.round(requests(state, config, "old", Math.min(windowSeconds, (now - lastMoved(state)) / SECOND)));
      return known(state.old.loadBalancer && left > config.cleanup.toleratedRequests ? left : 0);
    }
    case "old-instances-users":
      return known(
        state.old.instances.length > 0 && newShare(state, now) < 0.999 && shiftOf(config) !== undefined ? state.old.instances.length : 0,
      );
    case "old-database-users":
      return known(state.old.database && config.database !== undefined && state.old.uses === "old" ? 1 : 0);
    case "staging-verified":
      return unknown("not measured here");
  }
}

/** The first backup begins when backups do, the others a day apart; each takes as long as the database is large. */
function backupAge(state: WorldState, config: StackConfig): Reading {
  const database = databaseOf(state);
  const begun = database?.backupsSince;
  const takes = backupSeconds(config) * SECOND;
  if (begun === undefined || state.now < begun + takes) return unknown("the database has no completed backup yet");
  return known(((state.now - begun - takes) % 86_400_000) / SECOND + takes / SECOND);
}

/** Of a whole database: snapshots copy about half a gigabyte a second, and take minutes for the smallest. */
export const backupSeconds = ({ database }: StackConfig): number => 120 + (database?.source.sizeGb ?? 100) * 2;

const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
const CRON_JOB = "kubernetes:batch/v1:CronJob";

/** Processes beside the web that have pods all the time, now. */
const besides = (config: StackConfig): string[] =>
  [...servicesOf(config), ...workersOf(config), ...(onceIsNew(config) ? singletonsOf(config) : [])].map(([name]) => name);

function processReady(state: WorldState, config: StackConfig, name: string): Reading {
  if (name !== WEB) return readiness(find(state, DEPLOYMENT, config, `-${name}`), state.now);
  return webAbsent(state.once, config, "new") ? known(0) : readiness(carrier(state, config), state.now);
}

const least = (all: Reading[]): Reading => all.find((r) => r.known && r.value < 1) ?? known(1);

/** Who was told of the old side before the last change of weights asks there no longer than a TTL. */
const lastMoved = (state: WorldState): number => state.dns.at(-1)?.at ?? state.now;

/** A database that the stack config does not name as old stays, and has groups of its own. */
function securityGroupUsers({ old }: WorldState, config: StackConfig): number {
  const database = old.database && config.old?.databaseIdentifier !== undefined;
  // One that stays keeps groups that are not asked for.
  return old.instances.length + (old.loadBalancer && groupsOf(config) === undefined ? 1 : 0) + (database ? 1 : 0);
}

/** A rate needs requests: none is not "no errors", and too few say nothing. */
function rated(state: WorldState, config: StackConfig, side: Side, windowSeconds: number, value: () => number): Reading {
  const count = Math.round(requests(state, config, side, windowSeconds));
  if (count === 0) return unknown("no requests in the window");
  if (count < config.gates.minRequests) return unknown(`only ${count} requests in the window`);
  return known(value());
}

function requests(state: WorldState, config: StackConfig, side: Side, windowSeconds: number): number {
  const share = newShare(state, state.now);
  const users =
    shiftOf(config) === undefined ? 0 : USERS[config.application.criticality] * dayCurve(state.now) * (side === "new" ? share : 1 - share);
  const synthetic = side === "new" ? find(state, "kubernetes:apps/v1:Deployment", config, "-synthetic") : undefined;
  const sent =
    synthetic === undefined
      ? 0
      : config.verification.syntheticRequestsPerSecond * Math.min(windowSeconds, (state.now - synthetic.createdAt) / SECOND);
  return users * windowSeconds + sent;
}

/** Twice as many requests at noon as at midnight. */
const dayCurve = (at: number): number => 1 + Math.sin(((at / 86_400_000) % 1) * 2 * Math.PI - Math.PI / 2) / 3;

function errorRate(state: WorldState, config: StackConfig, side: Side): number {
  if (webAbsent(state.once, config, side)) return 1;
  if (side === "new" && isActive(state.faults, "errors")) return 0.11 + noise(state.seed, "errors", state.now) * 0.02;
  return 0.001 + noise(state.seed, `errors-${side}`, state.now) * 0.004;
}

function latency(state: WorldState, side: Side): number {
  if (side === "new" && isActive(state.faults, "latency")) return 2.3 + noise(state.seed, "latency", state.now) * 0.4;
  if (side === "new" && isActive(state.faults, "slower")) return 0.8 + noise(state.seed, "latency", state.now) * 0.1;
  return (side === "new" ? 0.15 : 0.28) + noise(state.seed, `latency-${side}`, state.now) * 0.1;
}

/** The share of users on the new side: it follows a change of weights as resolvers' caches run out. */
export function newShare(state: WorldState, at: number): number {
  let share = 0;
  let target = 0;
  let since = state.dns[0]?.at ?? at;
  const towards = (until: number): number => {
    const ttl = (valueAt(state.ttl, since) ?? 60) * SECOND;
    return target + (share - target) * Math.exp((-3 * Math.max(0, until - since)) / ttl);
  };
  for (const change of state.dns) {
    if (change.at > at) break;
    share = towards(change.at);
    target = change.value / 100;
    since = change.at;
  }
  return Math.round(towards(at) * 10_000) / 10_000;
}

/** Three resolvers let go of an earlier answer one after the other, the last when its TTL has run out. */
function resolversFollowing(state: WorldState, now: number): number {
  const changes = [...state.dns, ...state.ttl].filter((c) => c.at <= now).map((c) => c.at);
  const changed = Math.max(...changes);
  const ttl = (valueAt(state.ttl, changed - 1) ?? 60) * SECOND;
  const part = (now - changed) / (ttl + DNS_PROPAGATION);
  return changes.length === 0 || part >= 1 ? 1 : Math.floor(part * 3) / 3;
}

/** Seconds. While writes run it wavers; once they stop it drains to exactly 0. */
export function replicaLag(state: WorldState, at: number): number {
  if (state.writes.old || state.writesStoppedAt === undefined) return Math.round((0.3 + noise(state.seed, "lag", at) * 2.6) * 10) / 10;
  const spike = isActive(state.faults, "lag-spike");
  const [from, drains] = spike ? [45, 240] : [3, 4];
  const left = from * (1 - (at - state.writesStoppedAt) / SECOND / drains);
  return left <= 0 ? 0 : Math.ceil(left * 10) / 10;
}

/** Somebody mends it after a while, unless the fault says that nobody does. */
export function isReverseLost({ reverseLostAt, faults, now }: WorldState): boolean {
  if (reverseLostAt === undefined) return false;
  return faults.some((f) => f.name === "lost-reverse" && f.always) || now - reverseLostAt < REVERSE_MENDED;
}

const databaseOf = (state: WorldState): Stored | undefined =>
  Object.values(state.resources).find((r) => r.type === "aws:rds/instance:Instance");
const isReplica = (database: Stored | undefined): boolean => database?.inputs.replicateSourceDb !== undefined;

function find(state: WorldState, type: string, config: StackConfig, suffix = ""): Stored | undefined {
  return state.resources[`${type}|${namespaceOf(config)}/${config.application.name}${suffix}`];
}

/** What runs the application's pods now. */
function carrier(state: WorldState, config: StackConfig): Stored | undefined {
  const { strategy } = config;
  if (strategy.kind === "canary" && strategy.workload === "rollout") return find(state, "kubernetes:argoproj.io/v1alpha1:Rollout", config);
  const suffix = strategy.kind !== "blue-green" ? "" : strategy.blue ? "-blue" : "-green";
  return find(state, "kubernetes:apps/v1:Deployment", config, suffix);
}

function readiness(stored: Stored | undefined, now: number): Reading {
  if (stored === undefined) return known(0);
  // Its creation or update waited for the pods; a restart shows at once.
  return known(now >= stored.changedAt ? 1 : 0);
}

const olderThan = (stored: Stored | undefined, now: number, seconds: number): boolean =>
  stored !== undefined && now - stored.createdAt >= seconds * SECOND;

interface RolloutSpec {
  strategy: { canary: { steps: { setWeight?: number; pause?: { duration: string } }[] } };
}

function rolloutHealthy(state: WorldState, config: StackConfig): boolean {
  const rollout = find(state, "kubernetes:argoproj.io/v1alpha1:Rollout", config);
  if (rollout === undefined || state.rolloutAborted === true) return false;
  if (state.rollout?.walks !== true) return state.now - rollout.changedAt >= STARTUP;
  return state.now - rollout.changedAt >= pausesOf(rollout) + STARTUP;
}

const rolloutWeight = (state: WorldState, config: StackConfig): number => rolloutStage(state, config).weight;

/** Where a canary stands: percent of its weight, and what is left of the pause that it is in. */
export function rolloutStage(state: WorldState, config: StackConfig): { weight: number; pauseLeftMs: number } {
  const rollout = find(state, "kubernetes:argoproj.io/v1alpha1:Rollout", config);
  const over = { weight: 100, pauseLeftMs: 0 };
  if (rollout === undefined) return over;
  if (state.rolloutAborted === true) return { weight: 0, pauseLeftMs: 0 };
  if (state.rollout?.walks !== true) return over;
  let left = state.now - rollout.changedAt;
  let weight = 0;
  for (const step of (rollout.inputs.spec as RolloutSpec).strategy.canary.steps) {
    if (step.setWeight !== undefined) weight = step.setWeight;
    else {
      left -= Number.parseInt(step.pause?.duration ?? "0", 10) * SECOND;
      if (left < 0) return { weight, pauseLeftMs: -left };
    }
  }
  return over;
}

/** Ends the pause that a canary is in. @returns its weight, or undefined when there was no pause */
export function skipPause(state: WorldState, config: StackConfig): number | undefined {
  const rollout = find(state, "kubernetes:argoproj.io/v1alpha1:Rollout", config);
  const { weight, pauseLeftMs } = rolloutStage(state, config);
  if (rollout === undefined || pauseLeftMs === 0) return undefined;
  // As if it had begun earlier by what was left.
  rollout.changedAt -= pauseLeftMs;
  return weight;
}

/** Begins an aborted canary again. @returns false when none was aborted */
export function retryRollout(state: WorldState, config: StackConfig): boolean {
  const rollout = find(state, "kubernetes:argoproj.io/v1alpha1:Rollout", config);
  if (rollout === undefined || state.rolloutAborted !== true) return false;
  delete state.rolloutAborted;
  rollout.changedAt = state.now;
  return true;
}

const pausesOf = (rollout: Stored): number =>
  (rollout.inputs.spec as RolloutSpec).strategy.canary.steps.reduce((sum, s) => sum + Number.parseInt(s.pause?.duration ?? "0", 10), 0) *
  SECOND;

function targets(state: WorldState, config: StackConfig): Reading {
  if (webAbsent(state.once, config, "new")) return unknown("the target group has no target: the web process does not run here");
  if ((groupsOf(config)?.records ?? "none") !== "none") return groupTargets(state, config);
  const ingress = find(state, "kubernetes:networking.k8s.io/v1:Ingress", config);
  if (ingress === undefined) return unknown("there is no load balancer");
  if (!olderThan(ingress, state.now, 30)) return known(0);
  return known(isActive(state.faults, "unhealthy-target") ? 0.67 : 1);
}

/** Pods are registered by their binding, and are asked for their health once a rule names their group. */
function groupTargets(state: WorldState, config: StackConfig): Reading {
  const binding = find(state, "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding", config);
  if (ruleIn(state) === undefined) return unknown("cutover's rule names no target group of that side");
  if (!olderThan(binding, state.now, 30)) return known(0);
  return known(isActive(state.faults, "unhealthy-target") ? 0.67 : 1);
}

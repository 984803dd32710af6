import { mostToCompare } from "../../config/writePause.js";
import type { Gate, GateName } from "./gate.js";

/** Users are behind these: nothing of a soak goes by unseen. */
const EVERY_MINUTE = 60;

const percent = (v: number) => `${Math.round(v * 1_000) / 10} %`;
const seconds = (v: number) => `${Math.round(v * 100) / 100} s`;
const hours = (v: number) => `${Math.round(v / 360) / 10} h`;
const yesNo = (v: number) => (v >= 1 ? "yes" : "no");

/** Reached or not yet: waiting is right. */
const reached = (name: GateName, observation: Gate["observation"], accepts: string): Gate => ({
  name,
  observation,
  accepts: () => accepts,
  judge: (value) => (value >= 1 ? "pass" : "pending"),
  format: yesNo,
});

/** A share of wanted things that are ready: all of them, or not yet. */
const allReady = (name: GateName, observation: Gate["observation"], accepts: string): Gate => ({
  ...reached(name, observation, accepts),
  format: percent,
});

/** The seed's HighErrorRate: 5xx over all requests. */
const errorRate = (name: "error-rate" | "old-error-rate", side: "new" | "old"): Gate => ({
  name,
  observation: "error-rate",
  side,
  accepts: (c) => `at most ${percent(c.gates.maxErrorRate)} of requests on the ${side} side answered 5xx`,
  judge: (value, c) => (value <= c.gates.maxErrorRate ? "pass" : "fail"),
  everySeconds: EVERY_MINUTE,
  format: percent,
});

/** A weight as the far side shows it, not as it was asked for (promise 11). */
const weightShown = (name: GateName, observation: Gate["observation"], where: string): Gate => ({
  name,
  observation,
  accepts: (_, expect) => `${expect} % shown by ${where}`,
  judge: (value, _, expect) => (value === expect ? "pass" : "pending"),
  everySeconds: EVERY_MINUTE,
  format: (v) => `${v} %`,
});

const GATES: Gate[] = [
  errorRate("error-rate", "new"),
  errorRate("old-error-rate", "old"),
  {
    name: "latency-p95",
    observation: "latency-p95",
    side: "new",
    accepts: (c) => `95th percentile at most ${seconds(c.gates.maxLatencyP95Seconds)}`,
    judge: (value, c) => (value <= c.gates.maxLatencyP95Seconds ? "pass" : "fail"),
    everySeconds: EVERY_MINUTE,
    format: seconds,
  },
  {
    name: "error-rate-over-old",
    observation: "error-rate-over-old",
    accepts: (c) => `at most ${percent(c.gates.maxErrorRateOverOld)} of requests more than on the old side answered 5xx`,
    judge: (value, c) => (value <= c.gates.maxErrorRateOverOld ? "pass" : "fail"),
    format: percent,
  },
  {
    name: "latency-over-old",
    observation: "latency-over-old",
    accepts: (c) => `95th percentile at most ${c.gates.maxLatencyOverOld} times the old side's`,
    judge: (value, c) => (value <= c.gates.maxLatencyOverOld ? "pass" : "fail"),
    format: (v) => `${Math.round(v * 100) / 100} times`,
  },
  {
    name: "traffic-share",
    observation: "traffic-share",
    accepts: (c, expect) => `${expect} % of requests on the new side, within ${percent(c.gates.trafficTolerance)}`,
    judge: (value, c, expect) => (Math.abs(value - (expect ?? 0) / 100) <= c.gates.trafficTolerance ? "pass" : "pending"),
    format: percent,
  },
  reached("replica-available", "replica-available", "the replica is available"),
  {
    name: "replica-lag",
    observation: "replica-lag",
    accepts: (c) => `lag below ${c.gates.maxReplicaLagSeconds} s`,
    judge: (value, c) => (value < c.gates.maxReplicaLagSeconds ? "pass" : "pending"),
    format: seconds,
  },
  {
    name: "lag-zero",
    observation: "replica-lag",
    accepts: () => "a lag of 0 s, measured after writes stopped",
    judge: (value) => (value === 0 ? "pass" : "pending"),
    format: seconds,
  },
  reached("database-primary", "database-primary", "the promoted database is a writable primary"),
  { ...reached("writes-stopped", "writes-stopped", "the old database refuses writes"), everySeconds: EVERY_MINUTE },
  {
    name: "comparison-fits",
    observation: "comparison-pause",
    accepts: (c) => `what is left to compare with writes stopped takes at most ${seconds(mostToCompare(c))}`,
    judge: (value, c) => (value <= mostToCompare(c) ? "pass" : "pending"),
    format: seconds,
    everySeconds: EVERY_MINUTE,
  },
  {
    name: "reverse-lag",
    observation: "reverse-lag",
    accepts: (c) => `the old database at most ${c.gates.maxReverseLagSeconds} s behind the promoted one`,
    judge: (value, c) => (value < 0 ? "fail" : value <= c.gates.maxReverseLagSeconds ? "pass" : "pending"),
    format: (v) => (v === -2 ? "not of all, since the schema changed" : v < 0 ? "lost" : seconds(v)),
    everySeconds: 20,
  },
  {
    name: "backup-retention",
    observation: "backup-retention",
    accepts: (c) => `backups of the new database kept for ${c.database?.backup.retentionDays} days or more`,
    judge: (value, c) => (value >= (c.database?.backup.retentionDays ?? 0) ? "pass" : "pending"),
    format: (v) => `${v} days`,
  },
  reached("database-protected", "database-protected", "the promoted database is as protected as its config says"),
  {
    name: "replica-backup",
    observation: "backup-age",
    accepts: (c) => `a completed backup of the replica, begun at most ${hours(c.database?.backup.maxAgeSeconds ?? 0)} ago`,
    judge: (value, c) => (value <= (c.database?.backup.maxAgeSeconds ?? 0) ? "pass" : "pending"),
    everySeconds: EVERY_MINUTE,
    format: hours,
  },
  { ...allReady("pods-ready", "pods-ready", "all wanted pods ready"), everySeconds: EVERY_MINUTE },
  allReady("green-ready", "green-ready", "all wanted green pods ready"),
  weightShown("green-weight", "green-weight", "the load balancer's rule"),
  weightShown("rollout-share", "rollout-share", "the load balancer's rule"),
  reached("rollout-healthy", "rollout-healthy", "the Argo Rollout is Healthy on the wanted image"),
  {
    ...allReady("targets-healthy", "targets-healthy", "all targets of the load balancer healthy"),
    judge: (value) => (value >= 1 ? "pass" : "pending"),
    everySeconds: EVERY_MINUTE,
  },
  reached("load-balancer-ready", "load-balancer-ready", "the ingress has an address"),
  weightShown("dns-weight", "dns-weight-new", "the authoritative name servers"),
  weightShown("group-weight", "group-weight-new", "the load balancer's rule"),
  {
    name: "dns-ttl",
    observation: "dns-ttl",
    accepts: (_, expect) => `a TTL of at most ${expect} s at the authoritative name servers`,
    // An alias has the TTL of its target, 60 s for a load balancer, whatever one would like it to be.
    judge: (value, _, expect = 0) => (value <= expect ? "pass" : "pending"),
    format: seconds,
  },
  allReady("dns-resolvers", "dns-resolvers", "every resolver asked has let go of earlier answers"),
  reached("staging-verified", "staging-verified", "the same image passed its rollout in staging"),
  reached("hpa-active", "hpa-active", "the autoscaler reads its metric"),
  allReady("spot-nodes-ready", "spot-nodes-ready", "all wanted Spot nodes ready"),
  reached("snapshot-available", "snapshot-available", "the final snapshot is available"),
  { ...allReady("workers-ready", "workers-ready", "all queue workers wanted on the new side ready"), everySeconds: EVERY_MINUTE },
  {
    name: "queue-age",
    observation: "queue-age",
    accepts: (c) => `no message that has waited for more than ${seconds(c.handover.maxQueueAgeSeconds)}`,
    judge: (value, c) => (value <= c.handover.maxQueueAgeSeconds ? "pass" : "fail"),
    everySeconds: EVERY_MINUTE,
    format: seconds,
  },
  {
    name: "dead-letters",
    observation: "dead-letters",
    accepts: (c) => `at most ${c.handover.maxDeadLetters} dead letters`,
    judge: (value, c) => (value <= c.handover.maxDeadLetters ? "pass" : "fail"),
    everySeconds: EVERY_MINUTE,
    format: (v) => `${v}`,
  },
  {
    name: "old-once-stopped",
    observation: "old-once-running",
    accepts: () => "nothing that may run once runs, or could begin, on the old side",
    judge: (value) => (value === 0 ? "pass" : "pending"),
    format: (v) => `${v}`,
  },
  allReady("once-ready", "once-ready", "all schedules and singletons in place on the new side"),
  {
    name: "security-groups-unused",
    observation: "security-groups-users",
    accepts: () => "no network interface that holds one of the old security groups",
    judge: (value) => (value === 0 ? "pass" : "pending"),
    format: (v) => `${v} interfaces`,
  },
];

const BY_NAME = new Map(GATES.map((g) => [g.name, g]));

export const isKnownGate = (name: string): boolean => BY_NAME.has(name as GateName);

/** A gate by name. One of another version's plan is never measured, and so never passes. */
export const gateNamed = (name: GateName): Gate => BY_NAME.get(name) ?? stranger(name);

const stranger = (name: GateName): Gate => ({
  name,
  observation: name as unknown as Gate["observation"],
  accepts: () => "what another version of cutover knows",
  judge: () => "pending",
  format: (value) => `${value}`,
});

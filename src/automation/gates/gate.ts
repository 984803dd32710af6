import type { StackConfig } from "../../config/schema.js";
import type { Observation, ObservationName, Side } from "../../ports/observations.js";

/**
 * What one sample says about a gate. `pending` is "not yet": waiting is right. `fail` is "this is bad": waiting longer
 * hurts. `unknown` never passes (promise 10) and is waited for until the gate's timeout.
 */
export type Verdict = "pass" | "pending" | "fail" | "unknown";

/** A named condition over one observation. */
export interface Gate {
  name: GateName;
  observation: ObservationName;
  side?: Side;
  /** What passes, for people: `at most 5 %`. */
  accepts: (config: StackConfig, expect: number | undefined) => string;
  /** Pure: judges a known value. */
  judge: (value: number, config: StackConfig, expect: number | undefined) => Exclude<Verdict, "unknown">;
  /** Longest time between two looks, in seconds, where a look says the less the longer ago the last one was. @default by the hold */
  everySeconds?: number;
  /** Prints a value with its unit. */
  format: (value: number) => string;
}

export const GATE_NAMES = [
  "error-rate",
  "latency-p95",
  "old-error-rate",
  "error-rate-over-old",
  "latency-over-old",
  "traffic-share",
  "replica-available",
  "replica-lag",
  "lag-zero",
  "database-primary",
  "writes-stopped",
  "comparison-fits",
  "reverse-lag",
  "backup-retention",
  "database-protected",
  "replica-backup",
  "pods-ready",
  "green-ready",
  "green-weight",
  "rollout-healthy",
  "rollout-share",
  "targets-healthy",
  "load-balancer-ready",
  "dns-weight",
  "group-weight",
  "dns-ttl",
  "dns-resolvers",
  "staging-verified",
  "hpa-active",
  "spot-nodes-ready",
  "snapshot-available",
  "security-groups-unused",
  "workers-ready",
  "queue-age",
  "dead-letters",
  "old-once-stopped",
  "once-ready",
] as const;
export type GateName = (typeof GATE_NAMES)[number];

/** A gate in a plan: with the value it expects, where the gate compares with one. */
export interface GateUse {
  gate: GateName;
  expect?: number;
  /** How long it must pass without a break, in seconds; 0 is one passing sample. All gates of a step hold together: the longest counts. */
  holdSeconds: number;
  /** The gate gives up after this long without passing. @default gates.timeoutSeconds */
  timeoutSeconds?: number;
}

/** Judges one observation: unknown, stale or mismatched ones are `unknown` whatever their value. */
export function judge(gate: Gate, use: GateUse, observation: Observation, config: StackConfig, now: number): Verdict {
  if (!observation.reading.known) return "unknown";
  const { delaySeconds = 0 } = observation;
  if (now - observation.at > (config.gates.maxSampleAgeSeconds + delaySeconds) * 1_000) return "unknown";
  return gate.judge(observation.reading.value, config, use.expect);
}

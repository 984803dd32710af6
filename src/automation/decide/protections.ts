import type { Loosened } from "../journal/person.js";

/** What a change of a value does to what it protects. Not in the list: any change needs a second person, so that nothing is forgotten. */
type Direction = "more" | "less" | "neither";

const LOOSENS_WHEN: Record<string, Direction> = {
  "gates.maxErrorRate": "more",
  "gates.maxLatencyP95Seconds": "more",
  "gates.maxErrorRateOverOld": "more",
  "gates.maxLatencyOverOld": "more",
  "gates.minRequests": "less",
  "gates.minPodsReporting": "less",
  "gates.unknownBudget": "more",
  "gates.maxSampleAgeSeconds": "more",
  "gates.maxReplicaLagSeconds": "more",
  "gates.maxReverseLagSeconds": "more",
  "gates.trafficTolerance": "more",
  "gates.failAfterSamples": "more",
  "gates.timeoutSeconds": "neither",
  "approvals.validSeconds": "more",
  "approvals.goSeconds": "more",
  "database.writePauseSeconds": "more",
  "database.keepOldSeconds": "less",
  "strategy.holdSeconds": "less",
  "strategy.abortRampSeconds": "neither",
  "dns.holdSeconds": "less",
  "dns.lowTtlForSeconds": "less",
  "traffic.holdSeconds": "less",
  "drain.seconds": "less",
  "drain.connections": "more",
  "cleanup.soakSeconds": "less",
};

/** The largest part of users that moves at once. */
const largestStep = (weights: readonly number[]): number => Math.max(0, ...weights.map((w, i) => w - (weights[i - 1] ?? 0)));
const isWeights = (value: unknown): value is number[] => Array.isArray(value) && value.every((v) => typeof v === "number");

/** Of the user's own gates each must stay as it was; there may be more. */
const losesAny = (before: unknown[], after: unknown[]): boolean => {
  const kept = after.map((gate) => JSON.stringify(gate));
  return before.some((gate) => !kept.includes(JSON.stringify(gate)));
};

function isLooser(path: string, before: unknown, after: unknown): boolean {
  if (JSON.stringify(before) === JSON.stringify(after)) return false;
  if (isWeights(before) && isWeights(after)) return largestStep(after) > largestStep(before);
  if (path === "gates.own" && Array.isArray(before) && Array.isArray(after)) return losesAny(before, after);
  // Switches protect while they are on; a policy that goes back automatically does too.
  if (typeof before === "boolean") return before;
  if (path.startsWith("rollback.")) return before === "automatic";
  const direction = LOOSENS_WHEN[path];
  if (direction === "neither") return false;
  if (direction === undefined || typeof before !== "number" || typeof after !== "number") return true;
  return direction === "more" ? after > before : after < before;
}

/** What of a change loosens something that protects: a second person confirms it before it counts. */
export const loosenedBy = (before: Record<string, unknown>, after: Record<string, unknown>): Loosened[] =>
  Object.entries(after).flatMap(([path, value]) =>
    isLooser(path, before[path], value) ? [{ path, before: before[path], after: value }] : [],
  );

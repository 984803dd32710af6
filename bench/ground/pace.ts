/**
 * The proving ground runs in real time, but not at the world's own pace: whatever takes a second in AWS, Kubernetes or DNS takes a
 * twentieth of one here. Start-up, probes, health checks, delays, pauses and TTLs are all divided by the same number, so that their
 * order is kept; what the machine itself takes (a process's start, a request) is not, and so weighs twenty times as much.
 */
export const SCALE = 20;

/** Real milliseconds for seconds of the world. */
export const realMs = (seconds: number): number => (seconds * 1_000) / SCALE;

/** Seconds of the world for real milliseconds. */
export const worldSeconds = (ms: number): number => (ms * SCALE) / 1_000;

/** The longest single wait, in real milliseconds: rounds of long holds are further apart than that and go by faster. */
export const MOST_WAIT_MS = 3_500;

/** What the controllers and AWS take, in seconds of the world. */
export const WORLD = {
  /** Until the AWS Load Balancer Controller has heard of a pod's coming or going and the load balancer of it from the API. */
  controller: 5,
  /** Until a load balancer follows its rule. */
  rule: 15,
  /** Until every server of Route 53 answers by a change: "within 60 seconds", ChangeResourceRecordSets of its API reference. */
  dns: 60,
  /** idle_timeout.timeout_seconds of a load balancer when nobody sets it. */
  idle: 60,
  /** How long a slow request and an upload take. */
  slow: 20,
  /** How often a kubelet asks whether a pod is ready, a poll of ours, no fact. */
  poll: 2,
} as const;

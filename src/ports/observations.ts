/**
 * Observations: measured values with their source and time. Unknown is a value of its own and never passes a gate
 * (promise 10), so a port answers `unknown(...)` instead of throwing when a source is unreachable, empty or stale.
 */

/** Old infrastructure, or new (EKS). */
export type Side = "old" | "new";

/** Milliseconds since the epoch, on the target's clock (virtual in the sandbox). */
export type Instant = number;

export type Reading = { known: true; value: number; note?: string } | { known: false; reason: string };

export interface Observation {
  /** What was measured; the names are in OBSERVATIONS, but for those of the user's own gates. */
  name: ObservationName;
  side?: Side;
  reading: Reading;
  /** When the value was true, not when it was fetched. */
  at: Instant;
  /** How long after it was true the source has a value at all, in seconds: no sign that it is stale. @default 0 */
  delaySeconds?: number;
  /** Where it came from, for example `prometheus`, `route53 ns-1`, `sandbox`. */
  source: string;
  /** Short supporting text: counts behind a rate, pods not ready, records that differ. */
  detail?: string;
}

/** Every observation by name, with its unit. Yes-or-no observations read 1 or 0. */
export const OBSERVATIONS = {
  "error-rate": "fraction of requests answered 5xx",
  "latency-p95": "seconds",
  "error-rate-over-old": "the new side's fraction of requests answered 5xx, less the old side's",
  "latency-over-old": "the new side's 95th percentile as a multiple of the old side's",
  "request-count": "requests in the window",
  "traffic-share": "fraction of all requests that reach the new side",
  "replica-available": "1 when the replica's status is available",
  "replica-lag": "seconds",
  "database-primary": "1 when the target is a standalone, writable primary",
  "backup-retention": "days that the new database keeps backups",
  "database-protected": "1 when the new database cannot be deleted and keeps its backups as the config says",
  "backup-age": "seconds since the newest completed backup of the new database began",
  "writes-stopped": "1 when the old database refuses writes",
  "comparison-pause": "seconds that comparing both databases will take while writes are stopped",
  "files-differing":
    "files that differ between what the old fleet uses and the volumes that they move to; of the new side, between the volumes and the old side's disks",
  "reverse-lag":
    "seconds that the old database is behind the promoted one; -1 when what streams back is lost, -2 when the promoted schema changed and not all of it streams",
  "pods-ready": "fraction of wanted pods that are ready",
  "green-ready": "fraction of wanted green pods that are ready",
  "rollout-healthy": "1 when the Argo Rollout is Healthy on the wanted image",
  "rollout-share": "percent that the load balancer's rule sends to the Argo Rollout's Services",
  "rollout-weight": "percent that the load balancer's rule sends to the canary",
  "green-weight": "percent that the load balancer's rule sends to green",
  "targets-healthy": "fraction of the load balancer's targets that are healthy",
  "old-targets-healthy": "fraction of the old load balancer's targets that are healthy",
  "load-balancer-ready": "1 when the ingress has an address",
  "dns-weight-new": "percent of the new record at the authoritative servers",
  "group-weight-new": "percent that the load balancer's rule sends to the new target group",
  "dns-ttl": "seconds, of the old record at the authoritative servers",
  "dns-resolvers": "fraction of the resolvers asked that answer as the records allow, with no longer a TTL",
  "staging-verified": "1 when the same image passed its rollout in staging",
  "hpa-active": "1 when the autoscaler reads its metric",
  "spot-nodes-ready": "fraction of wanted Spot nodes that are ready",
  "snapshot-available": "1 when the final snapshot is available",
  "workers-ready": "fraction of the queue workers wanted on the new side that are ready",
  "queue-age": "seconds that the oldest message of the queues has waited",
  "dead-letters": "messages that no worker could process",
  "old-once-running": "what may run once and runs, or could begin, on the old side",
  "new-once-running": "what may run once and runs, or could begin, on the new side",
  "once-ready": "fraction of the schedules and singletons that are in place on the new side",
  "open-connections": "connections open on what is to be removed: of the old side, or of the pods of the new side that leave",
  "old-load-balancer-users": "what still reaches the old load balancer or leads to it",
  "old-instances-users": "what still reaches the old instances, leads to them or would bring them back",
  "old-database-users": "sessions and replicas of the old database",
  "security-groups-users": "network interfaces that hold one of the old security groups",
} as const;

/** An observation that cutover knows by itself. */
export type BuiltInName = keyof typeof OBSERVATIONS;

/** What a gate of the user's own (`gates.own`) measures, and that gate itself: no name of cutover's own begins so. */
export type OwnName = `${typeof OWN}${string}`;
const OWN = "own.";

export const ownName = (name: string): OwnName => `${OWN}${name}`;
export const isOwn = (name: string): name is OwnName => name.startsWith(OWN);

export type ObservationName = BuiltInName | OwnName;

/** @param note what the value stands for, by name */
export const known = (value: number, note?: string): Reading => ({ known: true, value, ...(note === undefined ? {} : { note }) });
export const unknown = (reason: string): Reading => ({ known: false, reason });

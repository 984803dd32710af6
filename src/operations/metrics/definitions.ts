/** What the service says about itself at /metrics; docs/operations.md has the same table. */
export interface Definition {
  type: "counter" | "gauge" | "histogram";
  help: string;
  labels: readonly string[];
  /** Upper bounds of a histogram's buckets, in seconds. */
  buckets?: readonly number[];
}

const SHORT = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const UPDATES = [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_200, 3_600];
const STEPS = [1, 5, 15, 60, 300, 900, 3_600, 4 * 3_600, 24 * 3_600, 14 * 24 * 3_600];

/** Counters and histograms count what this process did itself: over several processes they add up. */
export const METRICS = {
  cutover_commands_total: { type: "counter", help: "Commands that were journaled.", labels: ["command"] },
  cutover_steps_total: {
    type: "counter",
    help: "Steps that ended, as completed, or failed at a gate or for good.",
    labels: ["phase", "result"],
  },
  cutover_step_duration_seconds: {
    type: "histogram",
    help: "From a step's start to its completion, its gates included.",
    labels: ["phase", "kind"],
    buckets: STEPS,
  },
  cutover_updates_total: { type: "counter", help: "Engine updates by their outcome.", labels: ["result"] },
  cutover_update_duration_seconds: { type: "histogram", help: "Duration of engine updates that succeeded.", labels: [], buckets: UPDATES },
  cutover_preview_duration_seconds: {
    type: "histogram",
    help: "Duration of engine previews, the wait for a free engine included.",
    labels: ["result"],
    buckets: UPDATES,
  },
  cutover_gate_results_total: { type: "counter", help: "Verdicts on gates at the end of a watch.", labels: ["gate", "verdict"] },
  cutover_rollbacks_total: { type: "counter", help: "Rollbacks that began, by who wanted them.", labels: ["by"] },
  cutover_hook_calls_total: { type: "counter", help: "Hooks that were called.", labels: ["moment", "outcome"] },
  cutover_notifications_total: { type: "counter", help: "Notifications by receiver and outcome.", labels: ["channel", "outcome"] },
  cutover_lease_losses_total: { type: "counter", help: "Leases that were lost while a runner had them.", labels: [] },
  cutover_run_failures_total: { type: "counter", help: "Runs that ended with an error which no journal could take.", labels: [] },
  cutover_migrations: { type: "gauge", help: "Migrations by status, as the journals say.", labels: ["status"] },
  cutover_drifted_stacks: { type: "gauge", help: "Stacks in which something was changed past the engine, at the last look.", labels: [] },
  cutover_runners: { type: "gauge", help: "Migrations that this process is running.", labels: [] },
  cutover_engines: { type: "gauge", help: "Engine processes of this process.", labels: [] },
  cutover_engine_memory_bytes: { type: "gauge", help: "Resident memory of these engine processes.", labels: [] },
  cutover_queue_jobs: { type: "gauge", help: "Jobs that wait in the queue.", labels: ["queue"] },
  cutover_ready: { type: "gauge", help: "1 while /readyz answers 200.", labels: [] },
  cutover_http_requests_total: { type: "counter", help: "HTTP requests that were answered.", labels: ["method", "route", "status"] },
  cutover_http_request_duration_seconds: {
    type: "histogram",
    help: "From a request's arrival to the end of its answer; event streams are left out.",
    labels: ["method", "route"],
    buckets: SHORT,
  },
} as const satisfies Record<string, Definition>;
export type MetricName = keyof typeof METRICS;

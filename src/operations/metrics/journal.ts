import type { Migrations } from "../../automation/migrations.js";
import type { Progress } from "../../automation/run/projections.js";
import type { Status } from "../../automation/state/state.js";
import type { Metrics } from "./metrics.js";

/** Feeds the metrics from what the journals say. @returns how to stop */
export function watchMigrations(metrics: Metrics, migrations: Migrations): () => void {
  const statuses = new Map<string, { status: Status; drifted: boolean }>();
  const started = new Map<string, number>();
  const stops = [
    migrations.onProgress((progress) => {
      const { stack, state, here } = progress;
      statuses.set(stack, { status: state.status, drifted: state.drift !== undefined });
      if (here) count(metrics, progress, started);
    }),
    migrations.onLeaseLost(() => metrics.count("cutover_lease_losses_total")),
    migrations.onFailure(() => metrics.count("cutover_run_failures_total")),
  ];
  let counted = false;
  metrics.onCollect(async () => {
    // Those that stood still before anybody listened: only who asks waits until they are read.
    if (!counted) {
      for (const { stack, state } of await migrations.list(() => undefined))
        if (!statuses.has(stack)) statuses.set(stack, { status: state.status, drifted: state.drift !== undefined });
      counted = true;
    }
    const all = [...statuses.values()];
    const by = new Map<Status, number>();
    for (const { status } of all) by.set(status, (by.get(status) ?? 0) + 1);
    metrics.set(
      "cutover_migrations",
      [...by].map(([status, n]) => [{ status }, n]),
    );
    metrics.set("cutover_drifted_stacks", [[{}, all.filter((s) => s.drifted).length]]);
    metrics.set("cutover_runners", [[{}, migrations.runners]]);
  });
  return () => {
    for (const stop of stops) stop();
  };
}

function count(metrics: Metrics, { stack, entry, plan }: Progress, started: Map<string, number>): void {
  const wall = Date.parse(entry.recordedAt);
  switch (entry.type) {
    case "command":
      metrics.count("cutover_commands_total", { command: entry.command });
      break;
    case "step.started":
      started.set(stack, wall);
      break;
    case "step.completed": {
      const step = plan.find((s) => s.id === entry.step);
      if (step === undefined) break;
      metrics.count("cutover_steps_total", { phase: step.phase, result: "completed" });
      const begun = started.get(stack);
      // Begun by another process, or before a restart: how long it took is not known here.
      if (begun !== undefined)
        metrics.observe("cutover_step_duration_seconds", Math.max(0, wall - begun) / 1_000, { phase: step.phase, kind: step.kind });
      started.delete(stack);
      break;
    }
    case "update.succeeded":
      metrics.observe("cutover_update_duration_seconds", entry.durationMs / 1_000);
      metrics.count("cutover_updates_total", { result: "succeeded" });
      break;
    case "update.failed":
      metrics.count("cutover_updates_total", { result: entry.transient ? "tried-again" : "failed" });
      break;
    case "gates.passed":
    case "gates.failed":
      for (const { gate, verdict } of entry.gates) metrics.count("cutover_gate_results_total", { gate, verdict });
      if (entry.type === "gates.failed") countFailed(metrics, plan, entry.step);
      break;
    case "action.failed":
      if (!entry.transient && !entry.undo) countFailed(metrics, plan, entry.step);
      break;
    case "rollback.started":
      metrics.count("cutover_rollbacks_total", { by: entry.automatic ? "itself" : "a person" });
      break;
    case "hook.finished":
      metrics.count("cutover_hook_calls_total", { moment: entry.moment, outcome: entry.outcome });
  }
}

function countFailed(metrics: Metrics, plan: Progress["plan"], id: string): void {
  const step = plan.find((s) => s.id === id);
  if (step !== undefined) metrics.count("cutover_steps_total", { phase: step.phase, result: "failed" });
}

import { record } from "../../src/automation/journal/chain.js";
import type { Entry, Recorded } from "../../src/automation/journal/entries.js";
import { buildPlan, planDigest } from "../../src/automation/plan/plan.js";
import { fold } from "../../src/automation/state/evolve.js";
import { currentConfig, currentRevision, type MigrationState } from "../../src/automation/state/state.js";
import { patched, type RawConfig, readConfig } from "../../src/config/stackFile.js";
import { STACK } from "./model.js";

/** The state of a migration that went well up to and including a step. */
export function stateAfter(raw: RawConfig, last: string, ...more: Entry[]): MigrationState {
  const plan = buildPlan(readConfig(raw, "test", STACK));
  const entries: Recorded[] = [];
  const add = (entry: Entry): void => void entries.push(record(entry, entries.at(-1), entries.length * 1_000, 1));
  add({ type: "migration.created", stack: STACK, plan: planDigest(plan), config: raw, why: "", who: "alice" });
  add({ type: "command", command: "advance", extent: "end", who: "alice" });
  let revision = 0;
  for (const step of plan) {
    add({ type: "step.started", step: step.id, attempt: 1 });
    const state = fold(entries, plan);
    if (step.kind === "approval") add({ type: "command", command: "approve", step: step.id, who: "bob" });
    if (step.kind === "action") {
      add({ type: "action.intended", key: step.id, step: step.id, undo: false });
      add({ type: "action.succeeded", key: step.id, step: step.id, undo: false, summary: "", marks: step.marks ?? [] });
    }
    if (step.kind === "config") {
      revision += 1;
      const config = patched(currentRevision(state).config, step.change(currentConfig(state)));
      add({ type: "update.intended", key: step.id, step: step.id, revision, config, why: step.title, who: "alice" });
      add({ type: "update.succeeded", key: step.id, revision, engineVersion: 0, changes: {}, durationMs: 1 });
    }
    if (step.kind === "gate" || step.kind === "config") {
      const at = entries.length * 1_000;
      const value = { "lag-zero": 0, "dns-weight": 100, "green-weight": 100, "rollout-share": 100 } as Record<string, number>;
      add({
        type: "gates.passed",
        step: step.id,
        heldMs: 0,
        gates: step.gates.map((g) => ({
          gate: g.gate,
          accepts: "",
          verdict: "pass",
          last: g.expect ?? value[g.gate] ?? 1,
          shown: "",
          samples: 1,
          source: "test",
          at,
        })),
      });
    }
    add({ type: "step.completed", step: step.id, attempt: 1 });
    if (step.id === last) break;
  }
  for (const entry of more) add(entry);
  return fold(entries, plan);
}

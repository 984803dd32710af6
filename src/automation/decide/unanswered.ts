import type { Plan } from "../plan/plan.js";
import { signalsOf, unansweredIn } from "../plan/signals.js";
import type { Step } from "../plan/step.js";
import { currentConfig, type MigrationState } from "../state/state.js";
import { gatesOf } from "./streamBack.js";

/**
 * Gates of a step that no source can ever answer, each with why: it would wait for nothing until its timeout, with users on the
 * way. Where users wait until a later step is done, that one's count as well; once they wait, nothing is stopped for it any more.
 */
export function unansweredFrom(plan: Plan, state: MigrationState, step: Step): string[] {
  if (step.undoFrom !== undefined && step.undoFrom !== step.id) return [];
  const steps = plan.filter((s) => s.id === step.id || s.undoFrom === step.id);
  const asked = steps.map((s) => ("gates" in s ? { ...s, gates: gatesOf(state, s.gates) } : s));
  return unansweredIn(signalsOf(asked, currentConfig(state)));
}

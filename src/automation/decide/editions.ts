import { strangeKeys } from "../../config/rawConfig.js";
import { isBeyond } from "../plan/edition.js";
import type { Plan } from "../plan/plan.js";
import { currentRevision, type MigrationState } from "../state/state.js";

/**
 * What another version of cutover wrote and this one cannot go on with is left to that one: nothing goes forward here.
 * Reading, pausing, and every way back stay possible.
 */
export function beyondOf(plan: Plan, state: MigrationState): string | undefined {
  const { beyond, intent, returning } = state;
  const unknown = "which this version of cutover does not know: one that does goes on";
  if (returning !== undefined) {
    const item = returning.path[returning.done];
    const strange = item?.kind === "config" && !item.dnsOnly ? strangeKeys(item.config, state.stack) : [];
    if (strange.length > 0) return `the way back applies a stack config with ${strange.join(", ")}, ${unknown}`;
    return item?.kind === "undo" && !canUndo(plan, item.step) ? `the way back undoes ${item.step}, ${unknown}` : undefined;
  }
  if (beyond !== undefined) return `entry ${beyond.seq} of the journal is a ${beyond.type}, ${unknown}`;
  if (intent?.type === "action.intended" && !hasStep(plan, intent.step)) return `${intent.step} is under way, ${unknown}`;
  const strange = strangeKeys(currentRevision(state).config, state.stack);
  if (strange.length > 0) return `the stack config has ${strange.join(", ")}, ${unknown}`;
  const step = plan[state.position];
  return step !== undefined && isBeyond(step) ? `the next step is ${step.id}, ${unknown}` : undefined;
}

/** Whether this version has what carries a step out and undoes it. */
export const hasStep = (plan: Plan, id: string): boolean => plan.some((s) => s.id === id && s.unknown !== true);

/** Whether the undo of a step can be carried out here. */
export const canUndo = (plan: Plan, id: string): boolean => plan.some((s) => s.id === id && "undo" in s && s.undo !== undefined);

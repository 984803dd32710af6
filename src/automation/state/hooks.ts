import type { Recorded } from "../journal/entries.js";
import { isAsked } from "../journal/records.js";

export type HookIntent = Extract<Recorded, { type: "hook.intended" }>;

/** What the journal says of hooks. */
export interface HookState {
  /** Called, and not answered yet. */
  pending: HookIntent[];
  /** `moment/hook` of those that let the step at the position pass. */
  passed: string[];
  /** What a hook that holds refused; cleared by what it leads to. */
  refusal?: string;
}

export const NO_HOOKS: HookState = { pending: [], passed: [] };

/** The part of the fold that concerns hooks. */
export function applyHooks(before: HookState, entry: Recorded): HookState {
  switch (entry.type) {
    case "hook.intended":
      return { ...before, pending: [...before.pending, entry] };
    case "hook.finished": {
      const pending = before.pending.filter((p) => p.id !== entry.id);
      if (entry.outcome === "passed" || !entry.holds)
        return { ...before, pending, passed: isAsked(entry.moment) ? [...before.passed, `${entry.moment}/${entry.hook}`] : before.passed };
      const how = entry.outcome === "refused" ? "says no" : entry.outcome === "failed" ? "failed" : "did not answer in time";
      return { ...before, pending, refusal: `the hook ${entry.hook} ${how} ${entry.moment}: ${entry.detail}` };
    }
    case "step.started":
    case "step.completed":
    case "rollback.started":
    case "migration.held":
      // What was asked about has been decided; announcements are still owed.
      return { pending: before.pending.filter((p) => !isAsked(p.moment)), passed: [] };
    case "command":
      // A person who says go on has it asked again.
      return entry.command === "resume" ? { pending: before.pending, passed: before.passed } : before;
    default:
      return before;
  }
}

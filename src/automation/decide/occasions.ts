import type { Moment } from "../journal/records.js";
import type { Plan } from "../plan/plan.js";
import type { Step } from "../plan/step.js";
import type { MigrationState } from "../state/state.js";
import type { Decision } from "./decision.js";

/** A moment that a decision brings. */
export interface Occasion {
  moment: Moment;
  step?: Step;
  /** Why the migration goes back or is held. */
  reason?: string;
}

/** The moments of a decision, before it is carried out. */
export function occasionsOf(plan: Plan, state: MigrationState, decision: Decision): Occasion[] {
  const step = plan[state.position];
  const at = step === undefined ? {} : { step };
  if (decision.do === "update" && decision.edit !== undefined) return [];
  if ((decision.do === "update" || (decision.do === "act" && !decision.undo)) && state.returning === undefined && !state.applied)
    return step?.pointOfNoReturn === true ? [{ moment: "before-point-of-no-return", step }] : [];
  if (decision.do !== "record") return [];
  return decision.entries.flatMap((entry): Occasion[] => {
    const failed: Occasion[] =
      state.watch?.verdict === "failed" && state.returning === undefined && state.requested === undefined
        ? [{ moment: "gate-failed", ...at, ...(state.watch.reason === undefined ? {} : { reason: state.watch.reason }) }]
        : [];
    switch (entry.type) {
      case "step.started":
        return [{ moment: "before-step", ...at }];
      case "step.completed":
        // An approval has no effect of its own: what it allows begins when it is completed.
        return [
          ...(step?.kind === "approval" && step.pointOfNoReturn === true ? [{ moment: "before-point-of-no-return" as const, step }] : []),
          { moment: "after-step", ...at },
        ];
      case "rollback.started":
        return [...failed, { moment: "before-rollback", ...at, reason: entry.why }];
      case "rollback.completed":
        return [{ moment: "after-rollback", ...at, ...(state.returning === undefined ? {} : { reason: state.returning.why }) }];
      case "migration.held":
        return [...failed, { moment: "held", ...at, reason: entry.reason }];
      case "migration.completed":
        return [{ moment: "completed" }];
      default:
        return [];
    }
  });
}

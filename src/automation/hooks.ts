import type { Decision } from "./decision.js";
import type { Recorded } from "./entries.js";
import type { Plan } from "./plan.js";
import type { MigrationState } from "./state.js";
import type { Step } from "./types.js";

/**
 * Moments at which a user's own checks and announcements are called.
 *
 *   asked      the migration waits for the answer, and a hook whose policy is `hold` can stop it there
 *   announced  nothing waits: whatever leads to safety is never held up by a hook
 */
export const ASKED_MOMENTS = ["before-step", "before-point-of-no-return", "after-step"] as const;
export const ANNOUNCED_MOMENTS = ["gate-failed", "before-rollback", "after-rollback", "held", "completed"] as const;
export type AskedMoment = (typeof ASKED_MOMENTS)[number];
export type AnnouncedMoment = (typeof ANNOUNCED_MOMENTS)[number];
export type Moment = AskedMoment | AnnouncedMoment;

export const isAsked = (moment: Moment): moment is AskedMoment => (ASKED_MOMENTS as readonly string[]).includes(moment);

/** A moment that a decision brings. */
export interface Occasion {
  moment: Moment;
  step?: Step;
  /** Why the migration goes back or is held. */
  reason?: string;
}

/** What a hook is told. Holds no config, and with it no secret. */
export interface HookCall {
  /** The same when the call is made again: a hook that has effects leaves out what it has seen. */
  id: string;
  moment: Moment;
  stack: string;
  application: string;
  environment: string;
  revision: number;
  step?: { id: string; title: string; phase: string; attempt: number; pointOfNoReturn: boolean };
  reason?: string;
}

export interface HookAnswer {
  outcome: "passed" | "refused" | "failed" | "timed-out";
  /** What it said, or why it has said nothing. Never a secret. */
  detail: string;
}

export interface Hook {
  name: string;
  /** Whether everything but `passed` stops the migration, at a moment that is asked about. */
  holds: boolean;
  /** @throws the signal's reason when it is aborted; anything else is an answer */
  call(call: HookCall, signal: AbortSignal): Promise<HookAnswer>;
}

/** The hooks of a service. */
export interface HooksPort {
  /** Those attached to a moment of an environment's stack, in the order in which they are called. */
  at(moment: Moment, of: { application: string; environment: string }): readonly Hook[];
}

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

/** The moments of a decision, before it is carried out. */
export function occasionsOf(plan: Plan, state: MigrationState, decision: Decision): Occasion[] {
  const step = plan[state.position];
  const at = step === undefined ? {} : { step };
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

import type { RawConfig } from "../../config/rawConfig.js";
import type { StackConfig } from "../../config/schema.js";
import type { WatchState } from "../gates/watch.js";
import type { Entry } from "../journal/entries.js";
import type { Plan } from "../plan/plan.js";
import type { ActionStep, ApprovalStep, ConfigStep, GateStep, Step } from "../plan/step.js";
import { currentConfig, type Intent, MAX_TRIES, type MigrationState, type StepState } from "../state/state.js";
import type { Deadline } from "./deadline.js";
import type { Violation } from "./promises.js";
import { type Way, wayBackBefore } from "./wayBack.js";

/** What the orchestrator says is next. */
export type Decision =
  /** Only the journal changes. */
  | { do: "record"; entries: Entry[] }
  | { do: "preview"; step: ConfigStep | ApprovalStep; attempt: number; config: RawConfig }
  | {
      do: "update";
      key: string;
      step?: ConfigStep;
      /** The number of the command whose edit it applies, and the revision that this changes. */
      edit?: number;
      refines?: number;
      config: RawConfig;
      why: string;
      restores?: number;
      kept?: { path: string; why: string }[];
      dnsOnly: boolean;
    }
  | { do: "act"; key: string; step: ActionStep | ConfigStep; undo: boolean; config: StackConfig; deadline?: Deadline }
  /** One round of samples, not before `at`. */
  | {
      do: "sample";
      step: ConfigStep | GateStep;
      watch: WatchState;
      at: number;
      config: StackConfig;
      notBefore: number;
      deadline?: Deadline;
    }
  /** One round of samples while a person is waited for, not before `at`. */
  | { do: "stand by"; step: ApprovalStep; watch: WatchState; at: number; config: StackConfig }
  /** An effect was intended and its outcome is not known: find out. */
  | { do: "recover"; intent: Intent }
  /** What failed updates had begun must be known before anything is decided. */
  | { do: "settle"; of: string }
  /** Try again, not before `at`, or after a pause that a clock which is set back does not make longer. */
  | { do: "wait"; at: number; pauseMs?: number; next: Decision }
  | { do: "idle"; why: string };

/** Pause before the n-th further try of what failed for a passing reason, in milliseconds. */
const RETRY_MS = [5_000, 20_000, 60_000];
export const retryPause = (failures: number): number => RETRY_MS[failures - 1] ?? 60_000;

export const complete = (step: Step, at: StepState): Decision => ({
  do: "record",
  entries: [{ type: "step.completed", step: step.id, attempt: at.attempt }],
});

export const hold = (reason: string, promise?: number): Decision => ({
  do: "record",
  entries: [{ type: "migration.held", reason, ...(promise === undefined ? {} : { promise }) }],
});

export function refuse(violations: Violation[]): Decision {
  const first = violations[0];
  return hold(violations.map((v) => `promise ${v.promise}: ${v.what}`).join("; "), first?.promise);
}

/**
 * Names one effect of one attempt: the same after a restart, another one when a person tries the step again, or when a journal
 * that lost entries counts attempts that it counted before.
 */
export function effectKey({ stack, restored }: MigrationState, step: string, attempt: number | string, part: string): string {
  return `${stack}/${step}#${attempt}${restored === undefined ? "" : `~${restored}`}/${part}`;
}

/** Tries again after a pause, a few times; then it counts as a failure of the step. */
export function retrying(plan: Plan, state: MigrationState, step: Step, at: StepState, decision: Decision): Decision {
  if (at.failures === 0) return decision;
  if (at.failures >= MAX_TRIES) return onFailure(plan, state, step, at.error ?? "failed");
  return pauseBefore(decision, state, retryPause(at.failures));
}

export const pauseBefore = (next: Decision, state: MigrationState, pauseMs: number): Decision => ({
  do: "wait",
  at: state.updatedAt + pauseMs,
  pauseMs,
  next,
});

/** What a failure leads to: a rollback by itself, or a person. */
export function onFailure(plan: Plan, state: MigrationState, step: Step, reason: string): Decision {
  const from = step.undoFrom ?? (step.kind === "config" ? step.id : undefined);
  if (from === undefined) return hold(`${step.id}: ${reason}`);
  const config = currentConfig(state);
  const policy = step.phase in config.rollback ? config.rollback[step.phase as keyof StackConfig["rollback"]] : "automatic";
  const way = wayBackBefore(plan, state, from);
  const why = `${step.id}: ${reason}`;
  if (policy !== "automatic")
    return hold(`${why}. The policy for ${step.phase} is "${policy}": revision ${way.revision} is the last good one.`);
  if (way.crossesPointOfNoReturn)
    return hold(
      `${why}. Going back crosses a point of no return after which users wrote data: a person decides. The way back leads to revision ${way.revision}.`,
    );
  return goBack(way, { why, who: "cutover", automatic: true });
}

/** Begins a way back. */
export function goBack({ revision, undoTo, path }: Way, by: { why: string; who: string; automatic: boolean; abort?: boolean }): Decision {
  return { do: "record", entries: [{ type: "rollback.started", revision, undoTo, path, ...by }] };
}

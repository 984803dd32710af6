import { freezeAt, localTime, maintenanceAllowed, nextMaintenance } from "../config/calendar.js";
import type { StackConfig } from "../config/schema.js";
import { type RawConfig, readConfig } from "../config/stackFile.js";
import { CutoverError } from "../errors.js";
import type { Entry, PathItem } from "./entries.js";
import { nextRoundAt, startWatch, type WatchState } from "./gates/watch.js";
import type { Plan } from "./plan.js";
import { actionViolations, configViolations, cutoverViolations, statefulLosses, type Violation } from "./promises.js";
import { configAfter, currentConfig, type Intent, MAX_TRIES, type MigrationState, type StepState } from "./state.js";
import type { ActionStep, ApprovalStep, ConfigStep, GateStep, Preview, Step } from "./types.js";
import { configOf, emergencyWay, wayBackBefore, wayBackTo } from "./wayBack.js";

/**
 * The orchestrator: from the plan and the journal's state to the one next decision. Pure and without I/O: the same
 * state gives the same decision, so a restart goes on where the journal ends.
 *
 * A step at the position goes through these, and every arrow is an entry in the journal:
 *
 *   config:   start → preview → (held when something stateful would be lost, or a promise speaks against it)
 *                   → update → watch its gates → complete
 *   action:   start → act → complete
 *   gate:     start → watch → complete
 *   approval: start → (preview what it approves) → wait for a person, its gates watched meanwhile
 *                   → complete once they pass after the approval; it lapses when they do not, or when it grows old
 *
 * A step that goes forward waits while the calendar says so (freeze, maintenance window).
 *
 * A failed gate, or an action that cannot succeed, starts a rollback when the phase's policy says `automatic` and
 * the way back loses nothing that users wrote; otherwise the migration is held for a person. So does a hook that says no
 * inside the window in which users wait; anywhere else it holds the migration.
 */
export type Decision =
  /** Only the journal changes. */
  | { do: "record"; entries: Entry[] }
  | { do: "preview"; step: ConfigStep | ApprovalStep; attempt: number; config: RawConfig }
  | {
      do: "update";
      key: string;
      step?: ConfigStep;
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
  /** Try again, not before `at`. */
  | { do: "wait"; at: number; next: Decision }
  | { do: "idle"; why: string };

/** When a step must be done, and what is said when it is not. */
export interface Deadline {
  at: number;
  why: string;
}

/** Pause before the n-th further try, in milliseconds. */
const RETRY_MS = [5_000, 20_000, 60_000];

export function decide(plan: Plan, state: MigrationState): Decision {
  if (state.status === "completed" || state.status === "aborted") return { do: "idle", why: `The migration is ${state.status}.` };
  if (state.intent !== undefined) return { do: "recover", intent: state.intent };
  if (state.requested !== undefined) return answerRequest(plan, state, state.requested);
  if (state.status === "returning") return decideReturn(plan, state);
  if (state.alarm !== undefined) return answerAlarm(plan, state, state.alarm);
  if (state.status === "ready") return state.position >= plan.length ? finished(state) : { do: "idle", why: "Waits for an advance." };
  if (state.status === "paused" || state.status === "held")
    return { do: "idle", why: state.heldReason ?? `The migration is ${state.status}.` };
  const step = plan[state.position];
  if (step === undefined) return finished(state);
  const { refusal } = state.hooks;
  if (refusal !== undefined) return step.undoFrom === undefined ? hold(`${step.id}: ${refusal}`) : onFailure(plan, state, step, refusal);
  const at = state.steps[step.id] ?? { status: "waiting", attempt: 0, failures: 0 };
  const begin: Decision = { do: "record", entries: [{ type: "step.started", step: step.id, attempt: at.attempt + 1 }] };
  const calendarSays = waitOf(state, step);
  if (calendarSays !== undefined) return { do: "wait", at: calendarSays.until, next: begin };
  if (at.status === "waiting" || at.status === "undone") return begin;
  if (at.status === "failed") return onFailure(plan, state, step, at.error ?? "failed");
  const lapsed = lapsedBefore(plan, state, at);
  if (lapsed !== undefined) return { do: "record", entries: [lapsed] };
  switch (step.kind) {
    case "approval":
      return decideApproval(plan, state, step, at);
    case "gate":
      return decideWatch(plan, state, step, at);
    case "action":
      return decideAction(plan, state, step, at);
    case "config":
      return decideConfig(plan, state, step, at);
  }
}

const complete = (step: Step, at: StepState): Decision => ({
  do: "record",
  entries: [{ type: "step.completed", step: step.id, attempt: at.attempt }],
});
const finished = (state: MigrationState): Decision =>
  state.position > 0 ? { do: "record", entries: [{ type: "migration.completed" }] } : { do: "idle", why: "The plan is empty." };
const hold = (reason: string, promise?: number): Decision => ({
  do: "record",
  entries: [{ type: "migration.held", reason, ...(promise === undefined ? {} : { promise }) }],
});

function refuse(violations: Violation[]): Decision {
  const first = violations[0];
  return hold(violations.map((v) => `promise ${v.promise}: ${v.what}`).join("; "), first?.promise);
}

/** Names one effect of one attempt: the same after a restart, another one when a person tries the step again. */
export function effectKey(state: MigrationState, step: string, attempt: number, part: string): string {
  return `${state.stack}/${step}#${attempt}/${part}`;
}

/** A person's rollback or abort, answered with its path. */
function answerRequest(plan: Plan, state: MigrationState, { to, why, who, abort }: NonNullable<MigrationState["requested"]>): Decision {
  try {
    const way = to === "safety" ? emergencyWay(plan, state) : wayBackTo(plan, state, to);
    return {
      do: "record",
      entries: [
        {
          type: "rollback.started",
          revision: way.revision,
          undoTo: way.undoTo,
          why,
          who,
          path: way.path,
          automatic: false,
          ...(abort ? { abort } : {}),
        },
      ],
    };
  } catch (error) {
    if (error instanceof CutoverError) return hold(error.message);
    throw error;
  }
}

/**
 * What the calendar makes a step that goes forward wait for: asked before its effect, at the time of the newest entry.
 * Looking and asking may always begin; a maintenance window is needed where the step says so.
 */
export function waitOf(state: MigrationState, step: Step): { until: number; why: string } | undefined {
  const { calendar } = currentConfig(state);
  const { status = "waiting", failures = 0, startedAt = state.updatedAt } = state.steps[step.id] ?? {};
  const changes = (step.kind === "config" || step.kind === "action") && step.phase !== "assess";
  // What began in time and was interrupted before its effect begins anew.
  const interrupted = changes && status === "running" && !state.applied && failures === 0;
  if (status !== "waiting" && status !== "undone" && !interrupted) return undefined;
  const then = interrupted ? startedAt : state.updatedAt;
  const freeze = changes ? freezeAt(calendar, then) : undefined;
  if (freeze !== undefined) return { until: freeze.until, why: `frozen until ${localTime(calendar, freeze.until)}: ${freeze.why}` };
  if (step.inMaintenance !== true || maintenanceAllowed(calendar, then)) return undefined;
  const until = nextMaintenance(calendar, then);
  return { until, why: `the next maintenance window opens on ${localTime(calendar, until)}` };
}

/** An approval right before this step that was too old when it began. */
function lapsedBefore(plan: Plan, state: MigrationState, at: StepState): Entry | undefined {
  const { validSeconds } = currentConfig(state).approvals;
  for (let i = state.position - 1; ; i -= 1) {
    const step = plan[i];
    if (step?.kind !== "approval") return undefined;
    const { approvedAt, approvedBy } = state.steps[step.id] ?? {};
    // That a window was agreed with the users stays true.
    if (!step.secondPerson && step.inMaintenance !== true) continue;
    if (approvedAt !== undefined && at.startedAt !== undefined && at.startedAt - approvedAt > validSeconds * 1_000)
      return { type: "approval.lapsed", step: step.id, why: `${approvedBy} approved it more than ${validSeconds} s before it was used` };
  }
}

function decideApproval(plan: Plan, state: MigrationState, step: ApprovalStep, at: StepState): Decision {
  const approved = plan.find((s) => s.id === step.approves);
  if (approved?.kind === "config" && at.preview === undefined) {
    const preview: Decision = { do: "preview", step, attempt: at.attempt, config: configAfter(state, approved) };
    return retrying(plan, state, step, at, preview);
  }
  const given = at.approvedBy !== undefined && !(step.secondPerson && at.approvedBy === state.advancedBy);
  // Said before a person waits for gates that can never pass.
  const violations = step.inMaintenance === true ? cutoverViolations(state) : [];
  if (violations.length > 0) return refuse(violations);
  if (step.gates.length === 0) return given ? complete(step, at) : { do: "idle", why: `Waits for approval: ${step.asks}` };
  if (given && state.watch?.verdict === "passed") return complete(step, at);
  const watch = state.watch ?? startWatch(state.updatedAt);
  // A person who says go is answered at once.
  const asked = given && (watch.lastRoundAt ?? 0) < (at.approvedAt ?? 0);
  return { do: "stand by", step, watch, at: asked ? state.updatedAt : nextRoundAt(watch, step.gates), config: currentConfig(state) };
}

function decideWatch(plan: Plan, state: MigrationState, step: ConfigStep | GateStep, at: StepState): Decision {
  if (step.gates.length === 0 || state.watch?.verdict === "passed") return complete(step, at);
  if (state.watch?.verdict === "failed") return onFailure(plan, state, step, state.watch.reason ?? "a gate failed");
  const watch = state.watch ?? startWatch(state.updatedAt);
  return {
    do: "sample",
    step,
    watch,
    at: nextRoundAt(watch, step.gates),
    config: currentConfig(state),
    notBefore: notBeforeOf(state, step),
    ...deadlineOf(state, step),
  };
}

/** Users' writes wait only so long before the point of no return; after it the way is forward. */
function deadlineOf(state: MigrationState, step: Step): { deadline?: Deadline } {
  const stopped = state.marks["old-writes-stopped"];
  const { database } = currentConfig(state);
  if (step.inWritePause !== true || state.applied || stopped === undefined || database === undefined) return {};
  const { writePauseSeconds } = database;
  return {
    deadline: {
      at: stopped + writePauseSeconds * 1_000,
      why: `writes were stopped for longer than the ${writePauseSeconds} s they may be`,
    },
  };
}

/** A lag counts for the cutover only when it was measured after writes stopped (promise 1). */
function notBeforeOf(state: MigrationState, step: Step): number {
  const stopped = state.marks["old-writes-stopped"];
  return "gates" in step && step.gates.some((g) => g.gate === "lag-zero") ? (stopped ?? Number.POSITIVE_INFINITY) : 0;
}

function decideAction(plan: Plan, state: MigrationState, step: ActionStep, at: StepState): Decision {
  if (state.applied) return complete(step, at);
  const violations = actionViolations(state, step, false);
  if (violations.length > 0) return refuse(violations);
  const key = effectKey(state, step.id, at.attempt, "run");
  const act: Decision = { do: "act", key, step, undo: false, config: currentConfig(state), ...deadlineOf(state, step) };
  return retrying(plan, state, step, at, act);
}

function decideConfig(plan: Plan, state: MigrationState, step: ConfigStep, at: StepState): Decision {
  if (state.applied && state.promotion !== undefined) {
    const key = effectKey(state, step.id, at.attempt, `promote-${state.promotion}`);
    return { do: "act", key, step, undo: false, config: currentConfig(state) };
  }
  if (state.applied) return decideWatch(plan, state, step, at);
  const current = currentConfig(state);
  const raw = configAfter(state, step);
  const wanted = readConfig(raw, `the config after ${step.id}`, state.stack);
  const violations = configViolations(state, current, wanted, step);
  if (violations.length > 0) return refuse(violations);
  if (at.preview === undefined) return retrying(plan, state, step, at, { do: "preview", step, attempt: at.attempt, config: raw });
  const { deadline } = deadlineOf(state, step);
  if (deadline !== undefined && state.updatedAt > deadline.at) return onFailure(plan, state, step, deadline.why);
  // Named for the preview that was seen, and for no other.
  const named = at.approvedPreview === at.preview.digest ? (at.approvedResources ?? []) : [];
  const lost = statefulLosses(at.preview.changes).filter((l) => !named.includes(l.name));
  if (lost.length > 0) {
    const reason = `promise 7: ${step.id} would ${lost.map((l) => `${l.op} ${l.name} (${l.type})`).join(", ")}`;
    // Inside a window users wait, and nobody approves such a thing there: it is undone as a whole.
    return step.undoFrom === undefined ? hold(reason, 7) : onFailure(plan, state, step, reason);
  }
  const unapproved = withoutApproval(plan, state, step, at.preview);
  if (unapproved !== undefined) return unapproved;
  const update: Decision = {
    do: "update",
    key: effectKey(state, step.id, at.attempt, "update"),
    step,
    config: raw,
    why: step.title,
    dnsOnly: step.phase === "traffic" && step.id.startsWith("traffic.dns-"),
  };
  return retrying(plan, state, step, at, update);
}

/** An approval counts for the preview that was seen: for another one it lapses, and the step fails. */
function withoutApproval(plan: Plan, state: MigrationState, step: ConfigStep, preview: Preview): Decision | undefined {
  const approval = plan.find((s) => s.kind === "approval" && s.approves === step.id);
  if (approval === undefined) return undefined;
  const { status, approvedPreview, approvedBy } = state.steps[approval.id] ?? {};
  if (status !== "done") return onFailure(plan, state, step, `${approval.id} has lapsed`);
  if (approvedPreview === preview.digest) return undefined;
  const why = `what ${step.id} would change is not what ${approvedBy} approved`;
  return { do: "record", entries: [{ type: "approval.lapsed", step: approval.id, why }] };
}

/** Tries again after a pause, a few times; then it counts as a failure of the step. */
function retrying(plan: Plan, state: MigrationState, step: Step, at: StepState, decision: Decision): Decision {
  if (at.failures === 0) return decision;
  if (at.failures >= MAX_TRIES) return onFailure(plan, state, step, at.error ?? "failed");
  return { do: "wait", at: state.updatedAt + (RETRY_MS[at.failures - 1] ?? 60_000), next: decision };
}

/**
 * Trouble that was found beside any step goes back like a failed gate: over the step under way, or over the last one
 * that changed what users get. Where there is none, it only stands in the journal.
 */
function answerAlarm(plan: Plan, state: MigrationState, { source, reason }: NonNullable<MigrationState["alarm"]>): Decision {
  const why = `${source}: ${reason}`;
  if (state.returning !== undefined) return hold(`${why}. It is on its way back already: resume it.`);
  const at = plan[state.position];
  const step = at !== undefined && canGoBack(state, at) ? at : plan.slice(0, state.position).findLast((s) => canGoBack(state, s));
  if (step === undefined) return hold(why);
  try {
    return onFailure(plan, state, step, why);
  } catch (error) {
    // After the clean-up began there is no way back: a person must know.
    if (error instanceof CutoverError) return hold(`${why}. ${error.message}`);
    throw error;
  }
}

/** A step whose failure leads back, and that has done something. */
const canGoBack = (state: MigrationState, step: Step): boolean =>
  step.kind === "config" &&
  (step.phase === "rollout" || step.phase === "traffic") &&
  state.steps[step.id]?.revision !== undefined &&
  ["running", "failed", "done"].includes(state.steps[step.id]?.status ?? "waiting");

/** What a failure leads to: a rollback by itself, or a person. */
function onFailure(plan: Plan, state: MigrationState, step: Step, reason: string): Decision {
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
  return {
    do: "record",
    entries: [
      { type: "rollback.started", revision: way.revision, undoTo: way.undoTo, why, who: "cutover", path: way.path, automatic: true },
    ],
  };
}

function decideReturn(plan: Plan, state: MigrationState): Decision {
  const { returning } = state;
  if (returning === undefined) return hold("a rollback without a path");
  const item = returning.path[returning.done];
  if (item === undefined) {
    const entries: Entry[] = [{ type: "rollback.completed", revision: returning.revision }];
    if (returning.abort) entries.push({ type: "migration.aborted" });
    return { do: "record", entries };
  }
  if (returning.failures >= MAX_TRIES)
    return hold(`the way back failed ${returning.failures} times at: ${item.summary} ${returning.error ?? ""}`.trim());
  const decision = returnItem(plan, state, item, returning.done);
  const pause =
    returning.failures > 0 ? (RETRY_MS[returning.failures - 1] ?? 60_000) : item.kind === "config" ? (item.afterSeconds ?? 0) * 1_000 : 0;
  return pause === 0 || decision.do === "record" ? decision : { do: "wait", at: state.updatedAt + pause, next: decision };
}

function returnItem(plan: Plan, state: MigrationState, item: PathItem, index: number): Decision {
  const { returning } = state;
  const begun = returning?.seq ?? 0;
  const key = effectKey(state, `back-to-${returning?.revision}`, begun, `${index}-${item.kind}`);
  if (item.kind === "config") {
    const violations = configViolations(state, currentConfig(state), configOf(item, state.stack), undefined);
    if (violations.length > 0) return refuse(violations);
    const why = `back to revision ${returning?.revision}: ${returning?.why}`;
    return {
      do: "update",
      key,
      config: item.config,
      why,
      ...(returning === undefined ? {} : { restores: returning.revision }),
      kept: item.kept,
      dnsOnly: item.dnsOnly,
    };
  }
  const step = plan.find((s) => s.id === item.step);
  if (step?.kind !== "action" && step?.kind !== "config") return hold(`the way back names ${item.step}, which this plan cannot undo`);
  const violations = actionViolations(state, step, true);
  if (violations.length > 0) return refuse(violations);
  const attempt = state.steps[step.id]?.attempt ?? 0;
  // The emergency exit is undone again and again without being run anew.
  const part = `undo-${begun}-${index}`;
  return { do: "act", key: effectKey(state, step.id, attempt, part), step, undo: true, config: currentConfig(state) };
}

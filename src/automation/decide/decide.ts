import { freezeAt, localTime, maintenanceAllowed, nextMaintenance } from "../../config/calendar.js";
import { readConfig } from "../../config/rawConfig.js";
import { CutoverError } from "../../errors.js";
import { nextRoundAt, startWatch } from "../gates/watch.js";
import type { PathItem } from "../journal/entries.js";
import { changesWeightsAlone } from "../plan/phases/emergencyExit.js";
import type { Plan } from "../plan/plan.js";
import type { ActionStep, ConfigStep, GateStep, Step } from "../plan/step.js";
import { configAfter, currentConfig, type MigrationState, type StepState } from "../state/state.js";
import { decideApproval, lapsedBefore, withoutApproval } from "./approvals.js";
import { type Deadline, isLate } from "./deadline.js";
import { complete, type Decision, effectKey, hold, onFailure, pauseBefore, refuse, retrying, retryPause } from "./decision.js";
import { beyondOf } from "./editions.js";
import { decideEdit } from "./edits.js";
import { lossesOf } from "./losses.js";
import { actionViolations, configViolations } from "./promises.js";
import { answerRequest, asPrimary, decideReturn } from "./rollback.js";
import { leaveAction } from "./strangers.js";
import { gatesOf } from "./streamBack.js";
import { unansweredFrom } from "./unanswered.js";
import { adriftWhy } from "./wayBack.js";

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
 * A step that goes forward waits while the calendar says so (freeze, maintenance window), and does not begin where no source
 * can ever answer one of its gates.
 *
 * A failed gate, or an action that cannot succeed, starts a rollback when the phase's policy says `automatic` and
 * the way back loses nothing that users wrote; otherwise the migration is held for a person. So does a hook that says no
 * inside the window in which users wait; anywhere else it holds the migration.
 */
export function decide(plan: Plan, state: MigrationState): Decision {
  const decision = next(plan, state);
  // Somebody else holds the stack's engine: asked again after a pause, as often as it takes.
  const again = state.blocked !== undefined && (decision.do === "update" || decision.do === "preview" || decision.do === "settle");
  return again ? pauseBefore(decision, state, blockedPause(state)) : decision;
}

/** Between two looks at whether an engine is free, whoever leads back looks more often. */
const MOST_BACK_MS = 20_000;
const blockedPause = ({ blocked, returning }: MigrationState): number =>
  Math.min(retryPause(blocked?.times ?? 1), returning === undefined ? Number.POSITIVE_INFINITY : MOST_BACK_MS);

function next(plan: Plan, state: MigrationState): Decision {
  if (state.status === "completed" || state.status === "aborted") return { do: "idle", why: `The migration is ${state.status}.` };
  const left = leaveAction(plan, state);
  if (left !== undefined) return left;
  if (state.intent !== undefined) return { do: "recover", intent: state.intent };
  if (state.requested !== undefined) return answerRequest(plan, state, state.requested);
  if (state.status === "returning") return decideReturn(plan, state);
  if (state.adrift !== undefined) return { do: "idle", why: adriftWhy(state.adrift.to) };
  if (state.alarm !== undefined) return answerAlarm(plan, state, state.alarm);
  const editing = beyondOf(plan, state) === undefined ? decideEdit(plan, state) : undefined;
  if (editing !== undefined) return editing;
  const beyond = state.status === "paused" || state.status === "held" ? undefined : beyondOf(plan, state);
  if (beyond !== undefined) return { do: "idle", why: `${beyond}.` };
  if (state.status === "ready") return state.position >= plan.length ? finished(state) : { do: "idle", why: "Waits for an advance." };
  if (state.status === "paused" || state.status === "held")
    return { do: "idle", why: state.heldReason ?? `The migration is ${state.status}.` };
  const step = plan[state.position];
  if (step === undefined) return finished(state);
  const { refusal } = state.hooks;
  if (refusal !== undefined) return step.undoFrom === undefined ? hold(`${step.id}: ${refusal}`) : onFailure(plan, state, step, refusal);
  const at = state.steps[step.id] ?? { status: "waiting", attempt: 0, failures: 0 };
  const begin: Decision = { do: "record", entries: [{ type: "step.started", step: step.id, attempt: at.attempt + 1 }] };
  const begins = at.status === "waiting" || at.status === "undone";
  const unanswered = begins ? unansweredFrom(plan, state, step) : [];
  if (unanswered.length > 0)
    return hold(`${step.id} does not begin, since no source can answer what it waits for: ${unanswered.join("; ")}`);
  const calendarSays = waitOf(state, step);
  if (calendarSays !== undefined) return { do: "wait", at: calendarSays.until, next: begin };
  if (begins) return begin;
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

const finished = (state: MigrationState): Decision =>
  state.position > 0 ? { do: "record", entries: [{ type: "migration.completed" }] } : { do: "idle", why: "The plan is empty." };

/**
 * What the calendar makes a step that goes forward wait for: asked before its effect, at the time of the newest entry.
 * Looking and asking may always begin; a maintenance window is needed where the step says so.
 */
export function waitOf(state: MigrationState, step: Step): { until: number; why: string } | undefined {
  const { calendar } = currentConfig(state);
  const { status = "waiting", failures = 0, startedAt = state.updatedAt } = state.steps[step.id] ?? {};
  const changes = (step.kind === "config" || step.kind === "action") && step.phase !== "assess";
  // What began in time and was interrupted before its effect begins again.
  const interrupted = changes && status === "running" && !state.applied && failures === 0;
  if (status !== "waiting" && status !== "undone" && !interrupted) return undefined;
  const then = interrupted ? startedAt : state.updatedAt;
  const freeze = changes ? freezeAt(calendar, then) : undefined;
  if (freeze !== undefined) return { until: freeze.until, why: `frozen until ${localTime(calendar, freeze.until)}: ${freeze.why}` };
  if (step.inMaintenance !== true || maintenanceAllowed(calendar, then)) return undefined;
  const until = nextMaintenance(calendar, then);
  return { until, why: `the next maintenance window opens on ${localTime(calendar, until)}` };
}

function decideWatch(plan: Plan, state: MigrationState, planned: ConfigStep | GateStep, at: StepState): Decision {
  const step = { ...planned, gates: gatesOf(state, planned.gates) };
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
      from: stopped.at,
      mostMs: writePauseSeconds * 1_000,
      why: `writes were stopped for longer than the ${writePauseSeconds} s they may be`,
    },
  };
}

/** A lag counts for the cutover only when it was measured after writes stopped (promise 1). */
function notBeforeOf(state: MigrationState, step: Step): number {
  const stopped = state.marks["old-writes-stopped"];
  return "gates" in step && step.gates.some((g) => g.gate === "lag-zero") ? (stopped?.at ?? Number.POSITIVE_INFINITY) : 0;
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
  const violations = configViolations(state, state.promoted === true ? asPrimary(current) : current, wanted, step);
  if (violations.length > 0) return refuse(violations);
  if (at.preview === undefined) return retrying(plan, state, step, at, { do: "preview", step, attempt: at.attempt, config: raw });
  const { deadline } = deadlineOf(state, step);
  if (deadline !== undefined && isLate(deadline, state.updatedAt)) return onFailure(plan, state, step, deadline.why);
  // Named for the preview that was seen, and for no other.
  const named = at.approvedPreview === at.preview.digest ? (at.approvedResources ?? []) : [];
  const lost = lossesOf(at.preview.changes, current, wanted).filter((l) => !named.includes(l.name));
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
    dnsOnly: changesWeightsAlone(step.id),
  };
  return retrying(plan, state, step, at, update);
}

/** The way back that an alarm leads to by itself; undefined where a person decides. */
export function wayOfAlarm(plan: Plan, state: MigrationState): PathItem[] | undefined {
  if (state.alarm === undefined || state.requested !== undefined || state.status === "returning") return undefined;
  const answer = answerAlarm(plan, { ...state, intent: undefined }, state.alarm);
  const [entry] = answer.do === "record" ? answer.entries : [];
  return entry?.type === "rollback.started" ? entry.path : undefined;
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

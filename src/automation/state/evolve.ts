import { canonical, configDigest, type RawConfig } from "../../config/rawConfig.js";
import type { GateSummary, WatchState } from "../gates/watch.js";
import type { Recorded } from "../journal/entries.js";
import type { Revision } from "../journal/records.js";
import type { Plan } from "../plan/plan.js";
import { command, lapsed, settle, toLapsed } from "./commands.js";
import { applyHooks, NO_HOOKS } from "./hooks.js";
import { restored } from "./restored.js";
import {
  editId,
  MAX_TRIES,
  type MigrationState,
  NOT_APPROVED,
  planOf,
  promotes,
  type StepState,
  stepOf,
  type UpdateIntent,
} from "./state.js";

/**
 * The state after one more entry. Pure: the given state is not changed.
 * @param plan as it was before the entry: see `planOf` for the one after
 */
export function apply(state: MigrationState | undefined, entry: Recorded, plan: Plan): MigrationState {
  if (state === undefined) {
    if (entry.type !== "migration.created") throw new Error(`a journal begins with migration.created, not ${entry.type}`);
    return created(entry);
  }
  const next = applied(state, entry, plan);
  return next.status === state.status ? next : { ...next, statusAt: entry.at };
}

function applied(state: MigrationState, entry: Recorded, plan: Plan): MigrationState {
  const next = {
    ...state,
    updatedAt: entry.at,
    recordedAt: Date.parse(entry.recordedAt),
    lastSeq: entry.seq,
    hooks: applyHooks(state.hooks, entry),
  };
  const patchStep = (id: string, patch: Partial<StepState>): void => {
    next.steps = { ...next.steps, [id]: { ...stepOf(next, id), ...patch } };
  };
  switch (entry.type) {
    case "migration.created":
      throw new Error("a journal has one migration.created");
    case "command":
      return command({ ...next, alarmHeld: false, blocked: undefined }, entry, plan);
    case "step.started":
      patchStep(entry.step, {
        status: "running",
        attempt: entry.attempt,
        startedAt: entry.at,
        failures: 0,
        error: undefined,
        preview: undefined,
        gates: undefined,
        perhaps: undefined,
        ...NOT_APPROVED,
      });
      return {
        ...next,
        applied: false,
        watch: undefined,
        blocked: undefined,
        ...(plan[next.position]?.kind === "approval" ? { status: "approval" as const } : {}),
      };
    case "approval.lapsed":
      return lapsed(next, entry.step, plan);
    case "alarm":
      return { ...next, alarm: { source: entry.source, reason: entry.reason }, alarms: [...next.alarms, entry.id] };
    case "preview.stored":
      patchStep(entry.step, { preview: entry.preview, blocked: entry.blocked });
      return { ...next, blocked: undefined };
    case "preview.failed":
      if (entry.conflict === true) return blocked(next, entry.error);
      return failed(next, entry.step, entry.error, entry.transient);
    case "update.intended":
      return { ...next, intent: entry, dirty: true, tried: [entry.config, ...(next.tried ?? [])] };
    case "action.intended":
      return { ...next, intent: entry };
    case "update.succeeded":
      return updated(next, entry);
    case "update.failed": {
      const intent = state.intent?.type === "update.intended" ? state.intent : undefined;
      const unsettled = entry.unsettled === true && intent !== undefined ? [...(state.unsettled ?? []), intent] : state.unsettled;
      if (entry.conflict === true) return blocked({ ...next, intent: undefined, unsettled }, entry.error);
      return failed({ ...next, intent: undefined, unsettled }, intent?.step, entry.error, entry.transient);
    }
    case "action.succeeded":
      return acted(next, entry);
    case "action.failed": {
      // A promotion that failed is only a wish that was not granted.
      const of = entry.undo || state.promotion !== undefined ? undefined : entry.step;
      return failed({ ...next, intent: undefined, promotion: undefined }, of, entry.error, entry.transient);
    }
    case "gates.watching":
      if (isOfEdit(entry.step)) return withEditWatch(next, entry.step, entry.watch);
      return { ...next, watch: entry.watch };
    case "gates.passed":
      if (isOfEdit(entry.step)) return { ...observed(next, entry.gates), ...(ofEdit(next, entry.step) ? { edit: undefined } : {}) };
      patchStep(entry.step, { gates: entry.gates });
      return {
        ...observed(next, entry.gates),
        watch: { startedAt: entry.at, rounds: 0, badRounds: 0, gates: entry.gates, verdict: "passed" },
      };
    case "gates.failed":
      if (isOfEdit(entry.step)) {
        const { gates, reason, at } = entry;
        const watch: WatchState = { startedAt: at, rounds: 0, badRounds: 0, gates, verdict: "failed", reason };
        return withEditWatch(observed(next, gates), entry.step, watch);
      }
      patchStep(entry.step, { gates: entry.gates, error: entry.reason, status: "failed" });
      return {
        ...observed(next, entry.gates),
        watch: { startedAt: entry.at, rounds: 0, badRounds: 0, gates: entry.gates, verdict: "failed", reason: entry.reason },
      };
    case "step.completed":
      patchStep(entry.step, { status: "done", completedAt: entry.at });
      return settle({ ...next, position: next.position + 1, applied: false, watch: undefined, promotion: undefined }, plan);
    case "rollback.started":
      return {
        ...next,
        status: "returning",
        watch: undefined,
        blocked: undefined,
        requested: undefined,
        promotion: undefined,
        alarm: undefined,
        edit: undefined,
        rollbacks: [...(next.rollbacks ?? []), { at: entry.at, automatic: entry.automatic, revision: entry.revision, why: entry.why }],
        wentBack: {
          kind: entry.abort === true ? "abort" : next.requested?.to === "safety" ? "emergency" : "rollback",
          at: next.requested === undefined ? entry.at : (next.wentBack?.at ?? entry.at),
          ...(entry.automatic ? {} : { who: entry.who }),
          why: entry.why,
          revision: entry.revision,
        },
        returning: {
          id: `${entry.seq}-${entry.hash.slice(0, 6)}`,
          revision: entry.revision,
          undoTo: entry.undoTo,
          path: entry.path,
          done: 0,
          why: entry.why,
          automatic: entry.automatic,
          abort: entry.abort === true,
          failures: 0,
        },
      };
    case "rollback.completed":
      return returned(next, plan);
    case "migration.held":
      return {
        ...restored(next, entry),
        status: "held",
        requested: undefined,
        alarm: undefined,
        edit: undefined,
        byHand: entry.byHand ?? next.byHand,
        alarmHeld: next.alarm !== undefined,
        heldReason: entry.reason,
        heldPromise: entry.promise,
      };
    case "runner.recovered":
      if (entry.shown !== undefined) {
        const { sentBack } = next;
        const shownNewWeight = { value: entry.shown.new, at: entry.at };
        return { ...next, shownNewWeight, ...(sentBack === undefined ? {} : { sentBack: { ...sentBack, shown: true } }) };
      }
      if (entry.blind !== undefined) return { ...next, blind: entry.blind === null ? undefined : { at: entry.at, ...entry.blind } };
      if (entry.byHand !== undefined) return { ...next, byHand: entry.byHand };
      if (entry.restored !== undefined) return restored(next, entry);
      if (entry.settled === true) return { ...next, unsettled: undefined, promoted: entry.promoted ?? next.promoted };
      if (entry.engine === undefined || next.intent?.type !== "update.intended") return next;
      return { ...next, intent: { ...next.intent, engine: entry.engine } };
    case "hook.intended":
    case "hook.finished":
      return next;
    case "drift.found":
      return { ...next, drift: { digest: entry.digest, changes: entry.changes, at: entry.at } };
    case "drift.cleared":
      return { ...next, drift: undefined };
    case "migration.completed":
      return { ...next, status: "completed" };
    case "migration.aborted":
      return { ...next, status: "aborted" };
    default:
      // Of a newer version: kept and shown, and what follows from it is left to that version.
      return beyond(next, entry);
  }
}

/** @param entry of a type that this version does not have */
const beyond = (state: MigrationState, { seq, type }: { seq: number; type: string }): MigrationState => ({
  ...state,
  beyond: { seq, type },
});

/** @param plan the one that the migration began with */
export function fold(entries: readonly Recorded[], plan: Plan): MigrationState {
  let now = plan;
  const state = entries.reduce<MigrationState | undefined>((s, e) => {
    const next = apply(s, e, now);
    now = planOf(next, plan);
    return next;
  }, undefined);
  if (state === undefined) throw new Error("an empty journal has no state");
  return state;
}

function created(entry: Extract<Recorded, { type: "migration.created" }>): MigrationState {
  const first: Revision = {
    number: 0,
    config: entry.config,
    digest: configDigest(entry.config),
    why: entry.why,
    who: entry.who,
    at: entry.at,
  };
  return {
    stack: entry.stack,
    planDigest: entry.plan,
    status: "ready",
    position: 0,
    goal: 0,
    steps: {},
    revisions: [first],
    revision: 0,
    applied: false,
    dirty: false,
    marks: {},
    alarms: [],
    hooks: NO_HOOKS,
    createdAt: entry.at,
    statusAt: entry.at,
    begunAt: entry.recordedAt,
    recordedAt: Date.parse(entry.recordedAt),
    updatedAt: entry.at,
    lastSeq: entry.seq,
  };
}

function updated(next: MigrationState, entry: Extract<Recorded, { type: "update.succeeded" }>): MigrationState {
  const intent = next.intent?.type === "update.intended" ? next.intent : undefined;
  if (intent === undefined) throw new Error("update.succeeded without its intent");
  const { step, config, why, who, restores, kept } = intent;
  const before = next.revisions.at(-1)?.config ?? {};
  const revision: Revision = {
    number: entry.revision,
    config: sharing(before, config),
    digest: configDigest(config),
    why,
    who,
    at: entry.at,
    key: entry.key,
    engineVersion: entry.engineVersion,
    ...(step === undefined || intent.edit !== undefined ? {} : { step }),
    ...(restores === undefined ? {} : { restores }),
    ...(kept === undefined ? {} : { kept }),
    ...(intent.refines === undefined ? {} : { refines: intent.refines }),
  };
  const promoted = promotes(next, intent) ? undefined : next.promoted;
  const state = {
    ...next,
    intent: undefined,
    dirty: false,
    blocked: undefined,
    tried: undefined,
    promoted,
    revisions: [...next.revisions, revision],
    revision: entry.revision,
  };
  if (state.returning !== undefined) return { ...state, returning: { ...state.returning, done: state.returning.done + 1, failures: 0 } };
  if (intent.edit !== undefined) return edited(state, intent);
  if (step === undefined) return state;
  return { ...state, applied: true, steps: { ...state.steps, [step]: { ...stepOf(state, step), revision: entry.revision } } };
}

/** The step at the position goes on from the edited config: what it would change is looked at again. */
function edited(state: MigrationState, { edit: seq, refines, step }: UpdateIntent): MigrationState {
  const { edit, revision, steps } = state;
  const now = refines === undefined ? state.refined : { ...state.refined, [refines]: revision };
  const shown = Object.entries(steps).map(([id, at]) => [id, at.status === "done" || id === step ? at : { ...at, preview: undefined }]);
  return {
    ...state,
    ...(now === undefined ? {} : { refined: now }),
    steps: Object.fromEntries(shown),
    ...(edit !== undefined && edit.seq === seq ? { edit: { ...edit, revision } } : {}),
  };
}

/** Of the one that is under way, or of one that another has taken the place of. */
const isOfEdit = (step: string): boolean => step.startsWith(editId(""));
const ofEdit = ({ edit }: MigrationState, step: string): boolean => edit !== undefined && editId(edit.seq) === step;

const withEditWatch = (state: MigrationState, step: string, watch: WatchState): MigrationState =>
  state.edit === undefined || !ofEdit(state, step) ? state : { ...state, edit: { ...state.edit, watch } };

/** The same config, with those sections of the one before that are equal: a revision changes one or two of them. */
function sharing(before: RawConfig, config: RawConfig): RawConfig {
  const section = (name: string, value: unknown) => (name in before && canonical(before[name]) === canonical(value) ? before[name] : value);
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, section(name, value)]));
}

function acted(next: MigrationState, entry: Extract<Recorded, { type: "action.succeeded" }>): MigrationState {
  const { at, seq } = entry;
  const marks = { ...next.marks, ...Object.fromEntries(entry.marks.map((m) => [m, { at, seq }])) };
  // A lag of 0 counts only while writes stay stopped.
  const lagZeroAt = entry.marks.includes("old-writes-allowed") ? undefined : next.lagZeroAt;
  const state = { ...next, intent: undefined, promotion: undefined, marks, lagZeroAt };
  if (entry.undo && state.returning !== undefined)
    return { ...state, returning: { ...state.returning, done: state.returning.done + 1, failures: 0 } };
  const patch = {
    evidence: entry.summary,
    ...(entry.facts === undefined ? {} : { facts: entry.facts }),
    ...(entry.files === undefined ? {} : { files: entry.files }),
  };
  return { ...state, applied: true, steps: { ...state.steps, [entry.step]: { ...stepOf(state, entry.step), ...patch } } };
}

/** Somebody else holds the engine: no try is spent, and it is asked again after a pause. */
const blocked = (next: MigrationState, why: string): MigrationState => ({
  ...next,
  blocked: { why, times: (next.blocked?.times ?? 0) + 1 },
});

/** A passing failure counts one try; one that trying again cannot mend counts them all. */
function failed(was: MigrationState, step: string | undefined, error: string, transient: boolean): MigrationState {
  const next = { ...was, blocked: undefined };
  const tries = transient ? 1 : MAX_TRIES;
  if (next.returning !== undefined) return { ...next, returning: { ...next.returning, failures: next.returning.failures + tries, error } };
  if (step === undefined) return next;
  const before = stepOf(next, step);
  return { ...next, steps: { ...next.steps, [step]: { ...before, error, failures: before.failures + tries } } };
}

/** Keeps what the promises are checked against. */
function observed(state: MigrationState, gates: GateSummary[]): MigrationState {
  const next = { ...state };
  for (const g of gates) {
    if (g.verdict === "unknown" || g.last === undefined || g.at === undefined) continue;
    const stopped = next.marks["old-writes-stopped"];
    if (g.gate === "lag-zero" && g.last === 0 && stopped !== undefined && g.at >= stopped.at) next.lagZeroAt = g.at;
    if (g.gate === "dns-weight" || g.gate === "group-weight") next.shownNewWeight = { value: g.last, at: g.at };
    if (g.gate === "rollout-share") next.shownRolloutShare = { value: g.last, at: g.at };
    if (g.gate === "green-weight") next.shownGreenWeight = { value: g.last, at: g.at };
  }
  return next;
}

function returned(next: MigrationState, plan: Plan): MigrationState {
  const { returning } = next;
  if (returning === undefined) throw new Error("rollback.completed without rollback.started");
  const steps = { ...next.steps };
  for (const step of plan.slice(returning.undoTo)) {
    const was = steps[step.id];
    if (was !== undefined && (was.status !== "waiting" || was.perhaps === true))
      steps[step.id] = { ...was, status: "undone", perhaps: undefined };
  }
  // Back to a revision is back to before the edits that were made of it.
  const refined = { ...next.refined };
  delete refined[returning.revision];
  const state: MigrationState = {
    ...next,
    steps,
    ...(next.refined === undefined ? {} : { refined }),
    position: Math.min(next.position, returning.undoTo),
    goal: Math.min(next.goal, returning.undoTo),
    status: "held",
    heldReason: `Went back to revision ${returning.revision}: ${returning.why}`,
    returning: undefined,
    adrift: undefined,
    ...(next.wentBack === undefined ? {} : { wentBack: { ...next.wentBack, doneAt: next.updatedAt } }),
    // Back to the revision of the step under way: what that applied stands.
    applied: next.applied && next.position < returning.undoTo,
    watch: undefined,
  };
  return toLapsed(state, plan);
}

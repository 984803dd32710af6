import type { StackConfig } from "../config/schema.js";
import { type ConfigPatch, canonical, configDigest, patched, type RawConfig, readConfig } from "../config/stackFile.js";
import type { Drift } from "./drift.js";
import type { Entry, Extent, PathItem, Recorded } from "./entries.js";
import type { GateSummary, WatchState } from "./gates/watch.js";
import { applyHooks, type HookState, NO_HOOKS } from "./hooks.js";
import type { Plan } from "./plan.js";
import { planOf } from "./tuning.js";
import type { ConfigStep, Mark, Preview, Revision } from "./types.js";

/**
 * A migration's state is a fold over its journal, nothing else: `states.reduce(apply)`. The status says what may happen:
 *
 *   ready      → waits for an advance; nothing runs
 *   running    → the goal lies ahead: the runner takes one decision after another
 *   approval   → waits for a person to approve the step at the position
 *   paused     → a person stopped it between two decisions; `resume` goes on
 *   held       → a gate, an action or a promise stopped it; a person reads why, then resumes or rolls back
 *   returning  → a rollback's path runs, item by item; then `held`, or `aborted`
 *   completed, aborted → over
 */
export type Status = "ready" | "running" | "approval" | "paused" | "held" | "returning" | "completed" | "aborted";

export interface StepState {
  status: "waiting" | "running" | "done" | "undone" | "failed";
  attempt: number;
  preview?: Preview;
  blocked?: string[];
  /** The revision it applied. */
  revision?: number;
  /** What it left: an action's sentence, or gate values. */
  evidence?: string;
  facts?: Record<string, unknown>;
  files?: string[];
  gates?: GateSummary[];
  error?: string;
  failures: number;
  startedAt?: number;
  completedAt?: number;
  approvedBy?: string;
  approvedAt?: number;
  /** Digest of the preview that the approval counts for; absent where there was none. */
  approvedPreview?: string;
  /** Names of resources that may be replaced or deleted. */
  approvedResources?: string[];
}

/** How often an effect that failed for a passing reason is tried before it counts as failed. */
export const MAX_TRIES = 4;

/** An effect whose outcome is not in the journal (yet). */
export type Intent = Extract<Entry, { type: "update.intended" | "action.intended" }>;

export interface MigrationState {
  stack: string;
  planDigest: string;
  status: Status;
  /** Index of the step that is next or under way. */
  position: number;
  /** Steps below this index run without being asked again. */
  goal: number;
  steps: Record<string, StepState>;
  revisions: Revision[];
  /** Number of the revision that is applied. */
  revision: number;
  intent?: Intent;
  watch?: WatchState;
  /** What the config step's update has been applied in this attempt. */
  applied: boolean;
  returning?: {
    revision: number;
    undoTo: number;
    path: PathItem[];
    done: number;
    why: string;
    automatic: boolean;
    abort: boolean;
    failures: number;
    error?: string;
  };
  /** An update began and did not succeed: the engine's state may lie between two revisions. */
  dirty: boolean;
  /** A person asked to go back; the orchestrator answers with the path. */
  requested?: { to: number | "safety"; why: string; who: string; abort: boolean };
  /** When each fact became true, on the target's clock; the newest of a pair counts. */
  marks: Partial<Record<Mark, number>>;
  /** When a lag of 0 was observed, after writes stopped. */
  lagZeroAt?: number;
  /** New weight as the authoritative servers last showed it, in percent, with the time. */
  shownNewWeight?: { value: number; at: number };
  /** Green weight as the load balancer's rule last showed it. */
  shownGreenWeight?: { value: number; at: number };
  /** Percent that the load balancer's rule last showed for the Argo Rollout. */
  shownRolloutShare?: { value: number; at: number };
  /** What people changed while it ran: it counts above the revision's config, and stands in the next one. */
  tuned?: ConfigPatch;
  /** Found beside any step, and not answered yet. */
  alarm?: { source: string; reason: string };
  /** A person was told of an alarm that nothing goes back from by itself. */
  alarmHeld?: boolean;
  /** Ids of the alarms so far: the same one is answered once. */
  alarms: string[];
  /** A person's wish to promote what the step at the position set going; the number of the command. */
  promotion?: number;
  /** What was changed past the engine, at the last look, and when that was found. */
  drift?: Drift & { at: number };
  /** Hooks that were called, and what they said. */
  hooks: HookState;
  /** Who last advanced: an approval that needs a second person refuses this one. */
  advancedBy?: string;
  heldReason?: string;
  heldPromise?: number;
  createdAt: number;
  updatedAt: number;
  lastSeq: number;
}

const stepOf = (state: MigrationState, id: string): StepState => state.steps[id] ?? { status: "waiting", attempt: 0, failures: 0 };

const NOT_APPROVED = { approvedBy: undefined, approvedAt: undefined, approvedPreview: undefined, approvedResources: undefined };

/**
 * The state after one more entry. Pure: the given state is not changed.
 * @param plan as it was before the entry: see `planOf` for the one after
 */
export function apply(state: MigrationState | undefined, entry: Recorded, plan: Plan): MigrationState {
  if (state === undefined) {
    if (entry.type !== "migration.created") throw new Error(`a journal begins with migration.created, not ${entry.type}`);
    return created(entry);
  }
  const next = { ...state, updatedAt: entry.at, lastSeq: entry.seq, hooks: applyHooks(state.hooks, entry) };
  const patchStep = (id: string, patch: Partial<StepState>): void => {
    next.steps = { ...next.steps, [id]: { ...stepOf(next, id), ...patch } };
  };
  switch (entry.type) {
    case "migration.created":
      throw new Error("a journal has one migration.created");
    case "command":
      return command({ ...next, alarmHeld: false }, entry, plan);
    case "step.started":
      patchStep(entry.step, {
        status: "running",
        attempt: entry.attempt,
        startedAt: entry.at,
        failures: 0,
        error: undefined,
        preview: undefined,
        gates: undefined,
        ...NOT_APPROVED,
      });
      return {
        ...next,
        applied: false,
        watch: undefined,
        ...(plan[next.position]?.kind === "approval" ? { status: "approval" as const } : {}),
      };
    case "approval.lapsed":
      return lapsed(next, entry.step, plan);
    case "alarm":
      return { ...next, alarm: { source: entry.source, reason: entry.reason }, alarms: [...next.alarms, entry.id] };
    case "preview.stored":
      patchStep(entry.step, { preview: entry.preview, blocked: entry.blocked });
      return next;
    case "preview.failed":
      return failed(next, entry.step, entry.error, entry.transient);
    case "update.intended":
      return { ...next, intent: entry, dirty: true };
    case "action.intended":
      return { ...next, intent: entry };
    case "update.succeeded":
      return updated(next, entry);
    case "update.failed":
      return failed(
        { ...next, intent: undefined },
        state.intent?.type === "update.intended" ? state.intent.step : undefined,
        entry.error,
        entry.transient,
      );
    case "action.succeeded":
      return acted(next, entry);
    case "action.failed": {
      // A promotion that failed is only a wish that was not granted.
      const of = entry.undo || state.promotion !== undefined ? undefined : entry.step;
      return failed({ ...next, intent: undefined, promotion: undefined }, of, entry.error, entry.transient);
    }
    case "gates.watching":
      return { ...next, watch: entry.watch };
    case "gates.passed":
      patchStep(entry.step, { gates: entry.gates });
      return {
        ...observed(next, entry.gates),
        watch: { startedAt: entry.at, rounds: 0, badRounds: 0, gates: entry.gates, verdict: "passed" },
      };
    case "gates.failed":
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
        requested: undefined,
        promotion: undefined,
        alarm: undefined,
        returning: {
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
        ...next,
        status: "held",
        requested: undefined,
        alarm: undefined,
        alarmHeld: next.alarm !== undefined,
        heldReason: entry.reason,
        heldPromise: entry.promise,
      };
    case "runner.recovered":
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
  }
}

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
    updatedAt: entry.at,
    lastSeq: entry.seq,
  };
}

function command(next: MigrationState, entry: Extract<Recorded, { type: "command" }>, plan: Plan): MigrationState {
  switch (entry.command) {
    case "advance":
      return settle(
        {
          ...next,
          status: "running",
          goal: goalOf(plan, next.position, entry.extent),
          advancedBy: entry.who,
          heldReason: undefined,
          heldPromise: undefined,
        },
        plan,
      );
    case "resume":
      return resumed(next, plan);
    case "tune":
      return tuned(next, entry.changes, plan);
    case "promote":
      return { ...next, promotion: entry.seq };
    case "pause":
      return { ...next, status: "paused", heldReason: entry.why };
    case "approve":
      return approved(next, entry, plan);
    case "refuse":
      return { ...next, status: "held", heldReason: `${entry.who} refused ${entry.step}: ${entry.why}` };
    case "rollback":
      return { ...next, requested: { to: entry.revision, why: entry.why, who: entry.who, abort: false } };
    case "emergency":
      return { ...next, requested: { to: "safety", why: entry.why, who: entry.who, abort: false } };
    case "abort":
      return { ...next, requested: { to: 0, why: entry.why, who: entry.who, abort: true } };
  }
}

function approved(next: MigrationState, entry: Extract<Recorded, { type: "command"; command: "approve" }>, plan: Plan): MigrationState {
  const step = plan[next.position];
  // Who advanced cannot be the second person; the service says so, and a journal that says otherwise changes nothing.
  if (step?.id !== entry.step || (step.kind === "approval" && step.secondPerson && entry.who === next.advancedBy)) return next;
  const before = stepOf(next, entry.step);
  const preview = entry.preview ?? before.preview?.digest;
  const at = {
    ...before,
    ...NOT_APPROVED,
    approvedBy: entry.who,
    approvedAt: entry.at,
    ...(preview === undefined ? {} : { approvedPreview: preview }),
    ...(entry.resources === undefined ? {} : { approvedResources: entry.resources }),
  };
  return { ...next, steps: { ...next.steps, [entry.step]: at }, status: "running", heldReason: undefined, heldPromise: undefined };
}

/** Asks the person again, unless something was done since: then the way back leads there first. */
function lapsed(next: MigrationState, id: string, plan: Plan): MigrationState {
  const at: StepState = { ...stepOf(next, id), ...NOT_APPROVED };
  if (plan[next.position]?.id === id) return { ...next, status: "approval", steps: { ...next.steps, [id]: at } };
  return toLapsed({ ...next, steps: { ...next.steps, [id]: { ...at, status: "undone" } } }, plan);
}

/** Back to the first approval that has lapsed, of those right before the position. */
function toLapsed(state: MigrationState, plan: Plan): MigrationState {
  let position = state.position;
  for (let i = state.position - 1; plan[i]?.kind === "approval"; i -= 1) {
    const id = plan[i]?.id;
    if (id !== undefined && state.steps[id]?.status !== "done") position = i;
  }
  if (position === state.position) return state;
  const undone = plan.slice(position, state.position + 1).flatMap(({ id }) => (state.steps[id] === undefined ? [] : [id]));
  const steps = { ...state.steps, ...Object.fromEntries(undone.map((id) => [id, { ...stepOf(state, id), status: "undone" as const }])) };
  return { ...state, steps, position, applied: false, watch: undefined };
}

/** What a person changed counts at once; the goal stays at the same step. */
function tuned(next: MigrationState, changes: ConfigPatch, plan: Plan): MigrationState {
  const state = { ...next, tuned: { ...next.tuned, ...changes } };
  const after = planOf(state, plan);
  const kept = plan.slice(next.goal).find((step) => after.some((s) => s.id === step.id));
  return { ...state, goal: kept === undefined ? after.length : after.findIndex((s) => s.id === kept.id) };
}

/** A person says go on: what failed is tried again, in a new attempt. */
function resumed(next: MigrationState, plan: Plan): MigrationState {
  const state = { ...next, heldReason: undefined, heldPromise: undefined };
  if (state.returning !== undefined) return { ...state, status: "returning", returning: { ...state.returning, failures: 0 } };
  const step = plan[state.position];
  const id = step?.id;
  const at = id === undefined ? undefined : state.steps[id];
  const steps =
    id !== undefined && at !== undefined && (at.status === "failed" || at.failures > 0)
      ? { ...state.steps, [id]: { ...at, status: "undone" as const } }
      : state.steps;
  const goal = Math.max(state.goal, Math.min(state.position + 1, plan.length));
  if (step?.kind === "approval" && at?.status === "running") return { ...state, goal, status: "approval" };
  return settle({ ...state, steps, status: "running", goal }, plan);
}

/** The first index that an advance does not run any more. */
function goalOf(plan: Plan, position: number, extent: Extent): number {
  if (extent === "end") return plan.length;
  if (extent === "step") return Math.min(position + 1, plan.length);
  const phase = plan[position]?.phase;
  const end = plan.findIndex((s, i) => i > position && s.phase !== phase);
  return end === -1 ? plan.length : end;
}

/** Sets the status that follows from position and goal. */
function settle(state: MigrationState, plan: Plan): MigrationState {
  if (state.status !== "running") return state;
  if (state.position >= plan.length) return state;
  return state.position >= state.goal ? { ...state, status: "ready" } : state;
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
    ...(step === undefined ? {} : { step }),
    ...(restores === undefined ? {} : { restores }),
    ...(kept === undefined ? {} : { kept }),
  };
  const state = { ...next, intent: undefined, dirty: false, revisions: [...next.revisions, revision], revision: entry.revision };
  if (state.returning !== undefined) return { ...state, returning: { ...state.returning, done: state.returning.done + 1, failures: 0 } };
  if (step === undefined) return state;
  return { ...state, applied: true, steps: { ...state.steps, [step]: { ...stepOf(state, step), revision: entry.revision } } };
}

/** The same config, with those sections of the one before that are equal: a revision changes one or two of them. */
function sharing(before: RawConfig, config: RawConfig): RawConfig {
  const section = (name: string, value: unknown) => (name in before && canonical(before[name]) === canonical(value) ? before[name] : value);
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, section(name, value)]));
}

function acted(next: MigrationState, entry: Extract<Recorded, { type: "action.succeeded" }>): MigrationState {
  // Their order is the journal's, also where the clock stood still or was set back.
  const at = Math.max(entry.at, ...Object.values(next.marks).map((m) => m + 1));
  const marks = { ...next.marks, ...Object.fromEntries(entry.marks.map((m) => [m, at])) };
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

/** A passing failure counts one try; one that trying again cannot mend counts them all. */
function failed(next: MigrationState, step: string | undefined, error: string, transient: boolean): MigrationState {
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
    if (g.gate === "lag-zero" && g.last === 0 && stopped !== undefined && g.at >= stopped) next.lagZeroAt = g.at;
    if (g.gate === "dns-weight") next.shownNewWeight = { value: g.last, at: g.at };
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
    if (was !== undefined && was.status !== "waiting") steps[step.id] = { ...was, status: "undone" };
  }
  const state: MigrationState = {
    ...next,
    steps,
    position: Math.min(next.position, returning.undoTo),
    goal: Math.min(next.goal, returning.undoTo),
    status: "held",
    heldReason: `Went back to revision ${returning.revision}: ${returning.why}`,
    returning: undefined,
    applied: false,
    watch: undefined,
  };
  return toLapsed(state, plan);
}

export function currentRevision(state: MigrationState): Revision {
  const revision = state.revisions.find((r) => r.number === state.revision);
  if (revision === undefined) throw new Error(`revision ${state.revision} is not in the journal of ${state.stack}`);
  return revision;
}

const typed = new WeakMap<RawConfig, { tuned: ConfigPatch | undefined; config: StackConfig }>();

/** The typed config that counts now: the applied revision's, with what was tuned since. Each is read once. */
export function currentConfig(state: MigrationState): StackConfig {
  const { config: raw } = currentRevision(state);
  const { tuned, stack } = state;
  let known = typed.get(raw);
  if (known === undefined || known.tuned !== tuned) {
    const where = tuned === undefined ? `revision ${state.revision} of ${stack}` : `revision ${state.revision} of ${stack}, tuned`;
    known = { tuned, config: readConfig(tuned === undefined ? raw : patched(raw, tuned), where, stack) };
    typed.set(raw, known);
  }
  return known.config;
}

/** The raw config that a config step leads to, with what was tuned. */
export function configAfter(state: MigrationState, step: ConfigStep): RawConfig {
  return patched(currentRevision(state).config, { ...state.tuned, ...step.change(currentConfig(state)) });
}

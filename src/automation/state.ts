import type { StackConfig } from "../config/schema.js";
import { configDigest, readConfig } from "../config/stackFile.js";
import type { Drift } from "./drift.js";
import type { Entry, Extent, PathItem, Recorded } from "./entries.js";
import type { GateSummary, WatchState } from "./gates/watch.js";
import { applyHooks, type HookState, NO_HOOKS } from "./hooks.js";
import type { Plan } from "./plan.js";
import type { Mark, Preview, Revision } from "./types.js";

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

/** The state after one more entry. Pure: the given state is not changed. */
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
      return command(next, entry, plan);
    case "step.started":
      patchStep(entry.step, {
        status: "running",
        attempt: entry.attempt,
        startedAt: entry.at,
        failures: 0,
        error: undefined,
        preview: undefined,
        gates: undefined,
        approvedBy: undefined,
      });
      return {
        ...next,
        applied: false,
        watch: undefined,
        ...(plan[next.position]?.kind === "approval" ? { status: "approval" as const } : {}),
      };
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
      return { ...next, status: "held", requested: undefined, heldReason: entry.reason, heldPromise: entry.promise };
    case "runner.recovered":
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

export function fold(entries: readonly Recorded[], plan: Plan): MigrationState {
  const state = entries.reduce<MigrationState | undefined>((s, e) => apply(s, e, plan), undefined);
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
  const at = {
    ...stepOf(next, entry.step),
    approvedBy: entry.who,
    ...(entry.resources === undefined ? {} : { approvedResources: entry.resources }),
  };
  return { ...next, steps: { ...next.steps, [entry.step]: at }, status: "running", heldReason: undefined, heldPromise: undefined };
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
  const revision: Revision = {
    number: entry.revision,
    config,
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

function acted(next: MigrationState, entry: Extract<Recorded, { type: "action.succeeded" }>): MigrationState {
  const marks = { ...next.marks, ...Object.fromEntries(entry.marks.map((m) => [m, entry.at])) };
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
  return {
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
}

export function currentRevision(state: MigrationState): Revision {
  const revision = state.revisions.find((r) => r.number === state.revision);
  if (revision === undefined) throw new Error(`revision ${state.revision} is not in the journal of ${state.stack}`);
  return revision;
}

const typed = new WeakMap<object, StackConfig>();

/** The typed config of the applied revision. Revisions are immutable, so each is read once. */
export function currentConfig(state: MigrationState): StackConfig {
  const { config: raw } = currentRevision(state);
  let config = typed.get(raw);
  if (config === undefined) {
    config = readConfig(raw, `revision ${state.revision} of ${state.stack}`, state.stack);
    typed.set(raw, config);
  }
  return config;
}

import { type Edit, editsOf, isOfSteps, withEdits } from "../../config/edits.js";
import { type ConfigPatch, patched, type RawConfig, readConfig } from "../../config/rawConfig.js";
import type { StackConfig } from "../../config/schema.js";
import type { GateSummary, WatchState } from "../gates/watch.js";
import type { Entry, PathItem } from "../journal/entries.js";
import type { Loosened, Loosening } from "../journal/person.js";
import type { Drift, Preview, Revision } from "../journal/records.js";
import { withChanges } from "../plan/edition.js";
import { buildPlan, type Plan } from "../plan/plan.js";
import type { ConfigStep, Marks } from "../plan/step.js";
import type { HookState } from "./hooks.js";

/** What a person's word does to the state: a part of the fold. Pure. */

export const stepOf = (state: MigrationState, id: string): StepState => state.steps[id] ?? { status: "waiting", attempt: 0, failures: 0 };

/** Names a person's edit where steps are named. */
export const editId = (seq: number | ""): string => `edit#${seq}`;

/** What an approval leaves in a step, taken away. */
export const NOT_APPROVED = {
  approvedBy: undefined,
  approvedIds: undefined,
  approvedAt: undefined,
  approvedPreview: undefined,
  approvedResources: undefined,
};

/** Why a look would say nothing now: what is under way is between two revisions. */
export function unsettled(state: MigrationState): string | undefined {
  if (state.intent !== undefined || state.dirty) return "an update did not finish";
  return state.status === "running" || state.status === "returning" ? `it is ${state.status}` : undefined;
}

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
  preview?: Preview | undefined;
  blocked?: string[] | undefined;
  /** The revision it applied. */
  revision?: number | undefined;
  /** What it left: an action's sentence, or gate values. */
  evidence?: string | undefined;
  facts?: Record<string, unknown> | undefined;
  files?: string[] | undefined;
  gates?: GateSummary[] | undefined;
  error?: string | undefined;
  failures: number;
  startedAt?: number | undefined;
  completedAt?: number | undefined;
  approvedBy?: string | undefined;
  approvedIds?: readonly string[] | undefined;
  approvedAt?: number | undefined;
  /** Digest of the preview that the approval counts for; absent where there was none. */
  approvedPreview?: string | undefined;
  /** Names of resources that may be replaced or deleted. */
  approvedResources?: string[] | undefined;
  /** The journal may have lost that it was begun. */
  perhaps?: boolean | undefined;
}

/** How often an effect that failed for a passing reason is tried before it counts as failed. */
export const MAX_TRIES = 4;

/** An effect whose outcome is not in the journal (yet). */
export type Intent = Extract<Entry, { type: "update.intended" | "action.intended" }>;
export type UpdateIntent = Extract<Intent, { type: "update.intended" }>;

/** A way back that is under way. */
export interface Returning {
  /** Names the entry that began it: its effects are told from those of another way back by that, also of one that was lost. */
  id: string;
  revision: number;
  undoTo: number;
  path: PathItem[];
  done: number;
  why: string;
  automatic: boolean;
  abort: boolean;
  failures: number;
  error?: string | undefined;
}

/** What went back last. */
export interface WentBack {
  kind: "emergency" | "rollback" | "abort";
  /** When it was ordered. */
  at: number;
  /** When the way back had run to its end; absent until then. */
  doneAt?: number | undefined;
  /** Absent when it went back automatically. */
  who?: string | undefined;
  why: string;
  /** Where it leads; absent until the way back was worked out. */
  revision?: number | undefined;
}

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
  intent?: Intent | undefined;
  watch?: WatchState | undefined;
  /** What the config step's update has been applied in this attempt. */
  applied: boolean;
  returning?: Returning | undefined;
  /** A person sent users back; until the far side shows it, that is only wanted. Gone once somebody goes on. */
  sentBack?: { at: number; seq: number; weights: { old: number; new: number }; shown: boolean } | undefined;
  /** Each way back that was taken. */
  rollbacks?: readonly { at: number; automatic: boolean; revision: number; why: string }[] | undefined;
  /** What went back last, by whom and why; gone once somebody goes on. */
  wentBack?: WentBack | undefined;
  /** Somebody else holds the stack's engine: why, and how often that was found in a row. */
  blocked?: { why: string; times: number } | undefined;
  /** An update began and did not succeed: the engine's state may lie between two revisions. */
  dirty: boolean;
  /** Updates that failed, and of which something may have been done that the engine does not know: settled before the next one. */
  unsettled?: UpdateIntent[] | undefined;
  /** An update that failed had promoted the database all the same: no revision says so, and it is no replica any more. */
  promoted?: boolean | undefined;
  /** A person asked to go back; the orchestrator answers with the path. */
  requested?: { to: number | "safety"; why: string; who: string; abort: boolean } | undefined;
  /** What became true; the newest of a pair counts. */
  marks: Marks;
  /** When a lag of 0 was observed, after writes stopped. */
  lagZeroAt?: number | undefined;
  /** New weight as the authoritative servers last showed it, in percent, with the time. */
  shownNewWeight?: { value: number; at: number } | undefined;
  /** Green weight as the load balancer's rule last showed it. */
  shownGreenWeight?: { value: number; at: number } | undefined;
  /** Percent that the load balancer's rule last showed for the Argo Rollout. */
  shownRolloutShare?: { value: number; at: number } | undefined;
  /** What people changed while it ran: it counts above the revision's config, and stands in the next one. */
  tuned?: ConfigPatch | undefined;
  /** A person's edit of the stack's config; with `revision` it is applied, and its gates are watched. Gone once they held. */
  edit?: { seq: number; changes: Edit[]; why: string; who: string; revision?: number; watch?: WatchState } | undefined;
  /** Revision → the newest one that is the same with a person's edits. */
  refined?: Record<number, number> | undefined;
  /** Configs of updates that were begun since the last one that succeeded, newest first. */
  tried?: RawConfig[] | undefined;
  /** The newest update past cutover that was told of. */
  byHand?: string | undefined;
  /** Found beside any step, and not answered yet. */
  alarm?: { source: string; reason: string } | undefined;
  /** The watch over users has gone blind: since when, and what it does not see. */
  blind?: { at: number; gates: string[]; why: string } | undefined;
  /** A person was told of an alarm that nothing goes back from by itself. */
  alarmHeld?: boolean | undefined;
  /** Ids of the alarms so far: the same one is answered once. */
  alarms: string[];
  /** A person's wish to promote what the step at the position set going; the number of the command. */
  promotion?: number | undefined;
  /** What was changed past the engine, at the last look, and when that was found. */
  drift?: (Drift & { at: number }) | undefined;
  /** Hooks that were called, and what they said. */
  hooks: HookState;
  /** Who last advanced: an approval that needs a second person refuses this one. */
  advancedBy?: string | undefined;
  advancedIds?: readonly string[] | undefined;
  /** A tuning that loosens protections and waits for a second person. */
  proposal?:
    | { seq: number; at: number; changes: ConfigPatch; loosens: Loosened[]; why: string; who: string; ids?: readonly string[] }
    | undefined;
  /** What two people loosened since it began. */
  loosened?: Loosening[] | undefined;
  /** The journal may have lost entries: names what was found then, and sets what comes after apart from what was before. */
  restored?: string | undefined;
  /**
   * The revision that it has to go back to, or further, before it goes forward: what came after it is lost. `back` when a way
   * back was: the engine has left what the journal says is done.
   */
  adrift?: { to: number; back: boolean } | undefined;
  /** The newest entry of a type that this version does not have. */
  beyond?: { seq: number; type: string } | undefined;
  /** Since when the status is this. */
  statusAt?: number | undefined;
  heldReason?: string | undefined;
  heldPromise?: number | undefined;
  createdAt: number;
  /** The same by the clock of the process that wrote it, ISO 8601. */
  begunAt?: string | undefined;
  /** By the target's clock, which a rehearsal's is ahead of. */
  updatedAt: number;
  /** When the last entry was written, by the clock of the process that wrote it. */
  recordedAt: number;
  lastSeq: number;
}

/** Whether an update was to promote the database. */
export const promotes = (state: MigrationState, { config }: UpdateIntent): boolean =>
  roleOf(config) === "primary" && roleOf(currentRevision(state).config) === "replica";

const roleOf = (raw: RawConfig): unknown => (raw["cutover:database"] as { role?: unknown } | undefined)?.role;

export function currentRevision(state: MigrationState): Revision {
  const revision = state.revisions.find((r) => r.number === state.revision);
  if (revision === undefined) throw new Error(`revision ${state.revision} is not in the journal of ${state.stack}`);
  return revision;
}

const NOTHING_TUNED: ConfigPatch = {};
type ByTuning<T> = WeakMap<RawConfig, WeakMap<ConfigPatch, T>>;

/** Makes it once a raw config and what was tuned: looking at how something else would be tuned forgets nothing. */
function once<T extends object>(kept: ByTuning<T>, raw: RawConfig, tuned: ConfigPatch | undefined, make: () => T): T {
  const of = kept.get(raw) ?? new WeakMap<ConfigPatch, T>();
  kept.set(raw, of);
  const key = tuned ?? NOTHING_TUNED;
  const known = of.get(key) ?? make();
  of.set(key, known);
  return known;
}

const configs: ByTuning<StackConfig> = new WeakMap();
const plans: ByTuning<Plan> = new WeakMap();

/** Whether something runs or was asked for, so that a process has to be at work on it. */
export const isUnderWay = ({ status, intent, requested, alarm, edit }: MigrationState): boolean =>
  status === "running" || status === "returning" || [intent, requested, alarm, edit].some((pending) => pending !== undefined);

/** The typed config that counts now: the applied revision's, with what was tuned since. Each is read once. */
export function currentConfig(state: MigrationState): StackConfig {
  const { config: raw } = currentRevision(state);
  const { tuned, stack } = state;
  return once(configs, raw, tuned, () => {
    const where = tuned === undefined ? `revision ${state.revision} of ${stack}` : `revision ${state.revision} of ${stack}, tuned`;
    return readConfig(tuned === undefined ? raw : patched(raw, tuned), where, stack, { lenient: true });
  });
}

/** The raw config that a config step leads to, with what was tuned. */
export function configAfter(state: MigrationState, step: ConfigStep): RawConfig {
  return patched(currentRevision(state).config, { ...state.tuned, ...step.change(currentConfig(state)) });
}

/** The plan from here on: what was tuned decides about the steps to come. */
export function planOf(state: MigrationState, plan: Plan): Plan {
  const { tuned, stack } = state;
  const first = state.revisions[0]?.config;
  const edited = state.refined === undefined ? undefined : currentRevision(state).config;
  if ((tuned === undefined && edited === undefined) || first === undefined) return plan;
  return once(plans, edited ?? first, tuned, () => {
    const codes = (raw: RawConfig, what: string): Plan =>
      buildPlan(readConfig(raw, `the ${what} config of ${stack}`, stack, { lenient: true }));
    const now = edited === undefined ? first : withEdits(first, userEdits(first, edited));
    return withChanges(plan, codes(first, "first"), codes(patched(now, tuned ?? NOTHING_TUNED), "tuned"));
  });
}

/** What people edited since the beginning: what is to come goes by it, such as the version that is rolled out. */
const userEdits = (first: RawConfig, now: RawConfig): Edit[] => editsOf(first, now).filter((e) => !isOfSteps(e));

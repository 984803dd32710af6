import { wayBackTo } from "../automation/decide/wayBack.js";
import type { PathItem, Recorded } from "../automation/journal/entries.js";
import { ONCE_STOP } from "../automation/plan/phases/handover.js";
import type { Plan } from "../automation/plan/plan.js";
import { apply } from "../automation/state/evolve.js";
import { currentConfig, type MigrationState } from "../automation/state/state.js";
import { webMovesOnce } from "../config/processes.js";
import type { StackConfig } from "../config/schema.js";
import { rawShift, shiftOf } from "../config/shift.js";
import { Conflict } from "../errors.js";
import type { RehearsedRollback, WayBackCost } from "./outcome.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Until every authoritative server answers with new weights. */
const PROPAGATION_MS = MINUTE;
/** Where nothing of its kind was measured. */
const TYPICAL_MS = MINUTE;
/** Shares of users that differ by less are the same. */
const SAME_SHARE = 0.01;
const LONGEST_LOOK_MS = 24 * 60 * MINUTE;

/** Virtual milliseconds that effects took in this rehearsal: updates on average, actions by step. */
export interface Durations {
  update: number;
  undo: (step: string) => number;
}

export function durationsIn(entries: readonly Recorded[]): Durations {
  const began = new Map<string, number>();
  const updates: number[] = [];
  const actions = new Map<string, number>();
  for (const e of entries) {
    if (e.type === "update.intended" || e.type === "action.intended") began.set(e.key, e.at);
    if (e.type === "update.succeeded") updates.push(e.at - (began.get(e.key) ?? e.at));
    if (e.type === "action.succeeded") actions.set(e.step, e.at - (began.get(e.key) ?? e.at));
  }
  const mean = updates.length === 0 ? TYPICAL_MS : updates.reduce((a, b) => a + b, 0) / updates.length;
  return { update: mean, undo: (step) => actions.get(step) ?? TYPICAL_MS };
}

/** The cost of going back to the beginning, right after each step that was done. */
export function waysBack(plan: Plan, entries: readonly Recorded[]): WayBackCost[] {
  const durations = durationsIn(entries);
  const costs: WayBackCost[] = [];
  let state: MigrationState | undefined;
  for (const entry of entries) {
    state = apply(state, entry, plan);
    if (entry.type === "step.completed") costs.push(costAfter(entry.step, entry.at, plan, state, durations));
  }
  return costs;
}

function costAfter(step: string, at: number, plan: Plan, state: MigrationState, durations: Durations): WayBackCost {
  try {
    const { path, loses } = wayBackTo(plan, state, 0);
    const total = path.reduce((sum, item) => sum + pauseOf(item) + durationOf(item, durations), 0);
    return {
      step,
      at,
      possible: true,
      usersMinutes: minutes(usersBack(path, state, durations)),
      minutes: minutes(total),
      items: path.length,
      loses,
    };
  } catch (error) {
    if (!(error instanceof Conflict)) throw error;
    return { step, at, possible: false, usersMinutes: 0, minutes: 0, items: 0, loses: [error.message] };
  }
}

const minutes = (ms: number): number => Math.round((ms / MINUTE) * 10) / 10;
const pauseOf = (item: PathItem): number => (item.kind === "config" ? (item.afterSeconds ?? 0) * SECOND : 0);
const durationOf = (item: PathItem, { update, undo }: Durations): number => (item.kind === "config" ? update : undo(item.step));

/** Users who are on the new side are back once the weights are set and the last resolver has let go of its answer. */
function usersBack(path: PathItem[], state: MigrationState, durations: Durations): number {
  const config = currentConfig(state);
  const [first] = path;
  const started = webMovesOnce(config) ? path.findIndex(startsOld) : -1;
  const servedMs = path.slice(0, started + 1).reduce((sum, item) => sum + pauseOf(item) + durationOf(item, durations), 0);
  return Math.max(servedMs, usersSent(first, config, durations));
}

function usersSent(first: PathItem | undefined, config: StackConfig, durations: Durations): number {
  if ((shiftOf(config)?.weights.new ?? 0) === 0 || first === undefined) return 0;
  // A load balancer follows its rule at once; names have caches.
  return durationOf(first, durations) + (config.dns === undefined ? 0 : PROPAGATION_MS + config.dns.ttlSeconds * SECOND);
}

/** What each rollback of the rehearsal cost. @param share of users on the new side at a moment, as the sandbox knows it */
export function rollbackCosts(plan: Plan, entries: readonly Recorded[], share: (at: number, asOf?: number) => number): RehearsedRollback[] {
  const found: RehearsedRollback[] = [];
  let state: MigrationState | undefined;
  let firstBad: number | undefined;
  for (const entry of entries) {
    if (entry.type === "gates.watching")
      firstBad = entry.watch.gates.some((g) => g.verdict === "fail") ? (firstBad ?? entry.at) : undefined;
    if (entry.type === "rollback.started" && state !== undefined) {
      const { at, why, automatic, revision } = entry;
      const done = entries.find((e) => e.seq > entry.seq && e.type === "rollback.completed")?.at;
      // Whoever goes on again does not wait for the last resolver.
      const sent = usersBackAt(entry, state, (moment) => share(moment, done));
      const back = servedAgain(entry, state, entries, sent);
      found.push({
        at,
        why,
        automatic,
        revision,
        ...(automatic && firstBad !== undefined ? { detectionMs: at - firstBad } : {}),
        ...(back === undefined ? {} : { usersBackMs: back - at }),
        // All is done once users are back, too: resolvers may follow later than the last item.
        ...(done === undefined ? {} : { doneMs: Math.max(done, back ?? done) - at }),
        usersOnNew: share(at),
        loses: losesOf(plan, state, revision),
      });
      firstBad = undefined;
    }
    state = apply(state, entry, plan);
  }
  return found;
}

function losesOf(plan: Plan, state: MigrationState, revision: number): string[] {
  try {
    return wayBackTo(plan, state, revision).loses;
  } catch (error) {
    if (error instanceof Conflict) return [error.message];
    throw error;
  }
}

/**
 * Where the web process may run only once and was stopped on the old side, users who are back are served only once it has started there.
 * @param sent when they were back there
 */
function servedAgain(
  { seq, path }: Extract<Recorded, { type: "rollback.started" }>,
  state: MigrationState,
  entries: readonly Recorded[],
  sent: number | undefined,
): number | undefined {
  if (!webMovesOnce(currentConfig(state)) || !path.some(startsOld)) return sent;
  const started = entries.find((e) => e.seq > seq && e.type === "action.succeeded" && e.step === ONCE_STOP && e.undo);
  return sent === undefined || started === undefined ? undefined : Math.max(sent, started.at);
}

const startsOld = (item: PathItem): boolean => item.kind === "undo" && item.step === ONCE_STOP;

/** When the share of users on the new side had fallen to what the restored weights ask for. */
function usersBackAt(
  entry: Extract<Recorded, { type: "rollback.started" }>,
  state: MigrationState,
  share: (at: number, asOf?: number) => number,
): number | undefined {
  const restored = state.revisions.find((r) => r.number === entry.revision)?.config;
  const section = restored === undefined ? undefined : rawShift(restored)?.section;
  const wanted = (section?.records === "both" || section?.records === "new" ? (section.weights?.new ?? 0) : 0) / 100;
  for (let at = entry.at; at <= entry.at + LONGEST_LOOK_MS; at += 5 * SECOND) if (share(at) <= wanted + SAME_SHARE) return at;
  return undefined;
}

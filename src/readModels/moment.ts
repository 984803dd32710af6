import type { Resource } from "../automation/engine/progress.js";
import { holdMs } from "../automation/gates/watch.js";
import type { Migration } from "../automation/run/projections.js";
import { currentConfig, type MigrationState } from "../automation/state/state.js";
import { type Shift, shiftOf } from "../config/shift.js";
import { byHand } from "./byHand.js";
import type { Round } from "./sampler.js";

export interface Health {
  /** Of the sides that users are on. What was not measured just now is unknown, never healthy (promise 10). */
  state: "healthy" | "unhealthy" | "unknown";
  why: string;
  /** When it was measured. */
  at?: number;
}

/** A migration at this moment: what only time and the far side say. Times are the target's. */
export interface Moment {
  now: number;
  health: Health;
  /** Since when its status is what it is. */
  statusSince: number;
  /** The step that runs. */
  step?: {
    since: number;
    /** How long it takes by what is known; absent where nothing is. */
    expectedMs?: number;
    /** What that rests on. */
    expectedFrom?: string;
  };
  /** Resources that the engine is at, the longest first. */
  resources: { name: string; type: string; op: string; forMs: number }[];
  /** While users cannot write, and once they can again: how long of how much. */
  /** Zones, records and commands with which a person sets the weights without the service: read while it answers. */
  byHand: string[];
  writePause?: {
    since: number;
    /** From here on the budget counts no more: the way is forward. */
    promotionAt?: number;
    endedAt?: number;
    budgetMs: number;
  };
}

export interface MomentInput {
  migration: Migration;
  now: number;
  /** The newest measurement of both sides. */
  round: Round | undefined;
  resources: readonly Resource[];
  /** The same application's migration in the environment that goes first. */
  before: Migration | undefined;
  /** This machine's clock, which the resources were timed by. */
  wall: number;
}

/** A measurement counts this long. */
const FRESH_MS = 60_000;

/** Pure. */
export function momentOf({ migration, now, round, resources, before, wall }: MomentInput): Moment {
  const { state } = migration;
  const step = runningStep(migration, before);
  const pause = writePauseOf(migration);
  return {
    now,
    health: healthOf(state, now, round),
    statusSince: state.statusAt ?? state.updatedAt,
    ...(step === undefined ? {} : { step }),
    resources: resources.map(({ name, type, op, since }) => ({ name, type, op, forMs: Math.max(0, wall - since) })),
    byHand: byHandNow(state),
    ...(pause === undefined ? {} : { writePause: pause }),
  };
}

/** How long the step at the position has run, and how long it takes by what the environment before showed and its gates ask. */
function runningStep({ plan, state }: Migration, before: Migration | undefined): Moment["step"] {
  const step = plan[state.position];
  const at = step === undefined ? undefined : state.steps[step.id];
  if (step === undefined || state.status !== "running" || at?.status !== "running" || at.startedAt === undefined) return undefined;
  const theirs = before?.state.steps[step.id];
  const took = theirs?.status === "done" ? (theirs.completedAt ?? 0) - (theirs.startedAt ?? 0) : 0;
  const held = "gates" in step ? holdMs(step.gates) : 0;
  if (took > 0 && took >= held) {
    const environment = before === undefined ? "" : currentConfig(before.state).application.environment;
    return { since: at.startedAt, expectedMs: took, expectedFrom: `it took that long in ${environment}` };
  }
  if (held > 0) return { since: at.startedAt, expectedMs: held, expectedFrom: "its gates must hold that long, after its effect" };
  return { since: at.startedAt };
}

/** Nothing where only one side stands: there are no weights to set. */
function byHandNow(state: MigrationState): string[] {
  const config = currentConfig(state);
  return shiftOf(config)?.records === "both" ? byHand(config) : [];
}

/** From the moment that the old database refused writes until one takes them again. */
function writePauseOf({ plan, state }: Migration): Moment["writePause"] {
  const { marks } = state;
  const stopped = marks["old-writes-stopped"];
  const { database } = currentConfig(state);
  if (stopped === undefined || database === undefined) return undefined;
  const ends = [marks["old-writes-allowed"], marks["new-writes-allowed"]].filter((m) => m !== undefined && m.seq > stopped.seq);
  const endedAt = ends.length === 0 ? undefined : Math.min(...ends.map((m) => m?.at ?? 0));
  const point = plan.find((s) => s.pointOfNoReturn === true && s.inWritePause === true);
  const { status, startedAt = 0 } = state.steps[point?.id ?? ""] ?? {};
  const begun = (status === "running" || status === "done") && startedAt >= stopped.at;
  return {
    since: stopped.at,
    ...(begun ? { promotionAt: startedAt } : {}),
    budgetMs: database.writePauseSeconds * 1_000,
    ...(endedAt === undefined ? {} : { endedAt }),
  };
}

type Side = "old" | "new";

function healthOf(state: MigrationState, now: number, round: Round | undefined): Health {
  if (state.alarm !== undefined) return { state: "unhealthy", why: state.alarm.reason };
  const failing = (state.watch?.gates ?? []).filter((g) => g.verdict === "fail");
  if (failing.length > 0) return { state: "unhealthy", why: `${failing.map((g) => `${g.gate} reads ${g.shown}`).join(", ")}` };
  if (round === undefined || now - round.at > FRESH_MS)
    return { state: "unknown", why: "nothing was measured within the last minute", ...(round === undefined ? {} : { at: round.at }) };
  const { at } = round;
  const { gates, ...config } = currentConfig(state);
  const shift = shiftOf(config);
  const sides: Side[] = shift === undefined ? ["new"] : (["old", "new"] as const).filter((side) => carries(shift, side));
  const readings = sides.flatMap((side) => [
    { what: `error rate of the ${side} side`, value: round.values[`errors ${side}`] ?? null, most: gates.maxErrorRate, shown: percent },
    { what: `p95 of the ${side} side`, value: round.values[`latency ${side}`] ?? null, most: gates.maxLatencyP95Seconds, shown: seconds },
  ]);
  const over = readings.filter((r) => r.value !== null && r.value > r.most);
  if (over.length > 0)
    return { state: "unhealthy", why: over.map((r) => `${r.what} is ${r.shown(r.value ?? 0)}, at most ${r.shown(r.most)}`).join("; "), at };
  const unknown = readings.filter((r) => r.value === null);
  if (unknown.length > 0) return { state: "unknown", why: `${unknown.map((r) => r.what).join(", ")}: unknown`, at };
  return { state: "healthy", why: readings.map((r) => `${r.what} ${r.shown(r.value ?? 0)}`).join(", "), at };
}

const carries = ({ records, weights }: Shift, side: Side): boolean =>
  records === "none" || records === "old" ? side === "old" : records === "new" ? side === "new" : weights[side] > 0;

const percent = (v: number): string => `${Math.round(v * 1_000) / 10} %`;
const seconds = (v: number): string => (v < 1 ? `${Math.round(v * 1_000)} ms` : `${Math.round(v * 100) / 100} s`);

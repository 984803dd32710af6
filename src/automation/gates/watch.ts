import type { StackConfig } from "../../config/schema.js";
import type { Observation } from "../../ports/observations.js";
import { gateNamed } from "./catalogue.js";
import type { Verdict } from "./definition.js";
import { type GateUse, judge } from "./gate.js";

/**
 * A watch over the gates of one step. It begins `open`; every round of samples moves it:
 *
 *   all pass                         → holding since the first such round; once held long enough → `passed`
 *   any pending                      → the hold starts again; after the timeout → `failed`
 *   any unknown, none else but pass  → the same, once more of the hold was unknown than `gates.unknownBudget` allows
 *   any fail                         → the hold starts again; after `failAfterSamples` such rounds in a row → `failed`
 *   a round later than MAX_GAP rounds → what happened in between is unknown, and counts against the same budget
 *   a round before the last one      → the clock was set back: start and hold move with it, as if no time had gone by
 *
 * Pure: the state is a value, so it can be rebuilt from the journal and property-tested.
 */
export interface WatchState {
  startedAt: number;
  /** Since when all gates passed without a break. */
  passingSince?: number;
  /** How much of the time since then was unknown, in milliseconds. */
  unknownMs?: number;
  lastRoundAt?: number;
  rounds: number;
  badRounds: number;
  gates: GateSummary[];
  verdict: "open" | "passed" | "failed";
  /** Why it failed, or what it waits for. */
  reason?: string;
}

export interface GateSummary {
  gate: string;
  accepts: string;
  verdict: Verdict;
  last?: number | undefined;
  min?: number | undefined;
  max?: number | undefined;
  /** Printed last value with its unit, or why it is unknown. */
  shown: string;
  samples: number;
  source: string;
  /** When the last value was true. */
  at?: number | undefined;
  /** The value is from before what is judged: unknown, though the source sees. */
  early?: true | undefined;
}

/** Rounds that may be missing before a hold counts as broken. */
const MAX_GAP = 3;
const SECOND = 1_000;
const SHORTEST_ROUND = 15 * SECOND;
const LONGEST_ROUND = 3_600 * SECOND;

export function holdMs(uses: GateUse[]): number {
  return Math.max(0, ...uses.map((u) => u.holdSeconds)) * SECOND;
}

/** Time between rounds: twenty rounds a hold, within 15 s and 1 h, or as often as a gate needs. */
export function roundMs(uses: GateUse[]): number {
  const longest = Math.min(LONGEST_ROUND, ...uses.map((u) => (gateNamed(u.gate).everySeconds ?? Number.POSITIVE_INFINITY) * SECOND));
  return Math.min(longest, Math.max(SHORTEST_ROUND, holdMs(uses) / 20));
}

export function timeoutMs(uses: GateUse[], config: StackConfig): number {
  return Math.max(...uses.map((u) => (u.timeoutSeconds ?? config.gates.timeoutSeconds) * SECOND), 0) + holdMs(uses);
}

export function startWatch(now: number): WatchState {
  return { startedAt: now, rounds: 0, badRounds: 0, gates: [], verdict: "open" };
}

/** When the next round is due. */
export function nextRoundAt(state: WatchState, uses: GateUse[]): number {
  return state.lastRoundAt === undefined ? state.startedAt : state.lastRoundAt + roundMs(uses);
}

/**
 * One round: one observation a gate, in the order of `uses`.
 * @param changedAt since when things are as they are: what a source that is minutes behind saw before it is unknown. @default the watch's start
 * @param notBefore samples from before this instant are unknown (a lag measured before writes stopped says nothing)
 */
export function observeRound(
  before: WatchState,
  uses: GateUse[],
  observations: readonly (Observation | undefined)[],
  config: StackConfig,
  now: number,
  notBefore = 0,
  changedAt?: number,
): WatchState {
  const state = onClock(before, now);
  const gates = uses.map((use, i) =>
    summarise(
      state.gates.find((g) => g.gate === use.gate),
      use,
      observations[i],
      config,
      now,
      { notBefore, changedAt: changedAt ?? state.startedAt },
    ),
  );
  const verdicts = gates.map((g) => g.verdict);
  const broken = state.lastRoundAt !== undefined && now - state.lastRoundAt > MAX_GAP * roundMs(uses);
  const allPass = verdicts.every((v) => v === "pass");
  const bad = verdicts.includes("fail");
  const blind = !allPass && verdicts.every((v) => v === "pass" || v === "unknown");
  const unseen = (blind || broken) && state.lastRoundAt !== undefined ? now - state.lastRoundAt : 0;
  const unknownMs = (state.unknownMs ?? 0) + unseen;
  const within = state.passingSince !== undefined && (allPass || blind) && unknownMs <= holdMs(uses) * config.gates.unknownBudget;
  // The hold goes on, begins again, or has not begun.
  const passingSince = within ? state.passingSince : allPass ? now : undefined;
  const next: WatchState = {
    startedAt: state.startedAt,
    ...(passingSince === undefined ? {} : { passingSince }),
    ...(within && unknownMs > 0 ? { unknownMs } : {}),
    lastRoundAt: now,
    rounds: state.rounds + 1,
    badRounds: bad ? state.badRounds + 1 : 0,
    gates,
    verdict: "open",
  };
  const waiting = inWords(gates.filter((g) => g.verdict !== "pass"));
  if (allPass && passingSince !== undefined && now - passingSince >= holdMs(uses)) return { ...next, verdict: "passed" };
  if (bad && next.badRounds >= config.gates.failAfterSamples) return { ...next, verdict: "failed", reason: waiting };
  if (now - state.startedAt > timeoutMs(uses, config))
    return { ...next, verdict: "failed", reason: `not passed in time: ${waiting || "did not hold long enough"}` };
  return { ...next, ...(waiting === "" ? {} : { reason: waiting }) };
}

/** The same watch after its clock was set back. */
function onClock(state: WatchState, now: number): WatchState {
  const { lastRoundAt, startedAt, passingSince } = state;
  if (lastRoundAt === undefined || now >= lastRoundAt) return state;
  const by = now - lastRoundAt;
  return {
    ...state,
    lastRoundAt: now,
    startedAt: startedAt + by,
    ...(passingSince === undefined ? {} : { passingSince: passingSince + by }),
  };
}

/** What gates show and what they accept, for people. */
export const inWords = (gates: GateSummary[]): string => gates.map((g) => `${g.gate} ${g.shown} (accepted: ${g.accepts})`).join("; ");

function summarise(
  before: GateSummary | undefined,
  use: GateUse,
  observation: Observation | undefined,
  config: StackConfig,
  now: number,
  { notBefore, changedAt }: { notBefore: number; changedAt: number },
): GateSummary {
  const gate = gateNamed(use.gate);
  const accepts = gate.accepts(config, use.expect);
  const samples = (before?.samples ?? 0) + 1;
  const range = before?.min === undefined || before.max === undefined ? {} : { min: before.min, max: before.max };
  if (observation === undefined)
    return { gate: use.gate, accepts, verdict: "unknown", ...range, shown: "unknown: not measured", samples, source: "none" };
  const { reading } = observation;
  // What a source that is minutes behind shows at first is how it was before the step.
  const beforeStep = observation.delaySeconds !== undefined && observation.at < changedAt;
  const early = observation.at < notBefore || beforeStep;
  const judged = judge(gate, use, observation, config, now);
  const unseen = early || judged === "unknown";
  // What a source cannot show yet is no sign of anything.
  const bad = judged === "unknown" && !early && gate.unknownIsBad?.(config) === true;
  const verdict = bad ? "fail" : unseen ? "unknown" : judged;
  if (!reading.known)
    return {
      gate: use.gate,
      accepts,
      verdict,
      ...range,
      shown: `unknown: ${reading.reason}`,
      samples,
      source: observation.source,
      at: observation.at,
    };
  const value = reading.value;
  const shown = unseen
    ? `unknown: ${gate.format(value)} is ${beforeStep ? "from before this step" : early ? "from before writes stopped" : "stale"}`
    : gate.format(value);
  return {
    gate: use.gate,
    accepts,
    verdict,
    last: value,
    min: Math.min(before?.min ?? value, value),
    max: Math.max(before?.max ?? value, value),
    shown,
    samples,
    source: observation.source,
    at: observation.at,
    // One that has stood still for too long is stale as well: then nothing is seen.
    ...(early && judged !== "unknown" ? { early } : {}),
  };
}

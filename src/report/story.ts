import { type BuiltInGate, type GateName, gateNamed } from "../automation/gates/catalogue.js";
import type { GateSummary } from "../automation/gates/watch.js";
import type { Recorded } from "../automation/journal/entries.js";
import { type EntryKind, inWords, sentence } from "../automation/journal/words.js";
import { ownGateOf } from "../config/ownGates.js";
import type { StackConfig } from "../config/schema.js";
import { isOwn } from "../ports/observations.js";

/** What an auditor asks of a journal: who decided what, what was judged by which values, and in which order it happened. */

/** A person's command. */
export interface Decision {
  at: number;
  who: string;
  /** `approve`, `rollback`, … */
  what: string;
  step?: string;
  why?: string;
  /** What an approval allowed to be replaced or deleted. */
  resources?: string[];
}

/** Gates that were judged together, whatever came of it. */
export interface Judgement {
  at: number;
  step: string;
  passed: boolean;
  gates: GateSummary[];
  reason?: string;
  /** How long they held, in milliseconds. */
  heldMs?: number;
}

/** A gate's values over time, as every round of samples left them. */
export interface Series {
  gate: string;
  phase: string;
  points: { at: number; value: number; passes: boolean }[];
  /** Highest value that passes. */
  limit?: number;
  accepts: string;
}

/** One line of the timeline. */
export interface Moment {
  seq: number;
  at: number;
  kind: Exclude<EntryKind, "routine">;
  step?: string;
  text: string;
}

export function decisions(entries: readonly Recorded[]): Decision[] {
  return entries.flatMap((e): Decision[] => {
    if (e.type !== "command") return [];
    const { at, who, command } = e;
    const more = e as { step?: string; why?: string; resources?: string[] };
    return [
      {
        at,
        who,
        what: command,
        ...(more.step === undefined ? {} : { step: more.step }),
        ...(more.why === undefined ? {} : { why: more.why }),
        ...(more.resources === undefined ? {} : { resources: more.resources }),
      },
    ];
  });
}

export function judgements(entries: readonly Recorded[]): Judgement[] {
  return entries.flatMap((e): Judgement[] => {
    if (e.type === "gates.passed") return [{ at: e.at, step: e.step, passed: true, gates: e.gates, heldMs: e.heldMs }];
    if (e.type === "gates.failed") return [{ at: e.at, step: e.step, passed: false, gates: e.gates, reason: e.reason }];
    return [];
  });
}

/** Cutover's gates that are worth a chart, and their limit in the stack config; the user's own all are. */
const CHARTED: Partial<Record<BuiltInGate, (config: StackConfig) => number | undefined>> = {
  "error-rate": (c) => c.gates.maxErrorRate,
  "latency-p95": (c) => c.gates.maxLatencyP95Seconds,
  "replica-lag": (c) => c.gates.maxReplicaLagSeconds,
  "lag-zero": () => 0,
};

/** Where a gate's chart has its line; undefined for one without a chart. */
const limitIn = (config: StackConfig, gate: string): { limit: number | undefined } | undefined => {
  const limitOf = CHARTED[gate as BuiltInGate];
  if (isOwn(gate)) return { limit: ownGateOf(config, gate)?.limit };
  return limitOf && { limit: limitOf(config) };
};

/** @param config the stack config as it is now, for the limits */
export function series(entries: readonly Recorded[], config: StackConfig): Series[] {
  const found = new Map<string, Series>();
  for (const entry of entries) {
    if (entry.type !== "gates.watching" && entry.type !== "gates.passed" && entry.type !== "gates.failed") continue;
    const phase = entry.step.split(".")[0] ?? "";
    for (const gate of entry.type === "gates.watching" ? entry.watch.gates : entry.gates) {
      const charted = limitIn(config, gate.gate);
      if (charted === undefined || gate.last === undefined || gate.at === undefined) continue;
      const key = `${phase} ${gate.gate}`;
      const { limit } = charted;
      const one = found.get(key) ?? {
        gate: gate.gate,
        phase,
        points: [],
        accepts: gate.accepts,
        ...(limit === undefined ? {} : { limit }),
      };
      // The outcome repeats the last round.
      if (one.points.at(-1)?.at !== gate.at) one.points.push({ at: gate.at, value: gate.last, passes: gate.verdict === "pass" });
      found.set(key, one);
    }
  }
  return [...found.values()].filter((s) => s.points.length > 1);
}

/** A value with the unit that its gate prints. */
export const shownValue = (gate: string, value: number): string => gateNamed(gate as GateName).format(value);

/** Everything that a person would tell of it, in order; what only repeats a round of samples is left out. */
export function timeline(entries: readonly Recorded[]): Moment[] {
  return entries.flatMap((e): Moment[] => {
    const words = inWords(e);
    if (words.kind === "routine") return [];
    const step = "step" in e && e.step !== undefined ? { step: e.step } : {};
    return [{ seq: e.seq, at: e.at, ...step, kind: words.kind, text: sentence(words) }];
  });
}

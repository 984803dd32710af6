import type { Verdict } from "./definition.js";
import type { GateSummary } from "./watch.js";

const MINUTE = 60_000;
/** So many changes within this time are a flapping. */
const FLIPS = 4;
const WITHIN_MS = 60 * MINUTE;
/** How long a flapping gate must be steady until what is better about it is written. */
const STEADY_MS = 10 * MINUTE;

/**
 * What of a watch the journal was told, so that a value that flaps around its limit for days is written once and not at each
 * turn. What is worse is written at once, always; of what flaps, what is better only once it stays so. So what stands in the
 * journal is never better than what was measured.
 */
export interface Told {
  /** The last round's. */
  seen: readonly Verdict[];
  /** When verdicts changed. */
  flips: readonly number[];
  /** The worst of each gate since the journal was told, that included. */
  worst: readonly GateSummary[];
}

const ORDER: readonly Verdict[] = ["pass", "pending", "unknown", "fail"];
const isWorse = (one: GateSummary, other: GateSummary | undefined): boolean =>
  other !== undefined && ORDER.indexOf(one.verdict) > ORDER.indexOf(other.verdict);
const isDifferent = (verdicts: readonly Verdict[], gates: readonly GateSummary[]): boolean =>
  gates.some((g, i) => g.verdict !== verdicts[i]);

/**
 * @param told undefined before the journal was told of the first round
 * @param due whether it is to be told again also of what stayed
 * @returns what to remember, and the gates to write, where something is to be written
 */
export function toWrite(
  told: Told | undefined,
  gates: readonly GateSummary[],
  now: number,
  due: boolean,
): { told: Told; write?: GateSummary[] } {
  const seen = gates.map((g) => g.verdict);
  if (told === undefined) return { told: { seen, flips: [], worst: gates }, write: [...gates] };
  // A clock that was set back forgets what lies in its future.
  const recent = told.flips.filter((at) => now - at < WITHIN_MS && at <= now);
  const flips = isDifferent(told.seen, gates) ? [...recent, now].slice(-FLIPS) : recent;
  const written = told.worst.map((g) => g.verdict);
  const steady = now - (flips.at(-1) ?? Number.NEGATIVE_INFINITY) >= STEADY_MS;
  if (flips.length < FLIPS || steady) {
    const write = due || isDifferent(written, gates);
    return { told: { seen, flips, worst: gates }, ...(write ? { write: [...gates] } : {}) };
  }
  const worst = gates.map((g, i) => {
    const before = told.worst[i];
    return before !== undefined && isWorse(before, g) ? before : g;
  });
  return { told: { seen, flips, worst }, ...(due || isDifferent(written, worst) ? { write: worst } : {}) };
}

import type { StackConfig } from "../../config/schema.js";
import type { Instant, Observation, Side } from "../../ports/observations.js";
import type { Evidence } from "../../ports/target.js";
import { NOTHING_TO_UNDO } from "./phases/build.js";
import type { ActionContext, Phase, Step } from "./step.js";

/**
 * Before a side is removed, what is open on it comes to its end:
 *
 *   at most `drain.connections` open, over a minute of samples → drained
 *   more open                                                  → waits on
 *   unknown, stale, or from before the wait began              → waits on, and the minute begins again
 *   `drain.seconds` are over                                   → over, and the evidence says what the removal cuts; 0 waits for nothing
 *   the signal (a way back, an emergency)                      → ends at once
 */
const SECOND = 1_000;
/** Between two looks. */
const EVERY = 15 * SECOND;
/** Two minutes' samples of CloudWatch, or two scrapes of Prometheus, whose times are exact to less than a second. */
const APART = 59 * SECOND;
/** How long after a drain what it found counts: the side gets no new connections, but for those who still knew it. */
const FRESH = 900 * SECOND;

/** The drain of the old side, right before its instances and its load balancer go. */
export const DRAIN_OLD = "cleanup.drain";

/** The steps that wait for what is open, and on which side each looks. */
const SIDES = { "rollout.drain-blue": "new", "rollout.drain-deployment": "new", [DRAIN_OLD]: "old" } as const satisfies Record<
  string,
  Side
>;

/** A step that waits for what is open on its side. */
export function drainStep({ what, ...step }: { id: keyof typeof SIDES; phase: Phase; title: string; seed: string; what: string }): Step {
  return { ...step, kind: "action", wayBack: NOTHING_TO_UNDO, run: (context) => drained(context, SIDES[step.id], what) };
}

/** The sides on which a plan waits for what is open. */
export const drainedSides = (steps: readonly Pick<Step, "id">[]): Side[] => [
  ...new Set(steps.flatMap(({ id }) => (id in SIDES ? [SIDES[id as keyof typeof SIDES]] : []))),
];

type Context = Pick<ActionContext, "target" | "config" | "effect">;

/**
 * Waits until nothing more is open on a side, or for the stated time.
 * @param what what is removed, for people
 */
export async function drained(
  { target: { clock, observer }, config, effect: { signal } }: Context,
  side: Side,
  what: string,
): Promise<Evidence> {
  const { seconds, connections } = config.drain;
  const began = clock.now();
  if (seconds === 0)
    return {
      summary: `Nothing was waited for: drain.seconds is 0. What is open on ${lower(what)} ends with it.`,
      facts: { side, drained: false, seconds },
    };
  const counts: number[] = [];
  let left = seconds * SECOND;
  let before = began;
  let quietSince: Instant | undefined;
  for (;;) {
    const seen = await unlessAborted(observer.observe("open-connections", side, 60), signal);
    const now = clock.now();
    const count = countOf(seen, config, now, began);
    if (count.open !== undefined) counts.push(count.open);
    quietSince = count.open !== undefined && count.counts && count.open <= connections ? (quietSince ?? seen.at) : undefined;
    // A clock that was set back has nothing of the wait go by.
    left -= Math.max(0, now - before);
    before = now;
    const ended = quietSince !== undefined && seen.at - quietSince >= APART;
    if (ended || left <= 0) return evidence({ config, side, what, ended, counts, waitedMs: seconds * SECOND - left, why: count.why, now });
    await clock.sleepUntil(now + Math.min(EVERY, left), signal);
  }
}

/** What one look says: how many are open, whether that counts, and why not. */
function countOf(
  { reading, at, delaySeconds = 0 }: Observation,
  { gates }: StackConfig,
  now: Instant,
  began: Instant,
): { open?: number; counts: boolean; why?: string } {
  if (!reading.known) return { counts: false, why: reading.reason };
  if (now - at > (gates.maxSampleAgeSeconds + delaySeconds) * SECOND) return { counts: false, why: "the newest sample is stale" };
  // Something may have come after a sample from before.
  return { open: reading.value, counts: at >= began };
}

/** For people, and for what removes the side right after. */
function evidence(of: {
  config: StackConfig;
  side: Side;
  what: string;
  ended: boolean;
  counts: number[];
  waitedMs: number;
  why: string | undefined;
  now: Instant;
}): Evidence {
  const { config, side, what, ended, counts, why } = of;
  const [first, last] = [counts.at(0), counts.at(-1)];
  const { seconds, connections } = config.drain;
  const waited = Math.round(of.waitedMs / SECOND);
  const facts = {
    side,
    drained: ended,
    seconds: waited,
    until: of.now,
    ...(first === undefined ? {} : { openAtBegin: first }),
    ...(why === undefined && last !== undefined ? { openAtEnd: last } : {}),
  };
  const most = connections === 0 ? "" : `; at most ${connections} count as none`;
  if (ended) return { summary: `${what} is drained: ${open(first)} open at the beginning, ${last} after ${waited} s${most}.`, facts };
  if (why !== undefined || last === undefined) {
    const were = last === undefined ? "" : `, ${last} when last seen`;
    const reason = why ?? "no sample since the wait began";
    return {
      summary: `The whole ${seconds} s were waited: how many connections of ${lower(what)} are open is not known${were} (${reason}).`,
      facts,
    };
  }
  const still = last <= connections ? `seen only at the end of ${seconds} s` : `still open after ${seconds} s: removing it ends them`;
  return { summary: `${open(last)} of ${lower(what)} ${last === 1 ? "is" : "are"} ${still}; ${first} at the beginning${most}.`, facts };
}

const open = (n: number | undefined): string => (n === 1 ? "1 connection" : `${n} connections`);
const lower = (what: string): string => what.charAt(0).toLowerCase() + what.slice(1);

/** Whoever goes back waits for no look. */
async function unlessAborted<T>(look: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  signal?.throwIfAborted();
  if (signal === undefined) return look;
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([look, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * What is open on the old side, right before it goes, unless the plan's own step has just waited for it: a plan of an earlier
 * version has no such step, and whoever was stopped in between for long waits again.
 */
export async function drainedBefore(context: ActionContext): Promise<string> {
  const { target, config, factsOf } = context;
  if (config.drain.seconds === 0) return "";
  const { until } = (factsOf?.(DRAIN_OLD) ?? {}) as { until?: Instant };
  if (until !== undefined && Math.abs(target.clock.now() - until) <= FRESH) return "";
  return ` ${(await drained(context, "old", "The old side")).summary}`;
}

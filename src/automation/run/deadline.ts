import { Terminal } from "../../errors.js";
import type { ClockPort } from "../../ports/target.js";
import { type Deadline, isLate } from "../decide/deadline.js";

/** How often a running action is looked at that has a deadline. */
const LOOK_MS = 250;
/** How long an action that was interrupted may take to end automatically, in milliseconds. */
const GRACE_MS = 10_000;

export interface Ending {
  clock: ClockPort;
  deadline: Deadline | undefined;
  /** Aborted when users are sent back: the reason is what ends it. */
  interrupted: AbortSignal;
  /** Whether it is waited for all the same: what it leaves half done decides which side may write. */
  awaited: boolean;
  /** @default 10 seconds */
  graceMs?: number;
}

/**
 * Runs an action, and ends it at its deadline (on the target's clock) or when it is in the way of going back: it is asked to
 * end, and after a grace it is not waited for any longer; the fence keeps what is left of it from making another call.
 * @throws Terminal with the deadline's reason, or the interruption's
 */
export async function endingBy<T>(
  { clock, deadline, interrupted, awaited, graceMs = GRACE_MS }: Ending,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const given = new AbortController();
  const look = (): void => {
    if (deadline !== undefined && isLate(deadline, clock.now())) late.abort(new Terminal(deadline.why));
  };
  const timer = deadline === undefined ? undefined : setInterval(look, LOOK_MS);
  let grace: NodeJS.Timeout | undefined;
  const interrupt = (): void => {
    if (!awaited) grace = setTimeout(() => given.abort(interrupted.reason), graceMs);
  };
  try {
    const ended = new Promise<never>((_, reject) => {
      for (const { signal } of [late, given]) signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    ended.catch(() => undefined);
    if (interrupted.aborted) interrupt();
    else interrupted.addEventListener("abort", interrupt, { once: true });
    const result = await Promise.race([run(awaited ? late.signal : AbortSignal.any([late.signal, interrupted])), ended]);
    look();
    late.signal.throwIfAborted();
    return result;
  } catch (error) {
    // Whatever an interrupted action says of how it ended, it was interrupted.
    if (interrupted.aborted && !late.signal.aborted) throw interrupted.reason;
    throw error;
  } finally {
    clearInterval(timer);
    clearTimeout(grace);
    interrupted.removeEventListener("abort", interrupt);
  }
}

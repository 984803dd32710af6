import { setTimeout as sleep } from "node:timers/promises";
import type { ClockPort } from "../ports/target.js";

/**
 * Between two looks at the clock. One timer for the whole wait would keep to the time from before the clock was set, and
 * one of more than 24 days (a freeze) would end at once.
 */
const LOOK_MS = 15_000;

/** The machine's clock, which somebody may set while it is waited for. */
export const wallClock = (now = Date.now, lookMs = LOOK_MS): ClockPort => ({
  now,
  sleepUntil: async (until, signal) => {
    signal?.throwIfAborted();
    let at = now();
    for (let before = at; at < until && at >= before; at = now()) {
      before = at;
      await sleep(Math.min(until - at, lookMs), undefined, { ...(signal && { signal }) }).catch((error: Error) => {
        throw signal?.reason ?? error;
      });
    }
  },
});

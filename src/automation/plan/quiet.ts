import { scheduleOf, schedulesOf } from "../../config/processes.js";
import type { StackConfig } from "../../config/schema.js";
import { Terminal } from "../../errors.js";
import { timesBetween } from "../../lib/cron.js";
import type { ClockPort, MissedRun } from "../../ports/target.js";

const SECOND = 1_000;
const DAY = 86_400 * SECOND;
/** Longest wait for a moment without a schedule near it. */
const MOST_WAIT = 3_600 * SECOND;
/** Clocks of two machines differ. */
const SKEW = 2 * SECOND;

interface Times {
  process: string;
  between: (after: number, until: number, limit?: number) => number[];
}

const timesOf = (config: StackConfig): Times[] =>
  schedulesOf(config).map(([process, { schedule, timeZone }]) => ({
    process,
    between: (after, until, limit) => timesBetween(scheduleOf(schedule), timeZone, after, until, limit),
  }));

/** How far the nearest time must be away: where a schedule comes more often than that allows, a quarter of its distance. */
function distanceOf({ between }: Times, quietMs: number, now: number): number {
  const next = between(now, now + 2 * DAY, 3);
  const gaps = next.slice(1).map((t, i) => t - (next[i] ?? t));
  return Math.min(quietMs, ...gaps.map((g) => g / 4));
}

/** Waits until no time of any schedule is near. @returns the moment */
export async function quietMoment(clock: ClockPort, config: StackConfig, signal?: AbortSignal): Promise<number> {
  const began = clock.now();
  const quietMs = config.handover.quietSeconds * SECOND;
  for (;;) {
    const now = clock.now();
    const near = timesOf(config).flatMap((times) => {
      const distance = distanceOf(times, quietMs, now);
      return times.between(now - distance - 1, now + distance).map((t) => t + distance + 1);
    });
    if (near.length === 0) return now;
    if (now - began > MOST_WAIT)
      throw new Terminal("For an hour some schedule was always near: there is no moment to stop them without a run in doubt.", {
        next: "Lower handover.quietSeconds, or pause some of the schedules on the old side yourself.",
      });
    await clock.sleepUntil(Math.max(...near), signal);
  }
}

/** Runs that were due in a time, by process. */
export const missedRuns = (config: StackConfig, after: number, until: number): MissedRun[] =>
  timesOf(config).flatMap(({ process, between }) => between(after, until).map((at) => ({ process, at })));

/** Runs of which nobody knows: they were due while the old side was being stopped. */
export const ambiguousRuns = (config: StackConfig, from: number, until: number): MissedRun[] =>
  missedRuns(config, from - SKEW, until + SKEW);

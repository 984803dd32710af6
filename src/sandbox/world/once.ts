import { onceOf, processName, scheduleOf, schedulesOf, singletonsOf, WEB, webMovesOnce } from "../../config/processes.js";
import type { StackConfig } from "../../config/schema.js";
import { timesBetween } from "../../lib/cron.js";
import type { Instant, Side } from "../../ports/observations.js";
import type { Properties } from "../backend.js";

/** What may run once, in a world: where it could begin at every moment, and so which runs came twice and which never. */
export interface OnceState {
  /** By process and side, since when it could begin there; absent while it could not. */
  on: Record<string, { old?: Instant; new?: Instant }>;
  /** Until when runs were looked at. */
  seen: Instant;
  /** Runs that were due on neither side and have not been made up for, as PROCESS@TIME. */
  missed: string[];
  /** Until when what was stopped on a side goes on running there. */
  ends: { old: Instant; new: Instant };
  /** What ran on both sides. */
  twice: string[];
}

/** Without an old side nothing runs anywhere else. */
export function newOnce(config: StackConfig, now: Instant): OnceState {
  const old = config.old === undefined ? {} : { old: now };
  return {
    on: Object.fromEntries(onceOf(config).map(([name]) => [name, { ...old }])),
    seen: now,
    missed: [],
    ends: { old: 0, new: 0 },
    twice: [],
  };
}

/** Counts what was due since the last look, before something changes. */
export function advance(once: OnceState, config: StackConfig, now: Instant): void {
  if (now <= once.seen) return;
  for (const [name, { schedule, timeZone }] of schedulesOf(config)) {
    const { old, new: fresh } = once.on[name] ?? {};
    // Before anything was deployed on a side that has no other, nothing was due.
    if (old === undefined && fresh === undefined && config.old === undefined) continue;
    // On one side, as it should be.
    if ((old === undefined) !== (fresh === undefined)) continue;
    for (const at of timesBetween(scheduleOf(schedule), timeZone, once.seen, now, 10_000)) {
      const run = `${name}@${new Date(at).toISOString()}`;
      if (old === undefined) once.missed.push(run);
      else once.twice.push(run);
    }
  }
  once.seen = now;
}

/** From now on it can begin there, or not. */
export function setOnce(once: OnceState, config: StackConfig, side: Side, names: string[], runs: boolean, now: Instant): void {
  advance(once, config, now);
  for (const name of names) {
    const on = once.on[name] ?? {};
    const other = side === "old" ? "new" : "old";
    if (runs && now < once.ends[other]) once.twice.push(`${name}, while its last run on the ${other} side had not ended`);
    if (runs) on[side] ??= now;
    else if (on[side] !== undefined) {
      delete on[side];
      once.ends[side] = now + ENDS_MS;
    }
    once.on[name] = on;
    const single = singletonsOf(config).some(([n]) => n === name);
    if (single && on.old !== undefined && on.new !== undefined) once.twice.push(`${name}, on both sides at once`);
  }
}

/** The runs that are made up for now. */
export function makeUp(once: OnceState, runs: { process: string; at: Instant }[]): number {
  const named = runs.map(({ process, at }) => `${process}@${new Date(at).toISOString()}`);
  const before = once.missed.length;
  once.missed = once.missed.filter((m) => !named.includes(m));
  return before - once.missed.length;
}

/** How much of it runs, or could begin, on a side. */
export const runningOn = (once: OnceState, side: Side, now: Instant): number =>
  Object.values(once.on).filter((on) => on[side] !== undefined).length || (now < once.ends[side] ? 1 : 0);

/** How long what was asked to stop goes on running. */
const ENDS_MS = 30_000;

/** How long a missed run may wait to be made up for before it counts as skipped. */
const SKIPPED_MS = 2 * 3_600_000;

export function onceViolations(once: OnceState, now: Instant): string[] {
  const skipped = once.missed.filter((m) => now - Date.parse(m.slice(m.indexOf("@") + 1)) > SKIPPED_MS);
  return [
    ...(once.twice.length === 0 ? [] : [`promise 12: ran twice: ${once.twice.slice(0, 3).join("; ")}`]),
    ...(skipped.length === 0 ? [] : [`promise 12: skipped: ${skipped.slice(0, 3).join("; ")}`]),
  ];
}

/** Whether a web process that may run only once runs nowhere on a side: whoever is sent there is answered by nobody. */
export const webAbsent = (once: OnceState, config: StackConfig, side: Side): boolean =>
  webMovesOnce(config) && once.on[WEB]?.[side] === undefined;

/** Pods that an object's spec asks for: of a CronJob it is the object itself. */
const runsPods = (inputs: Properties): boolean => (inputs.spec as { replicas?: number } | undefined)?.replicas !== 0;

/** A process that may run once came to the new side, or left it, with its CronJob or Deployment or with that one's pods. */
export function ranOnce(
  type: string,
  id: string,
  inputs: Properties | undefined,
  state: { once: OnceState; now: Instant },
  config: StackConfig,
): void {
  if (!/:(CronJob|Deployment)$/.test(type)) return;
  const name = id.split("/").at(-1) ?? "";
  const process = onceOf(config).find(([p]) => processName(config.application.name, p) === name)?.[0];
  const runs = inputs !== undefined && runsPods(inputs);
  if (process !== undefined) setOnce(state.once, config, "new", [process], runs, state.now);
}

import { countedBy } from "../../config/drain.js";
import type { StackConfig } from "../../config/schema.js";
import { shiftOf } from "../../config/shift.js";
import { known, type Observation, type Reading, type Side, unknown } from "../../ports/observations.js";
import { newShare } from "./share.js";
import { type Since, valueAt, type WorldState } from "./state.js";

const MINUTE = 60_000;
/** Connections that are open at once where all users are, by criticality. */
const OPEN = { high: 200, medium: 50, low: 10 } as const;
/** Part of them that are WebSockets and uploads: they stay where they began. */
const LONG = 0.2;
/** How long the longest of them lives. */
const LONGEST = 20 * MINUTE;
/** What never ends, with the fault. */
const HELD = 3;

/** Connections open on the old side, or on the pods of the new side that are to leave. */
export function openOn(state: WorldState, config: StackConfig, side: Side, at: number): number {
  const { strategy, application } = config;
  const [percents, of]: [Since<number>[], "green" | undefined] =
    side === "old" ? [state.dns, undefined] : strategy.kind === "blue-green" ? [state.green, "green"] : [state.rolloutShare, undefined];
  // Who was told of a side goes on asking there; a load balancer's rule counts at once.
  const partAt = (then: number): number => (side === "old" ? 1 - newShare(state, then) : 1 - (valueAt(percents, then) ?? 0) / 100);
  const onNew = shiftOf(config) === undefined ? 1 : newShare(state, at);
  const users = OPEN[application.criticality] * (side === "old" ? (shiftOf(config) === undefined ? 0 : 1) : onNew);
  const part = partAt(at);
  const moved = percents.findLast((p) => p.at <= at)?.at ?? at;
  const left = partAt(moved - 1) * Math.max(0, 1 - (at - moved) / LONGEST);
  const held = state.faults.some(
    (f) => f.name === "held-connections" && f.state === "active" && f.of === of && (side === "old") === (of === undefined),
  );
  return Math.round(users * (1 - LONG) * part) + Math.ceil(users * LONG * Math.max(part, left)) + (held ? HELD : 0);
}

/**
 * As the real source shows it: CloudWatch has whole minutes two minutes later, and an Application Load Balancer counts a client's
 * connection and the one to its target. What nothing counts is unknown here too.
 */
export function openConnections(
  state: WorldState,
  config: StackConfig,
  side: Side,
): Pick<Observation, "at" | "source" | "delaySeconds"> & { reading: Reading } {
  const { now } = state;
  const by = countedBy(config, side);
  if (by.kind === "nothing") return { reading: unknown(by.why), at: now, source: "none" };
  if (by.kind === "prometheus") return { reading: known(openOn(state, config, side, now)), at: now, source: "sandbox prometheus" };
  const at = Math.floor(now / MINUTE) * MINUTE - 2 * MINUTE;
  const open = openOn(state, config, side, at) * (by.kind === "application" ? 2 : 1);
  return { reading: known(open), at, delaySeconds: 180, source: "sandbox cloudwatch" };
}

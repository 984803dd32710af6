import type { StackConfig } from "../../config/schema.js";
import type { Instant, Observation } from "../../ports/observations.js";
import type { GateUse } from "../gates/gate.js";
import { clock, minutes, minutesAlone, REVERSE } from "../plan/reverse.js";
import type { MigrationState } from "../state/state.js";

/** Whether changes were made to stream back: where that was impossible, or no table is there, nothing can be waited for. */
function streamsBack({ steps }: MigrationState): boolean {
  const facts = steps[REVERSE]?.facts;
  return steps[REVERSE]?.status === "done" && facts?.supported !== false && facts?.tables !== 0;
}

/** A step's gates as they count for this migration. */
export const gatesOf = (state: MigrationState, gates: GateUse[]): GateUse[] =>
  streamsBack(state) ? gates : gates.filter((use) => use.gate !== "reverse-lag");

/** Whether what a way back over the promotion loses depends on what streams back now. */
export const needsStream = (state: MigrationState): boolean => streamsBack(state) && state.marks["new-writes-allowed"] !== undefined;

/** What going back loses by what the stream shows now; undefined when that is nothing. */
export function lossByStream({ reading }: Pick<Observation, "reading">, { gates }: StackConfig): string | undefined {
  if (!reading.known)
    return `perhaps what was written to the promoted database lately: it is not known whether it streams back (${reading.reason})`;
  if (reading.value > gates.maxReverseLagSeconds)
    return `nothing, once the old database has caught up: it is ${Math.round(reading.value)} s behind, and the way back waits for it with writes stopped`;
  if (reading.value >= 0) return undefined;
  if (reading.value === -2)
    return `what the promoted database holds in parts of its schema that changed since, and that do not stream: ${reading.note ?? "not known which"}`;
  return "what was written to the promoted database since its stream back was lost, and is not carried over by hand";
}

/** What going back over the promotion loses as things are, in minutes; undefined while changes stream back. */
export function lossWithoutReverse({ steps, marks }: MigrationState, now: Instant): string | undefined {
  const begun = marks["new-writes-allowed"];
  if (steps[REVERSE]?.facts?.supported !== false || begun === undefined) return undefined;
  return `what was written to the promoted database since ${clock(begun.at)}: ${minutes(minutesAlone(marks, now))} of writes by now`;
}

import type { StackConfig } from "../config/schema.js";
import type { Instant, Observation } from "../ports/observations.js";
import type { Evidence } from "../ports/target.js";
import type { GateUse } from "./gates/gate.js";
import type { MigrationState } from "./state.js";
import type { ActionContext, Marks } from "./types.js";

/** The step that streams changes of the promoted database back to the old one. */
export const REVERSE = "database.reverse-replication";

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

/** What a way back over the promotion says of its losses as long as nobody has looked at the stream. */
export const LOSES_BY_STREAM = "nothing while reverse replication runs; without it, what was written after this step";

/** What going back loses by what the stream shows now; undefined when that is nothing. */
export function lossByStream({ reading }: Pick<Observation, "reading">, { gates }: StackConfig): string | undefined {
  if (!reading.known)
    return `perhaps what was written to the promoted database lately: it is not known whether it streams back (${reading.reason})`;
  if (reading.value > gates.maxReverseLagSeconds)
    return `nothing, once the old database has caught up: it is ${Math.round(reading.value)} s behind, and the way back waits for it with writes stopped`;
  if (reading.value >= 0) return undefined;
  return "what was written to the promoted database since its stream back was lost, and is not carried over by hand";
}

/** Minutes of writes, begun ones counted, that the promoted database has alone when nothing streams back. */
function minutesAlone(marks: Marks, now: Instant): number {
  const begun = marks["new-writes-allowed"];
  const stopped = marks["new-writes-stopped"];
  if (begun === undefined) return 0;
  const until = stopped !== undefined && stopped.seq > begun.seq ? stopped.at : now;
  // With a clock that was set back since, nobody knows: it is not nothing.
  return Math.max(1, Math.ceil((until - begun.at) / 60_000));
}

const minutes = (count: number): string => `${count} minute${count === 1 ? "" : "s"}`;
const clock = (at: Instant): string => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** What going back over the promotion loses as things are, in minutes; undefined while changes stream back. */
export function lossWithoutReverse({ steps, marks }: MigrationState, now: Instant): string | undefined {
  const begun = marks["new-writes-allowed"];
  if (steps[REVERSE]?.facts?.supported !== false || begun === undefined) return undefined;
  return `what was written to the promoted database since ${clock(begun.at)}: ${minutes(minutesAlone(marks, now))} of writes by now`;
}

/**
 * Ends the stream back. Where there was none, the old database takes over as it was when its writes stopped: says how
 * many minutes of writes stay behind on the promoted one, and restores a copy of the old database to that moment beside
 * it, so that it is there untouched whatever the way back does to the old one.
 */
export async function endReverse({ target, config, effect, marks, done }: ActionContext): Promise<Evidence> {
  const source = config.database?.source.identifier;
  const stopped = marks["old-writes-stopped"];
  if (done?.supported !== false || source === undefined || stopped === undefined) return target.data.stopReverseReplication(effect);
  const lost = minutesAlone(marks, target.clock.now());
  if (lost === 0) return { summary: "Nothing streamed back, and nothing was written to the promoted database.", facts: { minutesLost: 0 } };
  const copy = `${source}-restored`;
  // The old database itself has not changed since: without the copy the way back goes on.
  const restored = await target.cloud.restoreToPointInTime(stopped.at, copy, effect).then(
    ({ summary }) => summary,
    (error: Error) => `No copy of it could be restored: ${error.message}`,
  );
  return {
    summary: `Nothing streamed back: ${source} takes over as it was at ${clock(stopped.at)}, without ${minutes(lost)} of writes, which stay on ${config.database?.target.identifier}. ${restored}`,
    facts: { minutesLost: lost, restoredTo: new Date(stopped.at).toISOString(), copy },
  };
}

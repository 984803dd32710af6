import type { Instant } from "../../ports/observations.js";
import type { Evidence } from "../../ports/target.js";
import type { ActionContext, Marks } from "./step.js";

/** The step that streams changes of the promoted database back to the old one. */
export const REVERSE = "database.reverse-replication";

/** What a way back over the promotion says of its losses as long as nobody has looked at the stream. */
export const LOSES_BY_STREAM = "nothing while reverse replication runs; without it, what was written after this step";

/** Minutes of writes, begun ones counted, that the promoted database has alone when nothing streams back. */
export function minutesAlone(marks: Marks, now: Instant): number {
  const begun = marks["new-writes-allowed"];
  const stopped = marks["new-writes-stopped"];
  if (begun === undefined) return 0;
  const until = stopped !== undefined && stopped.seq > begun.seq ? stopped.at : now;
  // With a clock that was set back since, nobody knows: it is not nothing.
  return Math.max(1, Math.ceil((until - begun.at) / 60_000));
}

export const minutes = (count: number): string => `${count} minute${count === 1 ? "" : "s"}`;
export const clock = (at: Instant): string => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;

/**
 * Ends the stream back. Where there was none, the old database takes over as it was when its writes stopped: says how
 * many minutes of writes stay behind on the promoted one, and restores a copy of the old database to that moment beside
 * it, so that it is there untouched whatever the way back does to the old one.
 */
export async function endReverse({ target, config, effect, marks, done }: ActionContext): Promise<Evidence> {
  const source = config.database?.source.identifier;
  const stopped = marks["old-writes-stopped"];
  if (done?.supported !== false || source === undefined || stopped === undefined)
    return target.data.stopReverseReplication(effect, { refuseWrites: true });
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

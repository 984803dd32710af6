import { duration } from "../report/format.js";
import type { Rehearsed } from "./outcome.js";

/** What a team is ready to bear. */
export interface Budget {
  /** Longest time until users are back after a rollback was decided. */
  usersBackMinutes: number;
  /** Longest time that users may not write, the promotion included. @default 15 */
  writePauseMinutes?: number;
  /** Whether a rollback of the rehearsal may have lost data. */
  mayLoseData: boolean;
}

/** What is judged, apart from the journal itself. */
export interface Seen extends Pick<Rehearsed, "stack" | "status" | "faults" | "rollbacks"> {
  /** Promises that the far side saw broken. */
  violations: string[];
  /** Faults of the journal. */
  journal: string[];
  writePause?: WritePause;
  /** Why the rehearsal ended early. */
  failure?: string;
  /** What of the stack config is still open. */
  open?: string[];
  /** Gates that nothing can answer on real targets, each with why. */
  unanswered?: string[];
}

/** How long users could not write, in milliseconds. */
export interface WritePause {
  /** From maintenance mode on to off, the promotion included. */
  totalMs?: number;
  /** From the moment that writes were stopped until the promotion began. */
  untilPromotionMs?: number;
  /** What that may take: `database.writePauseSeconds`. */
  budgetMs: number;
}

const WRITE_PAUSE_MINUTES = 15;

/** Everything that speaks against the night, each as a sentence. Nothing is a go. Pure. */
export function reasonsAgainst(seen: Seen, { usersBackMinutes, mayLoseData, writePauseMinutes = WRITE_PAUSE_MINUTES }: Budget): string[] {
  const { stack, status, faults, rollbacks, violations, journal, failure, open = [], unanswered = [] } = seen;
  const reasons = [...open, ...unanswered.map((gate) => `Nothing can answer a gate on the real targets: ${gate}.`)];
  if (failure !== undefined) reasons.push(failure);
  else if (status !== "completed") reasons.push(`${stack} ended ${status}, not completed.`);
  for (const violation of violations) reasons.push(`A promise was broken on the far side: ${violation}.`);
  for (const fault of journal) reasons.push(`The journal is not whole: ${fault}.`);
  for (const { fault, came } of faults) if (!came) reasons.push(`${fault} never came about, so nothing is known about it.`);
  reasons.push(...tooLong(seen.writePause, writePauseMinutes));
  for (const r of rollbacks) {
    const which = `The rollback to revision ${r.revision} (${r.why})`;
    if (r.doneMs === undefined) reasons.push(`${which} did not end.`);
    if (r.usersBackMs === undefined) reasons.push(`${which} did not bring users back within a day.`);
    else if (r.usersBackMs > usersBackMinutes * 60_000)
      reasons.push(`${which} took ${duration(r.usersBackMs)} until users were back; accepted: ${usersBackMinutes} min.`);
    if (r.loses.length > 0 && !mayLoseData) reasons.push(`${which} lost data: ${r.loses.join("; ")}.`);
  }
  return reasons;
}

function tooLong(pause: WritePause | undefined, minutes: number): string[] {
  const { totalMs = 0, untilPromotionMs = 0, budgetMs = 0 } = pause ?? {};
  const reasons: string[] = [];
  if (untilPromotionMs > budgetMs)
    reasons.push(
      `Writes were stopped for ${duration(untilPromotionMs)} until the promotion began; accepted: ${duration(budgetMs)} (database.writePauseSeconds). Raise it, or bring the lag and the comparison down.`,
    );
  if (totalMs > minutes * 60_000)
    reasons.push(
      `Users could not write for ${duration(totalMs)}, the promotion included; accepted: ${minutes} min (--write-pause). Accept more, or take backup.onReplica so that no backup comes with the promotion.`,
    );
  return reasons;
}

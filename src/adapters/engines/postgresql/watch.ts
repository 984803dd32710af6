import { type DatabaseReadiness, type ReadinessFinding, worstFirst } from "../../../ports/readiness.js";

const ANEW_MS = 30 * 60_000;
/** After a look that failed, which says nothing. */
const AGAIN_MS = 5 * 60_000;
/** As long as what was computed counts, where it cannot be computed again. */
const COUNTS_MS = 2 * ANEW_MS;

/**
 * What refuses the move as things are, for whoever holds a cutover ready: computed again every 30 minutes, and each time
 * while something refuses, so that what was mended counts at once. What was never computed, or not for an hour, is not
 * known, and holds the go as well. Once writes are stopped nobody asks any more: the barrier proves itself then.
 */
export function watchReadiness(
  compute: () => Promise<ReadinessFinding[]>,
  isStopped: () => Promise<boolean>,
  now: () => number = Date.now,
): () => Promise<string | undefined> {
  let next = 0;
  let computed: number | undefined;
  let refused: string | undefined;
  return async () => {
    if (now() < next && refused === undefined) return undefined;
    try {
      if (await isStopped()) return undefined;
      const refusing = (await compute()).filter((f) => f.kind === "refuses");
      [computed, next] = [now(), now() + ANEW_MS];
      refused = refusing.length === 0 ? undefined : `the database is not ready to move: ${refusing.map((f) => f.means).join("; ")}`;
    } catch (error) {
      if (computed === undefined || now() >= computed + COUNTS_MS)
        return `it is not known whether the database is ready to move: ${(error as Error).message}`;
      next = now() + AGAIN_MS;
    }
    return refused;
  };
}

/** So that somebody who looks again and again costs the databases little. */
const FRESH_MS = 60_000;

/** The report for whoever shows it, computed when somebody looks, at most once a minute. */
export function reportReadiness(
  compute: () => Promise<ReadinessFinding[]>,
  isPast: () => Promise<boolean>,
  now: () => number = Date.now,
): () => Promise<DatabaseReadiness> {
  let last: DatabaseReadiness | undefined;
  let underWay: Promise<DatabaseReadiness> | undefined;
  const look = async (): Promise<DatabaseReadiness> => {
    try {
      if (await isPast()) return { standing: "past", at: now(), findings: [] };
      return { standing: "computed", findings: worstFirst(await compute()), at: now() };
    } catch (error) {
      return { standing: "unknown", at: now(), findings: [], why: (error as Error).message };
    }
  };
  return async () => {
    if (last !== undefined && last.standing === "computed" && now() < last.at + FRESH_MS) return last;
    underWay ??= look().finally(() => {
      underWay = undefined;
    });
    last = await underWay;
    return last;
  };
}

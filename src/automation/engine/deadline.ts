import { Transient, UserError } from "../../errors.js";
import { wholeNumber } from "./settings.js";

const MINUTE = 60_000;
/** How often an engine is asked to stop. */
const MOST_TIMES = 2;

/** How long the engine may take, in milliseconds. */
export interface Deadlines {
  /**
   * An update; beyond the longest that a resource of the components may take, which is six hours for a large replica.
   * @default CUTOVER_UPDATE_DEADLINE_MINUTES, or 420
   */
  updateMs: number;
  /** A preview, or settling what was interrupted. @default CUTOVER_PREVIEW_DEADLINE_MINUTES, or 30 */
  previewMs: number;
  /** Between being asked to stop, to end at once, and being given up. @default a minute */
  stopMs: number;
}

/** A week; a timer of Node.js takes 24 days at most, and fires at once for more. */
const MOST_MINUTES = 10_080;

function minutes(name: string, usually: number): number {
  const accepted = `a whole number of minutes from 1 to ${MOST_MINUTES}`;
  const given = wholeNumber(name, accepted) ?? usually;
  if (given > MOST_MINUTES) throw new UserError({ path: name, got: String(given), accepted });
  return given * MINUTE;
}

/** @throws UserError for anything but whole numbers of minutes, up to a week, in the environment */
export const defaultDeadlines = (): Deadlines => ({
  updateMs: minutes("CUTOVER_UPDATE_DEADLINE_MINUTES", 420),
  previewMs: minutes("CUTOVER_PREVIEW_DEADLINE_MINUTES", 30),
  stopMs: MINUTE,
});

/** An operation of the engine that did not end in time: how far it came is not known. */
export class Late extends Transient {}

/**
 * Runs an operation of the engine that is asked to stop when it takes too long. An engine that was asked once lets what
 * is under way end; asked again, it ends at once and leaves pending operations; one that does not even do that is not
 * waited for any longer, and holds its lock.
 */
export async function inTime<T>(what: string, ms: number, stopMs: number, stop: () => void, run: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let late = false;
  const error = (cause?: unknown): Late =>
    new Late(`${what} did not end within ${Math.round(ms / MINUTE)} min and was stopped.`, { cause });
  const givenUp = new Promise<never>((_, reject) => {
    const ask = (times: number): void => {
      late = true;
      if (times > MOST_TIMES) reject(error());
      else {
        stop();
        timer = setTimeout(ask, stopMs, times + 1);
      }
    };
    timer = setTimeout(ask, ms, 1);
  });
  try {
    return await Promise.race([run(), givenUp]);
  } catch (cause) {
    throw late ? error(cause) : cause;
  } finally {
    clearTimeout(timer);
  }
}

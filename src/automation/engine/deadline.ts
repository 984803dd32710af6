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
  /** Between being asked to stop, to end at once, and being ended. @default a minute */
  stopMs: number;
  /** The same for what is in the way of going back. @default 10 seconds */
  interruptMs?: number;
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
  interruptMs: 10_000,
});

/** An operation of the engine that did not end in time: how far it came is not known. */
export class Late extends Transient {}

/** How an operation is ended. */
export interface Stopping {
  /** Asks it to stop: once, so that what is under way ends; again, so that it ends at once. */
  stop: () => void;
  /** Ends its process. */
  end?: () => void;
  /** Asks it to stop now: the operation is in the way of what leads back. */
  interrupted?: { signal: AbortSignal; everyMs: number };
}

/** How long an engine that was ended may take to be gone, in milliseconds. */
const GONE_MS = 2_000;

/**
 * Runs an operation of the engine that is asked to stop when it takes too long, or when it is interrupted. An engine that
 * was asked once lets what is under way end; asked again, it ends at once and leaves pending operations; one that does not
 * even do that is ended, and not waited for any longer.
 */
export async function inTime<T>(
  what: string,
  ms: number,
  stopMs: number,
  { stop, end, interrupted }: Stopping,
  run: () => Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let late = false;
  let asked = 0;
  let onInterrupt: (() => void) | undefined;
  const error = (cause?: unknown): Late =>
    new Late(`${what} did not end within ${Math.round(ms / MINUTE)} min and was stopped.`, { cause });
  const givenUp = new Promise<never>((_, reject) => {
    const giveUp = (): void => reject(late ? error() : new Transient(`${what} did not end when it was interrupted, and was ended.`));
    const ask = (everyMs: number): void => {
      clearTimeout(timer);
      asked += 1;
      if (asked <= MOST_TIMES) {
        stop();
        timer = setTimeout(ask, everyMs, everyMs);
      } else if (end === undefined) giveUp();
      else {
        end();
        timer = setTimeout(giveUp, GONE_MS);
      }
    };
    timer = setTimeout(() => {
      late = true;
      ask(stopMs);
    }, ms);
    if (interrupted === undefined) return;
    onInterrupt = () => ask(interrupted.everyMs);
    interrupted.signal.addEventListener("abort", onInterrupt, { once: true });
  });
  givenUp.catch(() => undefined);
  try {
    interrupted?.signal.throwIfAborted();
    return await Promise.race([run(), givenUp]);
  } catch (cause) {
    throw late ? error(cause) : cause;
  } finally {
    clearTimeout(timer);
    if (onInterrupt !== undefined) interrupted?.signal.removeEventListener("abort", onInterrupt);
  }
}

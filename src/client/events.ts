import { type Connection, CutoverProblem, pause } from "./connection.js";
import { readEvents } from "./eventStream.js";
import { type Migration, Operations } from "./generated.js";

/** Something happened to a migration. */
export interface MigrationEvent {
  /** Where to go on after it. */
  id: string;
  /** The journal entry's type; `snapshot` for the state of a migration after too much was missed. */
  type: string;
  migration: Migration;
}

export interface EventOptions {
  signal?: AbortSignal;
  /** Goes on after this event of an earlier stream. @default only what happens from now on */
  lastEventId?: string;
  /** Pause before connecting again, in milliseconds; twice as long after each try that fails, up to 15 s. @default 500 */
  reconnectMs?: number;
  /** After this long without a word the connection counts as lost, in milliseconds; the service says every 15 s that it is there. @default 40 s */
  silenceMs?: number;
  /** Is told when the stream opens, and when it breaks: with what broke it, or nothing when it came to its end. */
  onState?: (live: boolean, problem?: Error) => void;
  /** Whether a refusal, too, is waited out: whoever is signed out may sign in again. @default false */
  outlastsRefusal?: boolean;
}

const RECONNECT_MS = 500;
const LONGEST_RECONNECT_MS = 15_000;
const SILENCE_MS = 40_000;

/**
 * Events as they happen, until the signal aborts. A broken connection is made again, and what was missed meanwhile comes
 * first: the loop that reads it need not know.
 * @throws CutoverProblem when the service refuses, for example with 401, unless `outlastsRefusal`
 */
export async function* eventsOf(connection: Connection, options: EventOptions = {}): AsyncGenerator<MigrationEvent, void, undefined> {
  const { signal, reconnectMs = RECONNECT_MS, onState, outlastsRefusal = false } = options;
  let last = options.lastEventId;
  const onId = (id: string): void => {
    last = id;
  };
  for (let wait = reconnectMs; signal?.aborted !== true; ) {
    try {
      const headers = { accept: "text/event-stream", ...(last === undefined ? {} : { "last-event-id": last }) };
      const listening = listen(connection, options);
      const answer = await listening.inTime(connection.send(Operations.streams.events, { signal: listening.signal }, headers));
      wait = reconnectMs;
      onState?.(true);
      for await (const { id, event, data } of readEvents(answer, { inTime: listening.inTime, onId }))
        if (id !== undefined && event !== undefined) yield { id, type: event, migration: JSON.parse(data) as Migration };
      onState?.(false);
    } catch (error) {
      if (signal?.aborted) return;
      onState?.(false, error as Error);
      if (!outlastsRefusal && error instanceof CutoverProblem && !mayPass(error)) throw error;
    }
    await pause(wait, signal).catch(() => undefined);
    wait = Math.min(LONGEST_RECONNECT_MS, wait * 2);
  }
}

const mayPass = ({ status }: CutoverProblem): boolean => status === 0 || status === 429 || status >= 500;

/** One connection's signal, and how to wait for what comes of it: one whose other end is gone without a word would be waited for for ever. */
function listen(connection: Connection, { signal, silenceMs = SILENCE_MS }: EventOptions) {
  const silence = new AbortController();
  const inTime = <T>(coming: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => {
      silence.abort(connection.noAnswer(`The service has said nothing for ${silenceMs / 1_000} s.`));
    }, silenceMs);
    return coming.finally(() => clearTimeout(timer));
  };
  return { signal: signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]), inTime };
}

import { type Connection, CutoverProblem, pause } from "./connection.js";
import { readEvents } from "./eventStream.js";
import type { Migration } from "./generated.js";

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
  /** Pause before connecting again, in milliseconds. @default 1 s */
  reconnectMs?: number;
  /** After this long without a word the connection counts as lost, in milliseconds; the service says every 15 s that it is there. @default 40 s */
  silenceMs?: number;
}

const RECONNECT_MS = 1_000;

/**
 * Events as they happen, until the signal aborts. A broken connection is made again, and what was missed meanwhile comes
 * first: the loop that reads it need not know.
 * @throws CutoverProblem when the service refuses, for example with 401
 */
export async function* eventsOf(connection: Connection, options: EventOptions = {}): AsyncGenerator<MigrationEvent, void, undefined> {
  const { signal, reconnectMs = RECONNECT_MS, silenceMs } = options;
  let last = options.lastEventId;
  while (signal?.aborted !== true) {
    try {
      const headers = { accept: "text/event-stream", ...(last === undefined ? {} : { "last-event-id": last }) };
      const silence = new AbortController();
      const either = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]);
      const answer = await connection.send("/v1/events", { signal: either }, headers);
      const onId = (id: string): void => {
        last = id;
      };
      for await (const { id, event, data } of readEvents(answer, { onSilence: () => silence.abort(), silenceMs, onId }))
        if (id !== undefined && event !== undefined) yield { id, type: event, migration: JSON.parse(data) as Migration };
    } catch (error) {
      if (signal?.aborted) return;
      // Only what may pass is waited for.
      if (error instanceof CutoverProblem && error.status !== 0 && error.status !== 429 && error.status < 500) throw error;
    }
    await pause(reconnectMs, signal).catch(() => undefined);
  }
}

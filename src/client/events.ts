import { type Connection, CutoverProblem, pause } from "./connection.js";
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
const SILENCE_MS = 40_000;

/**
 * Events as they happen, until the signal aborts. A broken connection is made again, and what was missed meanwhile comes
 * first: the loop that reads it need not know.
 * @throws CutoverProblem when the service refuses, for example with 401
 */
export async function* eventsOf(connection: Connection, options: EventOptions = {}): AsyncGenerator<MigrationEvent, void, undefined> {
  const { signal, reconnectMs = RECONNECT_MS, silenceMs = SILENCE_MS } = options;
  let last = options.lastEventId;
  while (signal?.aborted !== true) {
    try {
      const headers = { accept: "text/event-stream", ...(last === undefined ? {} : { "last-event-id": last }) };
      const silence = new AbortController();
      const either = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]);
      const answer = await connection.send("/v1/events", { signal: either }, headers);
      for await (const { id, type, data } of blocksOf(answer, silence, silenceMs)) {
        last = id ?? last;
        if (id !== undefined && type !== undefined && data !== undefined) yield { id, type, migration: JSON.parse(data) as Migration };
      }
    } catch (error) {
      if (signal?.aborted) return;
      // Only what may pass is waited for.
      if (error instanceof CutoverProblem && error.status !== 0 && error.status !== 429 && error.status < 500) throw error;
    }
    await pause(reconnectMs, signal).catch(() => undefined);
  }
}

interface Block {
  /** Alone it says where the stream is. */
  id: string | undefined;
  type: string | undefined;
  data: string | undefined;
}

/** A connection whose other end is gone without a word would otherwise be read for ever. */
async function* blocksOf(answer: Response, silence: AbortController, silenceMs: number): AsyncGenerator<Block, void, undefined> {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  try {
    let text = "";
    for (;;) {
      const timer = setTimeout(() => silence.abort(), silenceMs);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      const blocks = (text + value).split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
        yield { id: field("id"), type: field("event"), data: field("data") };
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

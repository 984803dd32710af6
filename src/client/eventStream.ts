import { createParser, type EventSourceMessage } from "eventsource-parser";

export interface ReadOptions {
  /** Called after `silenceMs` without a word: the connection counts as lost and should be ended. */
  onSilence: () => void;
  /** In milliseconds; the service says every 15 s that it is there. @default 40 s */
  silenceMs?: number | undefined;
  /** The stream says where it is; it may do so without an event. */
  onId?: (id: string) => void;
}

const SILENCE_MS = 40_000;

/** Events of a `text/event-stream` answer, until it ends. A connection whose other end is gone without a word would otherwise be read for ever. */
export async function* readEvents(
  answer: Response,
  { onSilence, silenceMs = SILENCE_MS, onId }: ReadOptions,
): AsyncGenerator<EventSourceMessage, void, undefined> {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  const read: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => void read.push(event), ...(onId === undefined ? {} : { onId }) });
  try {
    for (;;) {
      const timer = setTimeout(onSilence, silenceMs);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      parser.feed(value);
      yield* read.splice(0);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

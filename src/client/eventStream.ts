import { createParser, type EventSourceMessage } from "eventsource-parser";

export interface ReadOptions {
  /** Waits for what comes next of the stream, for as long as it may be silent. */
  inTime: <T>(coming: Promise<T>) => Promise<T>;
  /** The stream says where it is; it may do so without an event. */
  onId: (id: string) => void;
}

/** Events of a `text/event-stream` answer, until it ends. */
export async function* readEvents(answer: Response, { inTime, onId }: ReadOptions): AsyncGenerator<EventSourceMessage, void, undefined> {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  const read: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => void read.push(event), onId });
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read());
      if (done) return;
      parser.feed(value);
      yield* read.splice(0);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

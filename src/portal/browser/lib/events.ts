import { readEvents } from "../../../client/eventStream.js";
import { type Api, asProblem, type Problem } from "./api.js";

export interface ServerEvent {
  type: string;
  data: unknown;
}

export interface Listener {
  event: (event: ServerEvent) => void;
  /** Whether the stream is open now; with what stopped it. */
  state: (live: boolean, problem?: Problem) => void;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;

/**
 * Server-sent events over fetch, since EventSource can send no credential. It connects again automatically, and says which
 * event it saw last, so that the service sends what was missed. @returns how to stop
 */
export function follow(api: Api, path: string, listener: Listener): () => void {
  const stop = new AbortController();
  let last: string | undefined;
  const run = async (): Promise<void> => {
    for (let wait = FIRST_RETRY_MS; !stop.signal.aborted; ) {
      try {
        const silence = new AbortController();
        const signal = AbortSignal.any([stop.signal, silence.signal]);
        const response = await api.stream(path, last === undefined ? {} : { "last-event-id": last }, signal);
        listener.state(true);
        wait = FIRST_RETRY_MS;
        const onId = (id: string): void => {
          last = id;
        };
        for await (const { event = "message", data } of readEvents(response, { onSilence: () => silence.abort(), onId }))
          listener.event({ type: event, data: JSON.parse(data) });
        listener.state(false);
      } catch (error) {
        if (stop.signal.aborted) return;
        listener.state(false, asProblem(error));
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(LONGEST_RETRY_MS, wait * 2);
    }
  };
  void run();
  return () => stop.abort();
}

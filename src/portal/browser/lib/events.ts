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
/** The service says that it is there every 15 s; after this long without a word the connection counts as lost. */
const SILENCE_MS = 40_000;

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
        await read(response, silence, (id, event) => {
          last = id ?? last;
          listener.event(event);
        });
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

async function read(
  response: Response,
  silence: AbortController,
  take: (id: string | undefined, event: ServerEvent) => void,
): Promise<void> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const timer = setTimeout(() => silence.abort(), SILENCE_MS);
    const part = await reader?.read().finally(() => clearTimeout(timer));
    if (part === undefined || part.done) return;
    text += part.value;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(block.split("\n").map((l) => [l.slice(0, l.indexOf(":")), l.slice(l.indexOf(":") + 1).trimStart()]));
      const data = fields.get("data");
      if (data !== undefined) take(fields.get("id"), { type: fields.get("event") ?? "message", data: JSON.parse(data) });
    }
  }
}

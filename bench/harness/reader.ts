import type { Client } from "./client.js";

/** Between two requests of a reader: a page that is looked at, not a load test. */
const PAUSE_MS = 5;

export interface ReaderOptions {
  /** What is read of a stack, in turn. @default the list, one migration, its plan, the first page of its journal */
  paths?: (stack: string) => readonly string[];
  /** Between two requests, in milliseconds. @default 5 */
  pauseMs?: number;
}

const usual = (stack: string): readonly string[] => {
  const at = `/v1/migrations/${stack}`;
  return ["/v1/migrations?limit=50", at, `${at}/plan`, `${at}/journal?limit=50`];
};

/** Reads one thing after another for a time. @returns milliseconds of each request */
export async function readAll(
  client: Client,
  stacks: readonly string[],
  forMs: number,
  { paths = usual, pauseMs = PAUSE_MS }: ReaderOptions = {},
): Promise<number[]> {
  const until = performance.now() + forMs;
  const took: number[] = [];
  for (let i = 0; performance.now() < until; i += 1) {
    const all = paths(stacks[i % stacks.length] ?? "");
    took.push((await client.call("GET", all[i % all.length] ?? "")).ms);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return took;
}

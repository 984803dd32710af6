import { setImmediate } from "node:timers/promises";

/** How long many small things hold the thread before it is somebody else's turn, in milliseconds. */
export const HELD_MS = 10;

/** One after another; whoever waits for the thread has it in between, however many there are. */
export async function* inPieces<T>(items: Iterable<T>, heldMs = HELD_MS): AsyncGenerator<T, void, undefined> {
  let began = performance.now();
  for (const item of items) {
    if (performance.now() - began > heldMs) {
      await setImmediate();
      began = performance.now();
    }
    yield item;
  }
}

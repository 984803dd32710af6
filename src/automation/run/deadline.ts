import { Terminal } from "../../errors.js";
import type { ClockPort } from "../../ports/target.js";
import { type Deadline, isLate } from "../decide/deadline.js";

/** How often a running action is looked at that has a deadline. */
const LOOK_MS = 250;

/** Ends what has a deadline there, on the target's clock. @throws Terminal with the deadline's reason */
export async function endingBy<T>(clock: ClockPort, deadline: Deadline | undefined, run: (signal?: AbortSignal) => Promise<T>): Promise<T> {
  if (deadline === undefined) return run();
  const late = new AbortController();
  const look = (): void => {
    if (isLate(deadline, clock.now())) late.abort(new Terminal(deadline.why));
  };
  const timer = setInterval(look, LOOK_MS);
  try {
    const ended = new Promise<never>((_, reject) => late.signal.addEventListener("abort", () => reject(late.signal.reason)));
    const result = await Promise.race([run(late.signal), ended]);
    look();
    late.signal.throwIfAborted();
    return result;
  } finally {
    clearInterval(timer);
  }
}

import { Conflict, Terminal, Transient } from "../../../errors.js";
import type { Effect } from "../../../ports/target.js";
import { levelOf } from "./barrier.js";
import { guarded } from "./guard.js";
import { drainAnew, type Ended } from "./reverse.js";
import type { SqlEndpoint } from "./session.js";
import { allowWrites, stopWrites } from "./writes.js";

/**
 * Closes the promoted database and ends the stream back. Where that fails, one side accepts writes all the same: the
 * promoted one, which has all rows, is opened again, and the failure says so. Asked again, it is closed and drained again.
 * @throws Conflict where the lease was lost: whoever has it now decides
 */
export async function handBack(promoted: SqlEndpoint, old: SqlEndpoint, effect: Effect, end: () => Promise<Ended>): Promise<Ended> {
  try {
    await stopWrites(promoted, effect, { goingBack: true });
    return await end();
  } catch (error) {
    if (error instanceof Conflict) throw error;
    const state = await reopened(promoted, old, effect).catch((failed: Error) => {
      if (failed instanceof Conflict) throw failed;
      return `It is not known whether ${nameOf(promoted)} accepts writes (${failed.message}).`;
    });
    throw saying(error as Error, state);
  }
}

const nameOf = ({ host, port, database }: SqlEndpoint): string => `${host}:${port}/${database}`;

/** Which side accepts writes in the end, as a sentence. Never both: the old one is asked before the promoted one is opened. */
async function reopened(promoted: SqlEndpoint, old: SqlEndpoint, effect: Effect): Promise<string> {
  await effect.held?.();
  if (effect.signal?.aborted === true) throw new Terminal("it was given up meanwhile");
  // Closed before the promotion, and opened by nobody without closing the other one: it may be the one that does not answer.
  const closed = await guarded(old, effect, async (session) => (await levelOf(session)) === "closed").catch((error: Error) => {
    if (error instanceof Transient) return undefined;
    throw error;
  });
  if (closed === false) return `${nameOf(old)} accepts writes, and ${nameOf(promoted)} refuses them: somebody opened it.`;
  // What is written from now on has to be drained too, whatever had arrived before.
  if (!(await guarded(promoted, effect, drainAnew)))
    return `Neither ${nameOf(promoted)} nor ${nameOf(old)} accepts writes: nothing streams any more, so the old one must take over.`;
  await allowWrites(promoted, effect);
  const silent = closed === undefined ? " (closed before the promotion; it does not answer now)" : "";
  return `${nameOf(promoted)}, which has all rows, accepts writes again, and ${nameOf(old)} refuses them${silent}.`;
}

function saying(error: Error, state: string): Error {
  const message = `${error.message.replace(/\.?$/, ".")} ${state}`;
  const next = (error as { next?: string }).next ?? "Mend it and go back again: writes are stopped then, and everything is drained.";
  if (error instanceof Transient) return new Transient(message, { retryAfterSeconds: error.retryAfterSeconds, next, cause: error });
  return new Terminal(message, { next, cause: error });
}

import { AsyncLocalStorage } from "node:async_hooks";
import type { Effect } from "../ports/target.js";

/** Whoever ordered the calls that are being made now: what they are part of. */
const ordered = new AsyncLocalStorage<Effect>();

const isEffect = (value: unknown): value is Effect =>
  typeof value === "object" && value !== null && "key" in value && "fence" in value && typeof value.fence === "number";

/**
 * A port whose effects are asked for again immediately before each call that they make, and end with the lease: the clients
 * do it, for every call of theirs, so that no method can forget it.
 */
export function fenced<P extends object>(port: P): P {
  const methods = Object.entries(port).map(([name, method]: [string, unknown]) => {
    if (typeof method !== "function") return [name, method];
    const run = (...args: unknown[]): unknown => {
      const effect = args.find(isEffect);
      return effect === undefined ? method(...args) : ordered.run(effect, async () => method(...args));
    };
    return [name, run];
  });
  return Object.fromEntries(methods) as P;
}

/** Before each call. @throws Conflict when the lease was lost, the signal's reason when the effect was given up */
export async function requireOrdered(): Promise<void> {
  const effect = ordered.getStore();
  effect?.signal?.throwIfAborted();
  await effect?.held?.();
}

/** Ends a call with what it is part of; undefined outside of any effect. */
export const orderSignal = (): AbortSignal | undefined => ordered.getStore()?.signal;

/** Runs a call under a signal of its own as well. @throws the order's reason when that ended it */
export async function whileOrdered<T>(run: (signal: AbortSignal | undefined) => Promise<T>, own?: AbortSignal): Promise<T> {
  await requireOrdered();
  const signal = orderSignal();
  const both = signal === undefined ? own : own === undefined ? signal : AbortSignal.any([signal, own]);
  try {
    return await run(both);
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error;
  }
}

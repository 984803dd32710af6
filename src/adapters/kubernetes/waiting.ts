import type { KubernetesObject } from "@kubernetes/client-node";
import { Terminal } from "../../errors.js";
import { orderSignal } from "../order.js";
import type { ClusterClients } from "./clients.js";

/** Longest life of one watch: the API server ends them by itself after some minutes. */
const WATCH_SECONDS = 240;
/** How long after its time a watch may go on that nobody ends, in milliseconds: the network swallowed its end. */
const GRACE_MS = 5_000;
/** Pause before an object is looked at again after a watch broke. */
const AGAIN_MS = 500;

export interface WaitOptions<T> {
  clients: ClusterClients;
  /** Where the kind's objects are, for example `/api/v1/namespaces/production/pods`. */
  path: string;
  name: string;
  read: () => Promise<T | undefined>;
  /** What is waited for; undefined while it is not there. Throwing ends the wait. */
  done: (object: T) => string | undefined;
  timeoutSeconds: number;
  what: string;
}

/**
 * Waits for a state of one object: looks, then watches from there. A watch that ends, breaks or is told that its
 * version is too old (410) is begun again with a look, so nothing is missed. A deleted object ends the wait.
 * @throws Terminal after the timeout, or when the object is gone
 */
export async function waitFor<T extends KubernetesObject>(options: WaitOptions<T>): Promise<string> {
  const deadline = Date.now() + options.timeoutSeconds * 1_000;
  for (;;) {
    const object = await options.read();
    if (object === undefined) throw new Terminal(`${options.what} is gone.`);
    const state = options.done(object) ?? (await watchOnce(options, object, deadline));
    if (state !== undefined) return state;
    if (Date.now() >= deadline) throw new Terminal(`${options.what} did not come to its end within ${options.timeoutSeconds} s.`);
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** @returns the state that was waited for, or undefined when the watch ended without it */
async function watchOnce<T extends KubernetesObject>(
  { clients, path, name, done }: WaitOptions<T>,
  seen: T,
  deadline: number,
): Promise<string | undefined> {
  const left = Math.ceil((deadline - Date.now()) / 1_000);
  if (left <= 0) return undefined;
  const query = {
    fieldSelector: `metadata.name=${name}`,
    ...(seen.metadata?.resourceVersion === undefined ? {} : { resourceVersion: seen.metadata.resourceVersion }),
    timeoutSeconds: Math.min(left, WATCH_SECONDS),
  };
  return new Promise((resolve, reject) => {
    let controller: AbortController | undefined;
    const silent = setTimeout(() => end(undefined), query.timeoutSeconds * 1_000 + GRACE_MS);
    const signal = orderSignal();
    const giveUp = (): void => end(undefined, signal?.reason);
    signal?.addEventListener("abort", giveUp, { once: true });
    const end = (state: string | undefined, error?: unknown): void => {
      clearTimeout(silent);
      signal?.removeEventListener("abort", giveUp);
      controller?.abort();
      if (error === undefined) resolve(state);
      else reject(error);
    };
    clients.watch
      .watch(
        path,
        query,
        (type: string, object: T) => {
          // An ERROR is a Status, such as "too old resource version": the next look begins again.
          if (type === "ERROR" || type === "DELETED") return end(undefined);
          try {
            const state = done(object);
            if (state !== undefined) end(state);
          } catch (error) {
            end(undefined, error);
          }
        },
        () => end(undefined),
      )
      .then(
        (made) => {
          controller = made;
        },
        () => end(undefined),
      );
  });
}

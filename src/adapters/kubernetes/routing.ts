import { setTimeout as pause } from "node:timers/promises";
import { type KubernetesObject, PatchStrategy } from "@kubernetes/client-node";
import { ROUTING } from "../../components/objects.js";
import { FIELD_MANAGER } from "../../lib/fieldManager.js";
import type { ClusterAccess } from "./clients.js";
import { isSeen, objectApi, readObject } from "./objectApi.js";
import { headOf, type StateObject, stateObjects } from "./stateObjects.js";

/** A way back waits no longer for a controller. */
const SEEN_MS = 10_000;
const LOOK_MS = 250;
/** How often the rule is written again. */
const WRITES = 5;

interface Seen extends KubernetesObject {
  status?: { observedGeneration?: number | string };
}

/**
 * After an update: whether the load balancer's rules are as the config says. Argo Rollouts writes the weights of a Rollout that it
 * routes into the same annotation, from what it last saw: a write that was under way when the config took the rule back lands after
 * it. It is compared until the controller has seen every Rollout as it is now, from when on it writes no more, and written again.
 * Source: SetWeightPerIngress in argo-rollouts v1.8.3, rollout/trafficrouting/alb/alb.go: from its cache, by a merge patch.
 * @param seenMs how long the controller may take to see what it no longer decides
 * @returns what was found, as sentences
 */
export async function holdRouting(access: ClusterAccess, deployment: unknown, seenMs = SEEN_MS): Promise<string[]> {
  const objects = stateObjects(deployment);
  const ruled = objects.filter((o) => o.kind === "Ingress" && annotationsOf(o.inputs)[ROUTING] === "weights");
  if (ruled.length === 0) return [];
  const api = objectApi(access);
  const read = (object: StateObject) => readObject<Seen>(api, headOf(object));
  const rollouts = objects.filter((o) => o.kind === "Rollout");
  const deadline = Date.now() + seenMs;
  const written = new Map<StateObject, number>();
  for (;;) {
    // In this order: what it wrote before it saw the Rollout is there when the rule is read.
    const behind = (await Promise.all(rollouts.map(read))).filter((r) => r !== undefined && !isSeen(r));
    const wrong: StateObject[] = [];
    for (const ingress of ruled) {
      const live = await read(ingress);
      if (live === undefined || sameRules(ingress, live)) continue;
      wrong.push(ingress);
      const times = written.get(ingress) ?? 0;
      if (times === WRITES) continue;
      written.set(ingress, times + 1);
      await api.patch(ingress.inputs as KubernetesObject, undefined, undefined, FIELD_MANAGER, true, PatchStrategy.ServerSideApply);
    }
    const over = Date.now() > deadline || [...written.values()].some((times) => times >= WRITES);
    if ((behind.length === 0 && wrong.length === 0) || over) return [...toldOf(written, wrong), ...toldOfBehind(behind, seenMs)];
    await pause(LOOK_MS);
  }
}

const annotationsOf = (object: { metadata?: unknown }): Record<string, unknown> =>
  ((object.metadata ?? {}) as { annotations?: Record<string, unknown> }).annotations ?? {};

/** Every action that the config names stands there as it says. */
function sameRules({ inputs }: StateObject, live: KubernetesObject): boolean {
  const now = annotationsOf(live);
  return Object.entries(annotationsOf(inputs)).every(([key, value]) => !key.includes("/actions.") || now[key] === value);
}

function toldOf(written: ReadonlyMap<StateObject, number>, wrong: readonly StateObject[]): string[] {
  return [...written].map(([{ metadata }, times]) => {
    const found = `The load balancer's rule in the Ingress ${metadata.name} was not as the config says after the update`;
    const last = wrong.some((o) => o.metadata.name === metadata.name && o.metadata.namespace === metadata.namespace);
    const often = times === 1 ? "once" : `${times} times`;
    return last && times >= WRITES
      ? `${found}; it was written again ${often}, and somebody changes it each time.`
      : `${found}: somebody had changed it. It was written again ${often}.`;
  });
}

const toldOfBehind = (behind: readonly (Seen | undefined)[], seenMs: number): string[] =>
  behind.map(
    (rollout) =>
      `Argo Rollouts had not seen the Rollout ${rollout?.metadata?.name} as it is now within ${seenMs / 1_000} s, and may still change the load balancer's rule.`,
  );

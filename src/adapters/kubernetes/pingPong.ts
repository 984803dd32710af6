import { type KubernetesObject, PatchStrategy } from "@kubernetes/client-node";
import { FIELD_MANAGER } from "../../lib/fieldManager.js";
import type { ClusterAccess } from "./clients.js";
import { isSeen, objectApi, readObject } from "./objectApi.js";
import { headOf, type StateObject, stateObjects } from "./stateObjects.js";

/** Argo Rollouts' label of the pods of one version, and what it adds to a Service's selector. */
const HASH = "rollouts-pod-template-hash";

interface Rollout extends KubernetesObject {
  status?: { observedGeneration?: number | string; currentPodHash?: string; stableRS?: string };
}

interface Service extends KubernetesObject {
  spec?: { selector?: Record<string, string> };
}

/**
 * Before an update: both Services of a canary with `pingPong` lead to the stable pods while no canary is under way. Which of the two is
 * the stable one changes with every release, and after one the other leads to pods that are gone. The load balancer's rule beside a
 * Deployment names ping, so that a way back to there would send users to nobody. The next canary takes its Service again by itself.
 * Source: reconcilePingAndPongService and promoteStable in argo-rollouts v1.8.3, rollout/service.go and rollout/sync.go: once a version
 * is fully promoted, neither Service is written.
 */
export async function leadToStable(access: ClusterAccess, deployment: unknown): Promise<void> {
  const rollouts = stateObjects(deployment).filter((o) => servicesOf(o).length > 0);
  if (rollouts.length === 0) return;
  const api = objectApi(access);
  for (const object of rollouts) {
    const live = await readObject<Rollout>(api, headOf(object));
    const stable = live === undefined ? undefined : promoted(live);
    if (stable === undefined) continue;
    for (const name of servicesOf(object)) {
      const head = { apiVersion: "v1", kind: "Service", metadata: { name, namespace: object.metadata.namespace } };
      const hash = (await readObject<Service>(api, head))?.spec?.selector?.[HASH];
      // One that the controller never wrote leads to all pods.
      if (hash === undefined || hash === stable) continue;
      const led: Service = { ...head, spec: { selector: { [HASH]: stable } } };
      await api.patch(led, undefined, undefined, FIELD_MANAGER, undefined, PatchStrategy.MergePatch);
    }
  }
}

/** Names of ping and pong; none where the Rollout has no such pair. */
function servicesOf({ kind, inputs }: StateObject): string[] {
  const { strategy } = (inputs.spec ?? {}) as { strategy?: { canary?: { pingPong?: { pingService?: string; pongService?: string } } } };
  const { pingService, pongService } = strategy?.canary?.pingPong ?? {};
  return kind === "Rollout" ? [pingService, pongService].filter((name) => name !== undefined) : [];
}

/** The version that is stable and wanted; undefined while the controller has not seen what is wanted, or brings it. */
function promoted(rollout: Rollout): string | undefined {
  const { currentPodHash, stableRS } = rollout.status ?? {};
  return isSeen(rollout) && stableRS !== undefined && stableRS !== "" && stableRS === currentPodHash ? stableRS : undefined;
}

import { PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";
import { Terminal } from "../../errors.js";
import type { Evidence } from "../../ports/target.js";
import { asked, type ClusterClients, found } from "./clients.js";

const GROUP = { group: "argoproj.io", version: "v1alpha1", plural: "rollouts" };

/** What is read of a Rollout. */
export interface Rollout {
  metadata: { name: string; generation?: number };
  spec: {
    replicas?: number;
    strategy: { canary?: { steps?: { setWeight?: number; pause?: { duration?: string } }[] } };
    template: { spec: { containers: { image: string }[] } };
  };
  status?: {
    phase?: string;
    abort?: boolean;
    message?: string;
    observedGeneration?: string;
    readyReplicas?: number;
    currentPodHash?: string;
    stableRS?: string;
    currentStepIndex?: number;
    pauseConditions?: { reason: string; startTime: string }[];
    canary?: {
      weights?: { canary: { weight: number; serviceName?: string }; stable: { weight: number; serviceName?: string } };
      /** Which of ping and pong leads to the stable version. */
      stablePingPong?: "ping" | "pong";
    };
  };
}

export async function rolloutOf({ custom }: ClusterClients, namespace: string, name: string): Promise<Rollout | undefined> {
  return (await found(`read the Rollout ${namespace}/${name}`, custom.getNamespacedCustomObject({ ...GROUP, namespace, name }))) as
    | Rollout
    | undefined;
}

/** Changes the status as the controller's own command line does. */
async function patchStatus({ custom }: ClusterClients, namespace: string, name: string, status: object): Promise<void> {
  await asked(
    `change the Rollout ${namespace}/${name}`,
    custom.patchNamespacedCustomObjectStatus(
      { ...GROUP, namespace, name, body: { status } },
      setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
    ),
  );
}

const underWay = ({ status }: Rollout): boolean => status?.currentPodHash !== undefined && status.currentPodHash !== status.stableRS;

/** `kubectl argo rollouts abort`: the stable pods carry everything again, at once. */
export async function abortRollout(clients: ClusterClients, namespace: string, name: string): Promise<Evidence> {
  const rollout = await rolloutOf(clients, namespace, name);
  if (rollout === undefined) throw new Terminal(`There is no Rollout ${namespace}/${name}.`);
  if (!underWay(rollout)) return { summary: "No canary is under way: there is nothing to abort." };
  if (rollout.status?.abort !== true) await patchStatus(clients, namespace, name, { abort: true });
  return { summary: `The canary of ${name} was aborted; the stable pods carry everything.` };
}

/**
 * `kubectl argo rollouts promote`: ends the pause that the canary is in. One that Argo itself has aborted, as its analysis
 * does, begins again: `kubectl argo rollouts retry`.
 */
export async function promoteRollout(clients: ClusterClients, namespace: string, name: string): Promise<Evidence> {
  const rollout = await rolloutOf(clients, namespace, name);
  const pauses = rollout?.status?.pauseConditions ?? [];
  if (rollout !== undefined && underWay(rollout) && rollout.status?.abort === true) {
    await patchStatus(clients, namespace, name, { abort: false });
    return { summary: `The aborted canary of ${name} begins again.` };
  }
  if (rollout === undefined || !underWay(rollout) || pauses.length === 0)
    throw new Terminal("No canary is in a pause that could be ended.");
  await patchStatus(clients, namespace, name, { pauseConditions: null });
  const steps = rollout.spec.strategy.canary?.steps ?? [];
  const weight = steps.slice(0, rollout.status?.currentStepIndex ?? 0).findLast((s) => s.setWeight !== undefined)?.setWeight;
  return { summary: `The pause at ${weight ?? 0} % was ended.`, facts: { weight: weight ?? 0 } };
}

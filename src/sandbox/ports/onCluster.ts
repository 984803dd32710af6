import { setTimeout as pause } from "node:timers/promises";
import { clusterClients } from "../../adapters/kubernetes/clients.js";
import { kubernetesClusterPort } from "../../adapters/kubernetes/clusterPort.js";
import { type ClusterReading, clusterObservation } from "../../adapters/kubernetes/observations.js";
import type { StackConfig } from "../../config/schema.js";
import type { ObservationName } from "../../ports/observations.js";
import type { Target } from "../../ports/target.js";

/** What is seen on the API server; autoscalers and Spot nodes have nobody there who measures or makes them. */
const SEEN: readonly ClusterReading[] = ["pods-ready", "green-ready", "rollout-healthy", "rollout-weight", "workers-ready", "once-ready"];
const isSeen = (name: ObservationName): name is ClusterReading => (SEEN as readonly ObservationName[]).includes(name);
/** How long a jump of the clock takes while a controller is at work, in milliseconds: it does not hurry. */
const AT_WORK_MS = 200;

/**
 * A sandbox's target whose cluster is a real API server: what runs there is seen there, Jobs run there, and its Argo
 * Rollouts is the one that is promoted and aborted. The load balancer and the usage of pods stay simulated.
 */
export function targetOnCluster(inner: Target, kubeconfig: string, config: () => StackConfig): Target {
  const clients = clusterClients({ kubeconfig });
  const real = kubernetesClusterPort(clients, config);
  let atWork = false;
  return {
    ...inner,
    clock: {
      now: () => inner.clock.now(),
      sleepUntil: async (until, signal) => {
        if (atWork) await pause(AT_WORK_MS, undefined, signal === undefined ? {} : { signal });
        atWork = false;
        await inner.clock.sleepUntil(until, signal);
      },
    },
    cluster: {
      ...real,
      rolloutAbort: async (effect) => {
        const evidence = await real.rolloutAbort(effect);
        // The simulated users go back too.
        await inner.cluster.rolloutAbort(effect);
        return evidence;
      },
      probeLoadBalancer: () => inner.cluster.probeLoadBalancer(),
      usage: () => inner.cluster.usage(),
    },
    observer: {
      observe: async (name, side, windowSeconds) => {
        if (!isSeen(name)) return inner.observer.observe(name, side, windowSeconds);
        const reading = await clusterObservation(clients, config(), name);
        if (!reading.known || reading.value < 1) atWork = true;
        return { name, ...(side === undefined ? {} : { side }), reading, at: inner.clock.now(), source: "kubernetes" };
      },
    },
  };
}

import { createConfiguration, KubeConfig, KubernetesObjectApi, ServerConfiguration } from "@kubernetes/client-node";
import { watched } from "./calls.js";
import type { ClusterAccess } from "./clients.js";

/** Longest that one answer may take: an update waits for what is asked before it and after it. */
const DEADLINE_MS = 5_000;

/** The API server's objects of every kind, of a cluster that may not answer. */
export function objectApi({ kubeconfig, context, deadlineMs = DEADLINE_MS }: ClusterAccess): KubernetesObjectApi {
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  if (context !== undefined) config.setCurrentContext(context);
  return new KubernetesObjectApi(
    createConfiguration({
      baseServer: new ServerConfiguration(config.getCurrentCluster()?.server ?? "", {}),
      authMethods: { default: config },
      promiseMiddleware: [watched(new Set(), deadlineMs)],
    }),
  );
}

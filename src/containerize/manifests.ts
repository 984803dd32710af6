import { stringify } from "yaml";
import { filesIn, processArgs, routesOf, webPods } from "../components/appPods.js";
import {
  ALB,
  deploymentArgs,
  disruptionBudgetArgs,
  identityOf,
  ingressArgs,
  networkPolicyArgs,
  serviceAccountArgs,
  serviceArgs,
} from "../components/objects.js";
import { processObjects } from "../components/processObjects.js";
import { hostsOf } from "../config/names.js";
import { namespaceOf, type StackConfig } from "../config/schema.js";

/**
 * The application's manifests (k8s/base) from its stack config, the same objects that the components register but for
 * annotations that only the engine reads: for people who want to read or apply them without Pulumi.
 */
export function manifests(config: StackConfig): Record<string, string> {
  const { workload, ingress, application } = config;
  const write = (apiVersion: string, kind: string, object: object): string =>
    stringify({ apiVersion, kind, ...object }, { lineWidth: 140 });
  const namespace = namespaceOf(config);
  const { files, map } = filesIn(config, "web");
  const isCanary = config.strategy.kind === "canary" && config.strategy.workload !== "rollout";
  const args = {
    ...webPods(config, undefined, files),
    namespace,
    replicas: workload.replicas,
    servicePort: workload.servicePort,
    single: workload.once,
  };
  const shape = { ...args, minReadySeconds: workload.minReadySeconds, ...(isCanary ? { runner: "deployment" as const } : {}) };
  const identity = identityOf(application.name, shape);
  return {
    "serviceaccount.yaml": write("v1", "ServiceAccount", serviceAccountArgs(identity.app, namespace, workload.roleArn)),
    ...(workload.web
      ? {
          "deployment.yaml": write("apps/v1", "Deployment", deploymentArgs(identity, shape)),
          "service.yaml": write("v1", "Service", serviceArgs(identity, shape)),
          ...(workload.once
            ? {}
            : { "poddisruptionbudget.yaml": write("policy/v1", "PodDisruptionBudget", disruptionBudgetArgs(identity)) }),
          "networkpolicy.yaml": write("networking.k8s.io/v1", "NetworkPolicy", networkPolicyArgs(identity, shape)),
          ...(map === undefined ? {} : { "files.yaml": write("v1", "ConfigMap", mapArgs(map, namespace)) }),
        }
      : {}),
    ...processManifests(config, write),
    ...(ingress === undefined
      ? {}
      : {
          "ingress.yaml": write(
            "networking.k8s.io/v1",
            "Ingress",
            ingressArgs(
              identity.app,
              { ...ingress, routes: routesOf(config), namespace, also: hostsOf(config).slice(1) },
              { name: identity.full, port: { number: workload.servicePort } },
              ingress.certificateArn === undefined ? {} : { [`${ALB}/certificate-arn`]: ingress.certificateArn },
            ),
          ),
        }),
  };
}

const mapArgs = ({ name, data }: { name: string; data: Record<string, string> }, namespace: string) => ({
  metadata: { name, namespace },
  data,
});

/** The processes beside the web, as they are once all of them are on the new side. */
function processManifests(
  config: StackConfig,
  write: (apiVersion: string, kind: string, object: object) => string,
): Record<string, string> {
  const moved: StackConfig = { ...config, handover: { ...config.handover, workers: 100, once: "new" } };
  const found: Record<string, string> = {};
  for (const [name, process] of Object.entries(config.processes)) {
    const { files, map } = filesIn(config, name);
    const first = process.kind === "release" ? { ...process, first: true } : process;
    const args = processArgs(moved, first, undefined, files);
    if (args === undefined) continue;
    for (const { apiVersion, kind, object } of processObjects(name, args))
      found[`${name}-${kind.toLowerCase()}.yaml`] = write(apiVersion, kind, object);
    if (map !== undefined) found[`${name}-files.yaml`] = write("v1", "ConfigMap", mapArgs(map, namespaceOf(config)));
  }
  return found;
}

import { stringify } from "yaml";
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
import { hostsOf } from "../config/names.js";
import { namespaceOf, type StackConfig } from "../config/schema.js";

/**
 * The application's manifests (k8s/base) from its stack config, the same objects that the components register but for
 * annotations that only the engine reads: for people who want to read or apply them without Pulumi.
 */
export function manifests(config: StackConfig): Record<string, string> {
  const { workload, ingress, application } = config;
  const isCanary = config.strategy.kind === "canary" && config.strategy.workload !== "rollout";
  const args = {
    ...workload,
    namespace: namespaceOf(config),
    ...(ingress === undefined ? { preStopSeconds: 0 } : {}),
    ...(isCanary ? { runner: "deployment" as const } : {}),
  };
  const identity = identityOf(application.name, args);
  const write = (apiVersion: string, kind: string, object: object): string =>
    stringify({ apiVersion, kind, ...object }, { lineWidth: 140 });
  return {
    "serviceaccount.yaml": write("v1", "ServiceAccount", serviceAccountArgs(identity.app, args.namespace, workload.roleArn)),
    "deployment.yaml": write("apps/v1", "Deployment", deploymentArgs(identity, args)),
    "service.yaml": write("v1", "Service", serviceArgs(identity, args)),
    "poddisruptionbudget.yaml": write("policy/v1", "PodDisruptionBudget", disruptionBudgetArgs(identity)),
    "networkpolicy.yaml": write("networking.k8s.io/v1", "NetworkPolicy", networkPolicyArgs(identity, args)),
    ...(ingress === undefined
      ? {}
      : {
          "ingress.yaml": write(
            "networking.k8s.io/v1",
            "Ingress",
            ingressArgs(
              identity.app,
              { ...ingress, namespace: args.namespace, also: hostsOf(config).slice(1) },
              { name: identity.full, port: { number: workload.servicePort } },
              ingress.certificateArn === undefined ? {} : { [`${ALB}/certificate-arn`]: ingress.certificateArn },
            ),
          ),
        }),
  };
}

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { requireName, requireNumber } from "./checks.js";
import { deploymentArgs, disruptionBudgetArgs, FORCED, type Identity, identityOf, networkPolicyArgs, serviceArgs } from "./objects.js";
import type { PodTemplateArgs } from "./podArgs.js";
import { checkPodTemplate } from "./podTemplate.js";
import { serviceAccountOf } from "./serviceAccount.js";
import { type Transform, transformed } from "./support.js";

export interface WorkloadArgs extends PodTemplateArgs {
  /** Kubernetes namespace; it must exist. */
  namespace: pulumi.Input<string>;
  /** Pods. @default 3 (seed: k8s/base/deployment.yaml) */
  replicas?: pulumi.Input<number>;
  /** Whether two pods must never run at once: one is gone before the next comes, and no disruption budget holds it. @default false */
  single?: boolean;
  /** Port of the Service; it leads to the container's port. @default 80 */
  servicePort?: pulumi.Input<number>;
  /** Colour of a blue-green rollout: becomes the label `version`, part of the selector and of the Deployment's name. */
  version?: "blue" | "green";
  /** Whether this workload makes the ServiceAccount NAME. @default true without a version */
  identity?: boolean;
  /** Whether a Deployment runs the pods; false when an Argo Rollout does. @default true */
  deployment?: boolean;
  /**
   * Gives the pods a label of their own, which the Service selects by: where an Argo Rollout of the same application runs beside
   * the Deployment, the Service must not lead to both. @default none
   */
  runner?: "deployment";
  /** What must be there before the pods, as the Ingress that makes them pods of a target group. @default nothing */
  podsAfter?: pulumi.Input<pulumi.Resource[]>;
  /** Seconds that a new pod must be ready before an old one goes. @default 5 */
  minReadySeconds?: number;
  /** Whether the autoscaler owns the number of pods: a change of `replicas` is then ignored. @default false */
  autoscaled?: boolean;
  /** Changes to the underlying resources before they are registered. */
  transform?: {
    deployment?: Transform<k8s.apps.v1.DeploymentArgs>;
    service?: Transform<k8s.core.v1.ServiceArgs>;
    networkPolicy?: Transform<k8s.networking.v1.NetworkPolicyArgs>;
  };
}

/**
 * One application's pods behind a Service: Deployment, ServiceAccount, Service, PodDisruptionBudget and NetworkPolicy.
 *
 * @example
 * const web = new Workload("web-api", { namespace: "production", image: "ghcr.io/your-org/web-api:1.0.0" });
 *
 * No request is dropped when a pod leaves: it goes on serving for `preStopSeconds` (40), in which the load balancer takes it out and
 * lets its requests end (deregistration delay, 30), and only then is told to stop, with the rest of `terminationGraceSeconds` (75)
 * for what is left: deregistration < pause < termination. A new pod must have been ready for `minReadySeconds` before an old one goes.
 *
 * @seed k8s/base/deployment.yaml, k8s/base/service.yaml
 * @cost The pods' requests on the cluster's nodes: 0.75 CPU and 768 MiB with the defaults.
 */
export class Workload extends pulumi.ComponentResource {
  /** Name of the Service that leads to the pods. */
  readonly serviceName: pulumi.Output<string>;
  /** Name of the Deployment. */
  readonly deploymentName: pulumi.Output<string> | undefined;
  readonly nodes: { deployment?: k8s.apps.v1.Deployment; service: k8s.core.v1.Service; serviceAccount?: k8s.core.v1.ServiceAccount };

  constructor(name: string, args: WorkloadArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:Workload", args.version === undefined ? name : `${name}-${args.version}`, {}, opts);
    const at = `Workload(${name})`;
    requireName(`${at}.name`, name);
    requireName(`${at}.namespace`, args.namespace);
    requireNumber(`${at}.replicas`, args.replicas, 0, args.single === true ? 1 : 10_000);
    requireNumber(`${at}.servicePort`, args.servicePort, 1, 65_535);
    checkPodTemplate(at, args);
    const identity = identityOf(name, args);

    // The colours of one application share its identity.
    const serviceAccount =
      (args.identity ?? args.version === undefined) ? serviceAccountOf(name, args.namespace, this, args.roleArn) : undefined;
    const deployment = args.deployment === false ? undefined : this.deployment(identity, args);
    const service = new k8s.core.v1.Service(
      ...transformed(args.transform?.service, identity.full, serviceArgs(identity, args), {
        parent: this,
        // Pods of before have no such label: they have been replaced by the time that it is selected by.
        ...(args.runner === undefined || deployment === undefined ? {} : { dependsOn: [deployment] }),
      }),
    );
    if (args.single !== true) new k8s.policy.v1.PodDisruptionBudget(identity.full, disruptionBudgetArgs(identity), { parent: this });
    new k8s.networking.v1.NetworkPolicy(
      ...transformed(args.transform?.networkPolicy, identity.full, networkPolicyArgs(identity, args), { parent: this }),
    );

    this.serviceName = service.metadata.name;
    this.deploymentName = deployment?.metadata.name;
    this.nodes = {
      service,
      ...(deployment === undefined ? {} : { deployment }),
      ...(serviceAccount === undefined ? {} : { serviceAccount }),
    };
    this.registerOutputs({ serviceName: this.serviceName });
  }

  private deployment(identity: Identity, args: WorkloadArgs): k8s.apps.v1.Deployment {
    const options = {
      parent: this,
      ...(args.autoscaled === true ? { ignoreChanges: ["spec.replicas"] } : {}),
      ...(args.podsAfter === undefined ? {} : { dependsOn: args.podsAfter }),
    };
    const plain = deploymentArgs(identity, args);
    // Once the autoscaler is gone, the number of pods is the config's again.
    const forced = { ...plain, metadata: { ...plain.metadata, annotations: FORCED } };
    return new k8s.apps.v1.Deployment(...transformed(args.transform?.deployment, identity.full, forced, options));
  }
}

import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { checkPodTemplate, type PodTemplateArgs, podTemplate, serviceAccountOf } from "./podTemplate.js";
import { requireName, requireNumber, type Transform, transformed } from "./support.js";

export interface WorkloadArgs extends PodTemplateArgs {
  /** Kubernetes namespace; it must exist. */
  namespace: pulumi.Input<string>;
  /** Pods. @default 3 (seed: k8s/base/deployment.yaml) */
  replicas?: pulumi.Input<number>;
  /** Port of the Service; it leads to the container's port. @default 80 */
  servicePort?: pulumi.Input<number>;
  /** Colour of a blue-green rollout: becomes the label `version`, part of the selector and of the Deployment's name. */
  version?: "blue" | "green";
  /** Whether this workload makes the ServiceAccount NAME. @default true without a version */
  identity?: boolean;
  /** Whether a Deployment runs the pods; false when an Argo Rollout does. @default true */
  deployment?: boolean;
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
    requireNumber(`${at}.replicas`, args.replicas, 0, 10_000);
    requireNumber(`${at}.servicePort`, args.servicePort, 1, 65_535);
    checkPodTemplate(at, args);
    const app = name;
    const full = args.version === undefined ? app : `${app}-${args.version}`;
    const selector = { app, ...(args.version === undefined ? {} : { version: args.version }) };
    const metadata = { name: full, namespace: args.namespace, labels: selector };

    // The colours of one application share its identity.
    const serviceAccount = (args.identity ?? args.version === undefined) ? serviceAccountOf(app, args.namespace, this) : undefined;
    const deployment = args.deployment === false ? undefined : this.deployment(full, app, selector, metadata, args);
    const service = this.service(full, selector, metadata, args);
    this.disruptionBudget(full, selector, metadata);
    this.networkPolicy(full, selector, metadata, args);

    this.serviceName = service.metadata.name;
    this.deploymentName = deployment?.metadata.name;
    this.nodes = {
      service,
      ...(deployment === undefined ? {} : { deployment }),
      ...(serviceAccount === undefined ? {} : { serviceAccount }),
    };
    this.registerOutputs({ serviceName: this.serviceName });
  }

  private deployment(
    full: string,
    app: string,
    selector: Record<string, string>,
    metadata: object,
    args: WorkloadArgs,
  ): k8s.apps.v1.Deployment {
    return new k8s.apps.v1.Deployment(
      ...transformed(
        args.transform?.deployment,
        full,
        {
          metadata,
          spec: {
            replicas: args.replicas ?? 3,
            strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
            selector: { matchLabels: selector },
            template: podTemplate(app, selector, args),
          },
        },
        { parent: this, ...(args.autoscaled === true ? { ignoreChanges: ["spec.replicas"] } : {}) },
      ),
    );
  }

  private service(full: string, selector: Record<string, string>, metadata: object, args: WorkloadArgs): k8s.core.v1.Service {
    return new k8s.core.v1.Service(
      ...transformed(
        args.transform?.service,
        full,
        {
          metadata,
          spec: {
            type: "ClusterIP",
            selector,
            ports: [{ port: args.servicePort ?? 80, targetPort: args.containerPort ?? 3000, protocol: "TCP", name: "http" }],
          },
        },
        { parent: this },
      ),
    );
  }

  /** Beyond the seed: a drained node never takes more than one pod at a time. */
  private disruptionBudget(full: string, selector: Record<string, string>, metadata: object): void {
    new k8s.policy.v1.PodDisruptionBudget(
      full,
      { metadata, spec: { maxUnavailable: 1, selector: { matchLabels: selector } } },
      { parent: this },
    );
  }

  /** Beyond the seed: only the application's own port is open. */
  private networkPolicy(full: string, selector: Record<string, string>, metadata: object, args: WorkloadArgs): void {
    new k8s.networking.v1.NetworkPolicy(
      ...transformed(
        args.transform?.networkPolicy,
        full,
        {
          metadata,
          spec: {
            podSelector: { matchLabels: selector },
            policyTypes: ["Ingress"],
            ingress: [{ ports: [{ port: args.containerPort ?? 3000, protocol: "TCP" }] }],
          },
        },
        { parent: this },
      ),
    );
  }
}

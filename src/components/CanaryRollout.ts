import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type PodTemplateArgs, podTemplate } from "./podTemplate.js";
import { require } from "./support.js";

export interface CanaryRolloutArgs extends PodTemplateArgs {
  namespace: pulumi.Input<string>;
  /** Pods. @default 5 (seed: rollout.yaml) */
  replicas?: pulumi.Input<number>;
  /** Weights in percent and the pause after each, in seconds. @default 20, 40, 60, 80 with 300 s each */
  steps?: { setWeight: number; pauseSeconds: number }[];
  /** @default 2 */
  revisionHistoryLimit?: number;
  /** Name of the Ingress whose load balancer splits the traffic. Without it the split is by numbers of pods. */
  ingressName?: pulumi.Input<string>;
  /** Service that all clients use, and that the Ingress names. */
  rootService: pulumi.Input<string>;
  /** @default 80 */
  servicePort?: number;
  /** Error rate above which the canary is aborted. @default 0.05 */
  maxErrorRate?: number;
  /** Prometheus that the analysis asks. @default "http://prometheus.monitoring.svc:9090" */
  prometheusAddress?: string;
  /** Whether the autoscaler owns the number of pods. @default false */
  autoscaled?: boolean;
}

const STEPS = [20, 40, 60, 80].map((setWeight) => ({ setWeight, pauseSeconds: 300 }));

/**
 * A workload as an Argo Rollout that releases in steps (seed: rollout.yaml), with an analysis against Prometheus
 * beside it that aborts a bad canary by itself.
 *
 * @example
 * new CanaryRollout("admin-portal", { namespace: "production", image: "ghcr.io/your-org/admin-portal:1.1.0", rootService: "admin-portal", ingressName: "admin-portal" });
 */
export class CanaryRollout extends pulumi.ComponentResource {
  readonly nodes: {
    rollout: k8s.apiextensions.CustomResource;
    analysis: k8s.apiextensions.CustomResource;
    stable: k8s.core.v1.Service;
    canary: k8s.core.v1.Service;
  };

  constructor(name: string, args: CanaryRolloutArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:CanaryRollout", name, {}, opts);
    const steps = args.steps ?? STEPS;
    require(steps.length > 0, `CanaryRollout(${name}).steps`, steps, "at least one step");
    const stable = this.service(`${name}-stable`, name, args);
    const canary = this.service(`${name}-canary`, name, args);
    const analysis = this.analysis(name, args);
    const rollout = this.rollout(name, args, steps, stable, canary, analysis);
    this.nodes = { rollout, analysis, stable, canary };
    this.registerOutputs({});
  }

  /** The controller adds its own selector to each; the engine leaves that alone. */
  private service(full: string, app: string, args: CanaryRolloutArgs): k8s.core.v1.Service {
    return new k8s.core.v1.Service(
      full,
      {
        metadata: { name: full, namespace: args.namespace, labels: { app } },
        spec: {
          type: "ClusterIP",
          selector: { app },
          ports: [{ port: args.servicePort ?? 80, targetPort: args.containerPort ?? 3000, protocol: "TCP", name: "http" }],
        },
      },
      { parent: this, ignoreChanges: ["spec.selector"] },
    );
  }

  private analysis(name: string, args: CanaryRolloutArgs): k8s.apiextensions.CustomResource {
    const errors = `sum(rate(http_requests_total{job="${name}",status=~"5.."}[5m])) / sum(rate(http_requests_total{job="${name}"}[5m]))`;
    return new k8s.apiextensions.CustomResource(
      `${name}-error-rate`,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "AnalysisTemplate",
        metadata: { name: `${name}-error-rate`, namespace: args.namespace, labels: { app: name } },
        spec: {
          metrics: [
            {
              name: "error-rate",
              interval: "60s",
              failureLimit: 2,
              // No traffic gives no sample, or NaN: that is neither success nor failure.
              successCondition: `len(result) == 0 || isNaN(result[0]) || result[0] <= ${args.maxErrorRate ?? 0.05}`,
              provider: { prometheus: { address: args.prometheusAddress ?? "http://prometheus.monitoring.svc:9090", query: errors } },
            },
          ],
        },
      },
      { parent: this },
    );
  }

  private rollout(
    name: string,
    args: CanaryRolloutArgs,
    steps: NonNullable<CanaryRolloutArgs["steps"]>,
    stable: k8s.core.v1.Service,
    canary: k8s.core.v1.Service,
    analysis: k8s.apiextensions.CustomResource,
  ): k8s.apiextensions.CustomResource {
    const labels = { app: name };
    const port = args.servicePort ?? 80;
    return new k8s.apiextensions.CustomResource(
      name,
      {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Rollout",
        metadata: { name, namespace: args.namespace, labels },
        spec: {
          replicas: args.replicas ?? 5,
          revisionHistoryLimit: args.revisionHistoryLimit ?? 2,
          // A Deployment of the same application may still select `app` alone.
          selector: { matchLabels: { ...labels, "cutover.dev/runner": "rollout" } },
          strategy: {
            canary: {
              stableService: stable.metadata.name,
              canaryService: canary.metadata.name,
              ...(args.ingressName === undefined
                ? {}
                : { trafficRouting: { alb: { ingress: args.ingressName, rootService: args.rootService, servicePort: port } } }),
              analysis: { templates: [{ templateName: analysis.metadata.name }], startingStep: 1 },
              steps: steps.flatMap((s) => [{ setWeight: s.setWeight }, { pause: { duration: `${s.pauseSeconds}s` } }]),
            },
          },
          template: podTemplate(name, { ...labels, "cutover.dev/runner": "rollout" }, args),
        },
      },
      { parent: this, ...(args.autoscaled === true ? { ignoreChanges: ["spec.replicas"] } : {}) },
    );
  }
}

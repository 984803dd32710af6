import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

export interface AutoscalingArgs {
  namespace: pulumi.Input<string>;
  /** What is scaled. */
  target: { apiVersion: string; kind: "Deployment" | "Rollout"; name: pulumi.Input<string> };
  /** Seed: kubectl autoscale --cpu-percent=70 --min=3 --max=10. Absent: no HPA. */
  hpa?: { minReplicas: number; maxReplicas: number; cpuPercent: number };
  /** Absent: no VPA. */
  vpa?: { updateMode: "Off" | "Initial" | "Auto" };
}

/**
 * HPA on CPU and VPA beside it. Both on the same metric would fight, so the VPA only takes memory while there is an
 * HPA (the seed's VPA in Auto takes both).
 *
 * @example
 * new Autoscaling("web-api", { namespace, target: { apiVersion: "apps/v1", kind: "Deployment", name: "web-api" }, hpa: { minReplicas: 3, maxReplicas: 10, cpuPercent: 70 } });
 */
export class Autoscaling extends pulumi.ComponentResource {
  readonly nodes: { hpa?: k8s.autoscaling.v2.HorizontalPodAutoscaler; vpa?: k8s.apiextensions.CustomResource };

  constructor(name: string, args: AutoscalingArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:Autoscaling", name, {}, opts);
    const hpa = args.hpa === undefined ? undefined : this.hpa(name, args, args.hpa);
    const vpa = args.vpa === undefined ? undefined : this.vpa(name, args, args.vpa.updateMode);
    this.nodes = { ...(hpa === undefined ? {} : { hpa }), ...(vpa === undefined ? {} : { vpa }) };
    this.registerOutputs({});
  }

  private hpa(
    name: string,
    args: AutoscalingArgs,
    { minReplicas, maxReplicas, cpuPercent }: NonNullable<AutoscalingArgs["hpa"]>,
  ): k8s.autoscaling.v2.HorizontalPodAutoscaler {
    return new k8s.autoscaling.v2.HorizontalPodAutoscaler(
      name,
      {
        metadata: { name, namespace: args.namespace, labels: { app: name } },
        spec: {
          scaleTargetRef: args.target,
          minReplicas,
          maxReplicas,
          metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: cpuPercent } } }],
        },
      },
      { parent: this },
    );
  }

  private vpa(name: string, args: AutoscalingArgs, updateMode: string): k8s.apiextensions.CustomResource {
    const controlledResources = args.hpa === undefined ? ["cpu", "memory"] : ["memory"];
    return new k8s.apiextensions.CustomResource(
      `${name}-vpa`,
      {
        apiVersion: "autoscaling.k8s.io/v1",
        kind: "VerticalPodAutoscaler",
        metadata: { name: `${name}-vpa`, namespace: args.namespace, labels: { app: name } },
        spec: {
          targetRef: args.target,
          updatePolicy: { updateMode },
          resourcePolicy: { containerPolicies: [{ containerName: "*", controlledResources }] },
        },
      },
      { parent: this },
    );
  }
}

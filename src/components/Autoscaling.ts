import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { requireName, requireNumber } from "./checks.js";

export interface AutoscalingArgs {
  /** Namespace of what is scaled. */
  namespace: pulumi.Input<string>;
  /** What is scaled: a Deployment, or an Argo Rollout. */
  target: { apiVersion: string; kind: "Deployment" | "Rollout"; name: pulumi.Input<string> };
  /** Pods from `minReplicas` to `maxReplicas`, so that they use `cpuPercent` of the CPU they ask for. Absent: no HPA. */
  hpa?: { minReplicas: number; maxReplicas: number; cpuPercent: number };
  /** What the VPA does with its recommendation. The cluster needs its controllers (VpaController). Absent: no VPA. */
  vpa?: { updateMode: "Off" | "Initial" | "Auto" };
}

/**
 * HPA on CPU and VPA beside it. Both on the same metric would fight, so the VPA only takes memory while there is an
 * HPA (the seed's VPA in Auto takes both).
 *
 * @example
 * new Autoscaling("web-api", { namespace, target: { apiVersion: "apps/v1", kind: "Deployment", name: "web-api" }, hpa: { minReplicas: 3, maxReplicas: 10, cpuPercent: 70 } });
 *
 * @seed kubectl autoscale --cpu-percent=70 --min=3 --max=10; the manifest web-api-vpa
 * @cost Nothing on its own; it bounds what the pods cost.
 */
export class Autoscaling extends pulumi.ComponentResource {
  readonly nodes: { hpa?: k8s.autoscaling.v2.HorizontalPodAutoscaler; vpa?: k8s.apiextensions.CustomResource };

  constructor(name: string, args: AutoscalingArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:Autoscaling", name, {}, opts);
    const at = `Autoscaling(${name})`;
    requireName(`${at}.namespace`, args.namespace);
    requireNumber(`${at}.hpa.minReplicas`, args.hpa?.minReplicas, 1, 10_000);
    requireNumber(`${at}.hpa.maxReplicas`, args.hpa?.maxReplicas, args.hpa?.minReplicas ?? 1, 10_000);
    requireNumber(`${at}.hpa.cpuPercent`, args.hpa?.cpuPercent, 1, 100);
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

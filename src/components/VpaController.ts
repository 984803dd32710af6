import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { requireName, requireText } from "./checks.js";

export interface VpaControllerArgs {
  /** Release of the Helm chart `vpa`, for example `4.10.0`. */
  chartVersion: string;
  /** Namespace that is made for the controllers. @default "vpa" */
  namespace?: string;
}

/**
 * The Vertical Pod Autoscaler's recommender, updater and admission controller from a pinned release of a Helm chart:
 * the project itself publishes manifests whose admission controller needs certificates that a script makes by hand.
 * One installation a cluster.
 *
 * @example
 * new VpaController("vpa", { chartVersion: "4.10.0" });
 *
 * @seed kubectl apply -f vertical-pod-autoscaler.yaml
 * @cost Three small pods.
 */
export class VpaController extends pulumi.ComponentResource {
  readonly nodes: { release: k8s.helm.v3.Release };

  constructor(name: string, args: VpaControllerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:VpaController", name, {}, opts);
    requireText(`VpaController(${name}).chartVersion`, args.chartVersion, /^\d+\.\d+\.\d+$/, "a chart version, for example 4.10.0");
    requireName(`VpaController(${name}).namespace`, args.namespace);
    const release = new k8s.helm.v3.Release(
      name,
      {
        name,
        chart: "vpa",
        version: args.chartVersion,
        repositoryOpts: { repo: "https://charts.fairwinds.com/stable" },
        namespace: args.namespace ?? "vpa",
        createNamespace: true,
      },
      { parent: this },
    );
    this.nodes = { release };
    this.registerOutputs({});
  }
}

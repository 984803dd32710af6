import * as pulumi from "@pulumi/pulumi";
import { require } from "./checks.js";
import type { WeightedBackend } from "./PublicIngress.js";
import { serviceAccountOf } from "./serviceAccount.js";
import { Workload, type WorkloadArgs } from "./Workload.js";

export interface BlueGreenArgs extends Omit<WorkloadArgs, "version" | "image" | "deployment"> {
  /** Image of the version that runs now. */
  blueImage: pulumi.Input<string>;
  /** Image of the next version. */
  greenImage: pulumi.Input<string>;
  /** Whether green exists. */
  green: boolean;
  /** Whole percent of requests to green. */
  greenWeight: number;
  /** Whether blue exists: removed only after green carried everything. */
  blue: boolean;
  /** What must be there before green's pods, as the Ingress whose rule names them with weight 0. @default nothing */
  greenAfter?: pulumi.Input<pulumi.Resource[]>;
}

/**
 * Two versions of one application side by side, each a Workload of its own. `backends` gives their weights to the PublicIngress, whose load balancer splits the traffic exactly.
 *
 * @example
 * const colours = new BlueGreen("web-api", { namespace, blueImage, greenImage, green: true, greenWeight: 5, blue: true });
 * new PublicIngress("web-api", { …, backends: colours.backends });
 *
 * @seed kubectl apply -k k8s/overlays/production-green, kubectl delete -k k8s/overlays/production-blue
 * @cost The pods of both colours on the cluster's nodes, while both exist.
 */
export class BlueGreen extends pulumi.ComponentResource {
  /** The colours' Services and their weights, for a PublicIngress. */
  readonly backends: WeightedBackend[];
  readonly nodes: { blue?: Workload; green?: Workload };

  constructor(name: string, args: BlueGreenArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:BlueGreen", name, {}, opts);
    const { blueImage, greenImage, green, greenWeight, blue, greenAfter, ...workload } = args;
    const after = greenAfter === undefined ? {} : { podsAfter: greenAfter };
    require(Number.isInteger(greenWeight) &&
      greenWeight >= 0 &&
      greenWeight <= 100, `BlueGreen(${name}).greenWeight`, greenWeight, "a whole number from 0 to 100");
    require(green || greenWeight === 0, `BlueGreen(${name}).greenWeight`, greenWeight, "0 until green exists");
    require(blue || greenWeight === 100, `BlueGreen(${name}).blue`, blue, "true until green carries 100 %");

    serviceAccountOf(name, workload.namespace, this, workload.roleArn);
    const colours: BlueGreen["nodes"] = {
      ...(blue ? { blue: new Workload(name, { ...workload, image: blueImage, version: "blue" }, { parent: this }) } : {}),
      ...(green ? { green: new Workload(name, { ...workload, ...after, image: greenImage, version: "green" }, { parent: this }) } : {}),
    };
    this.nodes = colours;
    this.backends = [
      ...(colours.blue === undefined ? [] : [{ serviceName: colours.blue.serviceName, weight: 100 - greenWeight }]),
      ...(colours.green === undefined ? [] : [{ serviceName: colours.green.serviceName, weight: greenWeight }]),
    ];
    this.registerOutputs({});
  }
}

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { SPOT_KEY } from "./podTemplate.js";

export interface SpotNodeGroupArgs {
  clusterName: pulumi.Input<string>;
  nodeRoleArn: pulumi.Input<string>;
  subnetIds: pulumi.Input<string>[];
  /** Several, so that one reclaimed pool does not empty the group. */
  instanceTypes: string[];
  minSize: number;
  maxSize: number;
  desiredSize: number;
}

/**
 * Nodes on Spot capacity for one non-critical application, tainted so that no other pod lands there.
 *
 * @example
 * new SpotNodeGroup("batch-processor", { clusterName: "production", nodeRoleArn, subnetIds, instanceTypes: ["m6i.large", "m5.large"], minSize: 1, maxSize: 5, desiredSize: 2 });
 */
export class SpotNodeGroup extends pulumi.ComponentResource {
  readonly nodes: { group: aws.eks.NodeGroup };

  constructor(name: string, args: SpotNodeGroupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:SpotNodeGroup", name, {}, opts);
    const group = new aws.eks.NodeGroup(
      name,
      {
        clusterName: args.clusterName,
        nodeGroupName: `${name}-spot`,
        nodeRoleArn: args.nodeRoleArn,
        subnetIds: args.subnetIds,
        capacityType: "SPOT",
        instanceTypes: args.instanceTypes,
        scalingConfig: { minSize: args.minSize, maxSize: args.maxSize, desiredSize: args.desiredSize },
        updateConfig: { maxUnavailable: 1 },
        labels: { [SPOT_KEY]: name },
        taints: [{ key: SPOT_KEY, value: name, effect: "NO_SCHEDULE" }],
        tags: { Name: `${name}-spot` },
      },
      // The cluster autoscaler owns the number of nodes.
      { parent: this, ignoreChanges: ["scalingConfig.desiredSize"] },
    );
    this.nodes = { group };
    this.registerOutputs({});
  }
}

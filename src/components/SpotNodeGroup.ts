import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { require, requireNumber } from "./checks.js";
import { SPOT_KEY } from "./podTemplate.js";
import type { Tags } from "./support.js";

export interface SpotNodeGroupArgs {
  /** The EKS cluster that the nodes join. */
  clusterName: pulumi.Input<string>;
  /** IAM role of the nodes. */
  nodeRoleArn: pulumi.Input<string>;
  /** Subnets that nodes are made in, best in several availability zones. */
  subnetIds: pulumi.Input<string>[];
  /** Several, so that one reclaimed pool does not empty the group. */
  instanceTypes: string[];
  /** Fewest nodes. */
  minSize: number;
  /** Most nodes. */
  maxSize: number;
  /** Nodes to begin with; afterwards the cluster autoscaler decides. */
  desiredSize: number;
  /** Tags of the node group. @default none but Name */
  tags?: Tags;
}

/**
 * Nodes on Spot capacity for one non-critical application, tainted so that no other pod lands there.
 *
 * @example
 * new SpotNodeGroup("batch-processor", { clusterName: "production", nodeRoleArn, subnetIds, instanceTypes: ["m6i.large", "m5.large"], minSize: 1, maxSize: 5, desiredSize: 2 });
 *
 * @seed Use Spot instances for non-critical workloads
 * @cost The nodes at Spot prices, by the second; usually 60 to 90 % below the on-demand price.
 */
export class SpotNodeGroup extends pulumi.ComponentResource {
  readonly nodes: { group: aws.eks.NodeGroup };

  constructor(name: string, args: SpotNodeGroupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:SpotNodeGroup", name, {}, opts);
    const at = `SpotNodeGroup(${name})`;
    require(args.instanceTypes.length >= 2, `${at}.instanceTypes`, args.instanceTypes, "at least two instance types");
    require(args.subnetIds.length >= 1, `${at}.subnetIds`, [], "at least one subnet");
    requireNumber(`${at}.minSize`, args.minSize, 0, 450);
    requireNumber(`${at}.maxSize`, args.maxSize, Math.max(1, args.minSize), 450);
    requireNumber(`${at}.desiredSize`, args.desiredSize, args.minSize, args.maxSize);
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
        tags: { ...args.tags, Name: `${name}-spot` },
      },
      // The cluster autoscaler owns the number of nodes.
      { parent: this, ignoreChanges: ["scalingConfig.desiredSize"] },
    );
    this.nodes = { group };
    this.registerOutputs({});
  }
}

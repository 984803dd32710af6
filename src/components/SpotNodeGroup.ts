import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { require, requireNumber } from "./checks.js";
import { type NodeGroupSizes, nodeGroupNameOf } from "./nodeGroupSizes.js";
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
  /** The group's sizes as they are, where it is there: `nodeGroupSizes` asks. @default `desiredSize` is where it begins */
  current?: NodeGroupSizes;
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
    const { current, minSize, maxSize } = args;
    // EKS takes the three sizes together: a change of the limits sends the number of nodes too, which must be the autoscaler's, and
    // within the new limits. While the limits stay, that number is nobody's here.
    const limitsChange = current !== undefined && (current.minSize !== minSize || current.maxSize !== maxSize);
    const desiredSize = Math.min(maxSize, Math.max(minSize, current?.desiredSize ?? args.desiredSize));
    const group = new aws.eks.NodeGroup(
      name,
      {
        clusterName: args.clusterName,
        nodeGroupName: nodeGroupNameOf(name),
        nodeRoleArn: args.nodeRoleArn,
        subnetIds: args.subnetIds,
        capacityType: "SPOT",
        instanceTypes: args.instanceTypes,
        scalingConfig: { minSize, maxSize, desiredSize },
        updateConfig: { maxUnavailable: 1 },
        labels: { [SPOT_KEY]: name },
        taints: [{ key: SPOT_KEY, value: name, effect: "NO_SCHEDULE" }],
        tags: { ...args.tags, Name: `${name}-spot` },
      },
      // The cluster autoscaler owns the number of nodes.
      { parent: this, ignoreChanges: limitsChange ? [] : ["scalingConfig.desiredSize"] },
    );
    this.nodes = { group };
    this.registerOutputs({});
  }
}

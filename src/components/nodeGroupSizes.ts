import * as aws from "@pulumi/aws";

/** How large a node group is now. */
export interface NodeGroupSizes {
  /** Fewest nodes. */
  minSize: number;
  /** Most nodes. */
  maxSize: number;
  /** Nodes that there should be, as the autoscaler decided. */
  desiredSize: number;
}

/** Name of the node group that `SpotNodeGroup` makes. */
export const nodeGroupNameOf = (name: string): string => `${name}-spot`;

/**
 * The sizes of a node group as they are, the cluster autoscaler's decision among them; undefined where there is none yet, or
 * nobody may say.
 */
export async function nodeGroupSizes(clusterName: string, nodeGroupName: string): Promise<NodeGroupSizes | undefined> {
  try {
    const { scalingConfigs } = await aws.eks.getNodeGroup({ clusterName, nodeGroupName });
    const [sizes] = scalingConfigs;
    return sizes === undefined ? undefined : { minSize: sizes.minSize, maxSize: sizes.maxSize, desiredSize: sizes.desiredSize };
  } catch {
    return undefined;
  }
}

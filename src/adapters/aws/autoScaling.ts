import {
  DeleteAutoScalingGroupCommand,
  DescribeAutoScalingInstancesCommand,
  paginateDescribeAutoScalingGroups,
} from "@aws-sdk/client-auto-scaling";
import { DescribeInstanceAttributeCommand } from "@aws-sdk/client-ec2";
import { type AwsClients, unlessMissing } from "./clients.js";

/** Most instances that one call is asked about. */
const AT_ONCE = 50;

/** The Auto Scaling group of each of these instances that has one. */
export async function groupsOfInstances({ autoscaling }: AwsClients, ids: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let i = 0; i < ids.length; i += AT_ONCE) {
    const InstanceIds = ids.slice(i, i + AT_ONCE);
    const { AutoScalingInstances = [] } = await autoscaling.send(new DescribeAutoScalingInstancesCommand({ InstanceIds }));
    for (const { InstanceId = "", AutoScalingGroupName = "" } of AutoScalingInstances) found.set(InstanceId, AutoScalingGroupName);
  }
  return found;
}

/** Those of these groups that are there. */
export async function groupsThere({ autoscaling }: AwsClients, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const found: string[] = [];
  const pages = paginateDescribeAutoScalingGroups({ client: autoscaling }, { AutoScalingGroupNames: [...names] });
  for await (const { AutoScalingGroups = [] } of pages) found.push(...AutoScalingGroups.flatMap((g) => g.AutoScalingGroupName ?? []));
  return found;
}

/**
 * Deletes groups with their instances: before instances are terminated, since a group would start others in their place. What is
 * being deleted already is left to it.
 * @returns those that were there
 */
export async function deleteGroups(clients: AwsClients, names: readonly string[]): Promise<string[]> {
  const there = await groupsThere(clients, names);
  for (const AutoScalingGroupName of there)
    await unlessMissing(
      clients.autoscaling.send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName, ForceDelete: true })),
      "ResourceInUseFault",
      "ResourceInUse",
    );
  return there;
}

/** Those of these instances whose termination AWS would refuse. */
export async function terminationProtected({ ec2 }: AwsClients, ids: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const InstanceId of ids) {
    const asked = ec2.send(new DescribeInstanceAttributeCommand({ InstanceId, Attribute: "disableApiTermination" }));
    const answer = await unlessMissing(asked, "InvalidInstanceID.NotFound");
    if (answer?.DisableApiTermination?.Value === true) found.push(InstanceId);
  }
  return found;
}

import { canonical } from "../../config/rawConfig.js";
import type { StackConfig } from "../../config/schema.js";
import { shiftOf } from "../../config/shift.js";
import type { ResourceChange } from "../journal/records.js";

/**
 * Promise 7: what holds data or carries users, by what it is. Replacing one always stops the step, and deleting one where
 * the step's own config does not say that it goes; both until it is approved by name.
 */
export type Loss = ResourceChange & { op: "replace" | "delete" };

/** What the config says of whether a resource exists: while that stays the same, nobody wanted it deleted. */
type Decides = (config: StackConfig) => unknown;

const workload: Decides = ({ workload: { deployed }, strategy }) =>
  strategy.kind === "blue-green"
    ? [deployed, strategy.kind, strategy.blue, strategy.green]
    : [deployed, strategy.kind, strategy.kind === "canary" && strategy.workload];
const groups: Decides = ({ workload: { deployed }, traffic, ingress }) => [
  deployed,
  traffic?.kind === "target-groups" && traffic.records,
  ingress,
];
const entrance: Decides = ({ workload: { deployed }, ingress, dns }) => [deployed, ingress, dns?.zoneId];
const names: Decides = ({ workload: { deployed }, dns, ingress }) => [deployed, dns?.records, dns?.zoneId, ingress];
const wall: Decides = ({ database, old, dns, traffic }) => [database?.role, database?.target, old, shiftOf({ dns, traffic })?.records];
const secrets: Decides = ({ workload: { deployed, secretEnv }, database }) => [
  deployed,
  database === undefined,
  Object.keys(secretEnv).length === 0,
];

interface Kind {
  type: RegExp;
  /** Absent where deleting it stops every step. */
  decides?: Decides;
}

/** What holds data. */
const DATA: Kind[] = [
  { type: /^aws:(rds|dynamodb|s3|ebs|efs|elasticache|docdb|neptune|redshift|opensearch|elasticsearch|fsx|memorydb|msk|mq|kms)\// },
  { type: /^aws:sqs\/|^aws:secretsmanager\/|^aws:kinesis\// },
  { type: /^aws-native:(rds|dynamodb|s3|efs|elasticache|kms|sqs):/ },
  { type: /^kubernetes:core\/v1:(PersistentVolume|Namespace)/ },
  { type: /^kubernetes:apps\/v1:StatefulSet/ },
  { type: /^kubernetes:helm\.sh\//, decides: ({ cluster }) => cluster },
  { type: /^kubernetes:apiextensions\.k8s\.io\/v1:CustomResourceDefinition/, decides: ({ cluster }) => cluster },
];

/** What carries users: pods, what leads to them and what they read. */
const USERS: Kind[] = [
  { type: /^kubernetes:apps\/v1:(Deployment|DaemonSet|ReplicaSet)$|^kubernetes:argoproj\.io\/[^:]+:Rollout$/, decides: workload },
  { type: /^kubernetes:core\/v1:(Service|Pod|ReplicationController)$/, decides: workload },
  { type: /^kubernetes:core\/v1:(Secret|ConfigMap)$/, decides: secrets },
  { type: /^kubernetes:core\/v1:ServiceAccount$/, decides: workload },
  { type: /^kubernetes:networking\.k8s\.io\/v1:Ingress$|^kubernetes:gateway\.networking\.k8s\.io\//, decides: entrance },
  { type: /^aws:lb\/(targetGroup|listenerRule):|^kubernetes:elbv2\.k8s\.aws\/[^:]+:TargetGroupBinding$/, decides: groups },
  { type: /^aws:(acm\/certificate:|lb\/|alb\/|elb\/|cloudfront\/|globalaccelerator\/)/, decides: entrance },
  { type: /^aws:route53\/(record|zone):/, decides: names },
  { type: /^aws:eks\//, decides: ({ spot, cluster }) => [spot, cluster] },
  { type: /^aws:(ec2\/securityGroup|vpc\/securityGroup)/, decides: wall },
  { type: /^aws:(ec2|autoscaling)\/(instance|group):/ },
];

/** Objects that another part of the config decides about too, by their names. */
const OTHERS: { name: RegExp; decides: Decides[] }[] = [
  { name: /(^|-)(argo-rollouts|vpa)(-|$)|\.argoproj\.io$/, decides: [({ cluster }) => cluster] },
  { name: /-(synthetic|verification)/, decides: [({ verification }) => verification] },
];

/**
 * What of these changes stops a step.
 * @param before config in force
 * @param after config that the changes lead to
 */
export function lossesOf(changes: readonly ResourceChange[], before: StackConfig, after: StackConfig): Loss[] {
  return changes.filter((change): change is Loss => {
    if (change.op !== "replace" && change.op !== "delete") return false;
    const kind = [...DATA, ...USERS].find(({ type }) => type.test(change.type));
    if (kind === undefined) return false;
    const reasons = [
      ...(kind.decides === undefined ? [] : [kind.decides]),
      ...(OTHERS.find((o) => o.name.test(change.name))?.decides ?? []),
    ];
    return change.op === "replace" || reasons.every((decides) => canonical(decides(before) ?? null) === canonical(decides(after) ?? null));
  });
}

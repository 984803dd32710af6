/**
 * What a resource is to a migration, by its type, whichever program registers it:
 *
 *   data        holds data: nobody's config says that it goes
 *   instances   an old side's own instances: nobody's config says that they go
 *   cluster     what a cluster shares, CustomResourceDefinitions and charts
 *   nodes       nodes of the cluster
 *   workload    pods, and what leads to them inside the cluster
 *   secrets     what pods read
 *   groups      target groups and what binds and weights them
 *   entrance    what users reach: ingresses, load balancers, certificates
 *   names       records and zones
 *   wall        who may reach what
 *   permissions what pods may do at AWS
 */
export type Role =
  | "data"
  | "instances"
  | "cluster"
  | "nodes"
  | "workload"
  | "secrets"
  | "groups"
  | "entrance"
  | "names"
  | "wall"
  | "permissions";

/** By type; the first that fits counts. */
const ROLES: [RegExp, Role][] = [
  [/^aws:(rds|dynamodb|s3|ebs|efs|elasticache|docdb|neptune|redshift|opensearch|elasticsearch|fsx|memorydb|msk|mq|kms)\//, "data"],
  [/^aws:sqs\/|^aws:secretsmanager\/|^aws:kinesis\//, "data"],
  [/^aws-native:(rds|dynamodb|s3|efs|elasticache|kms|sqs):/, "data"],
  [/^kubernetes:core\/v1:(PersistentVolume|Namespace)/, "data"],
  [/^kubernetes:apps\/v1:StatefulSet/, "data"],
  [/^kubernetes:helm\.sh\//, "cluster"],
  [/^kubernetes:apiextensions\.k8s\.io\/v1:CustomResourceDefinition/, "cluster"],
  [/^kubernetes:apps\/v1:(Deployment|DaemonSet|ReplicaSet)$|^kubernetes:argoproj\.io\/[^:]+:Rollout$/, "workload"],
  [/^kubernetes:core\/v1:(Service|Pod|ReplicationController|ServiceAccount)$/, "workload"],
  [/^kubernetes:core\/v1:(Secret|ConfigMap)$/, "secrets"],
  [/^kubernetes:networking\.k8s\.io\/v1:Ingress$|^kubernetes:gateway\.networking\.k8s\.io\//, "entrance"],
  [/^aws:lb\/(targetGroup|listenerRule):|^kubernetes:elbv2\.k8s\.aws\/[^:]+:TargetGroupBinding$/, "groups"],
  [/^aws:(acm\/certificate:|lb\/|alb\/|elb\/|cloudfront\/|globalaccelerator\/)/, "entrance"],
  [/^aws:route53\/(record|zone):/, "names"],
  [/^aws:iam\/|^aws:eks\/podIdentityAssociation:/, "permissions"],
  [/^aws:eks\//, "nodes"],
  [/^aws:(ec2\/securityGroup|vpc\/securityGroup)/, "wall"],
  [/^aws:(ec2|autoscaling)\/(instance|group):/, "instances"],
];

/** undefined for what neither holds data nor carries users. */
export const roleOf = (type: string): Role | undefined => ROLES.find(([types]) => types.test(type))?.[1];

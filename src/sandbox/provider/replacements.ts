import type { Properties } from "../backend.js";
import type { Difference } from "./properties.js";

/**
 * Properties whose change the real providers answer with a replacement: ForceNew in the schemas of
 * hashicorp/terraform-provider-aws (aws_db_instance, aws_route53_record, aws_security_group, aws_eks_node_group,
 * aws_acm_certificate, aws_db_subnet_group), create-only properties of AWS::CloudWatch::Alarm, and immutable fields
 * of the Kubernetes API.
 */
const REPLACING: Record<string, string[]> = {
  "aws:rds/instance:Instance": [
    "availabilityZone",
    "characterSetName",
    "dbName",
    "kmsKeyId",
    "storageEncrypted",
    "timezone",
    "username",
    "engine",
  ],
  "aws:rds/subnetGroup:SubnetGroup": ["name", "namePrefix"],
  "aws:route53/record:Record": ["zoneId", "name", "type", "setIdentifier"],
  "aws:route53/healthCheck:HealthCheck": ["type", "requestInterval"],
  "aws:ec2/securityGroup:SecurityGroup": ["name", "namePrefix", "description", "vpcId"],
  "aws:acm/certificate:Certificate": ["domainName", "validationMethod", "keyAlgorithm"],
  "aws:acm/certificateValidation:CertificateValidation": ["certificateArn", "validationRecordFqdns"],
  "aws:eks/nodeGroup:NodeGroup": [
    "clusterName",
    "nodeGroupName",
    "nodeRoleArn",
    "subnetIds",
    "capacityType",
    "instanceTypes",
    "amiType",
    "diskSize",
  ],
  "aws-native:cloudwatch:Alarm": ["alarmName"],
  "kubernetes:apps/v1:Deployment": ["spec.selector"],
  "kubernetes:batch/v1:Job": ["spec.selector", "spec.template", "spec.completions", "spec.parallelism"],
  "kubernetes:core/v1:Service": ["spec.clusterIP"],
  "kubernetes:core/v1:Pod": ["spec"],
  "kubernetes:core/v1:Secret": ["type"],
  "kubernetes:core/v1:ConfigMap": ["data", "binaryData"],
  "kubernetes:policy/v1:PodDisruptionBudget": ["spec"],
  "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": ["roleRef"],
  "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": ["roleRef"],
};

const OF_EVERY_OBJECT = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

/** A Secret whose provider was not told that it may change. Source: forceNewProperties in pulumi-kubernetes, pkg/provider/diff.go. */
const FIXED_SECRET = ["type", "stringData", "data"];

/**
 * Whether a difference makes the provider replace the resource.
 * @param settings.secretsMutable the provider's option enableSecretMutable
 */
export function replaces(
  type: string,
  difference: Difference,
  before: Properties,
  after: Properties,
  settings: { secretsMutable: boolean },
): boolean {
  const fixed = type === "kubernetes:core/v1:Secret" && (!settings.secretsMutable || after.immutable === true) ? FIXED_SECRET : [];
  const listed = [...(REPLACING[type] ?? []), ...fixed, ...(type.startsWith("kubernetes:") ? OF_EVERY_OBJECT : [])];
  if (listed.some((p) => difference.path === p || difference.path.startsWith(`${p}.`) || difference.path.startsWith(`${p}[`))) return true;
  // Clearing the source promotes in place; setting or changing it makes another replica.
  return (
    type === "aws:rds/instance:Instance" &&
    difference.path === "replicateSourceDb" &&
    hasValue(after.replicateSourceDb) &&
    after.replicateSourceDb !== before.replicateSourceDb
  );
}

const hasValue = (value: unknown): boolean => value !== undefined && value !== null && value !== "";

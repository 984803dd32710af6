import type { Properties } from "../backend.js";
import type { Difference } from "./properties.js";

/**
 * Properties whose change the real providers answer with a replacement. Sources: ForceNew in the schemas of terraform-provider-aws
 * v6.47 (internal/service/…), which @pulumi/aws bridges; createOnlyProperties of AWS::CloudWatch::Alarm; and `forceNew` in
 * pulumi-kubernetes, provider/pkg/provider/diff.go. test/sandbox/transitions.ts has them row by row.
 */
const REPLACING: Record<string, string[]> = {
  // rds/instance.go
  "aws:rds/instance:Instance": [
    "availabilityZone",
    "backupTarget",
    "characterSetName",
    "customIamInstanceProfile",
    "dbName",
    "engine",
    "kmsKeyId",
    "ncharCharacterSetName",
    "restoreToPointInTime",
    "snapshotIdentifier",
    "storageEncrypted",
    "timezone",
    "username",
  ],
  // rds/subnet_group.go
  "aws:rds/subnetGroup:SubnetGroup": ["name", "namePrefix"],
  // route53/record.go: not the set identifier
  "aws:route53/record:Record": ["zoneId", "name", "type"],
  // route53/health_check.go
  "aws:route53/healthCheck:HealthCheck": ["type", "requestInterval", "measureLatency", "referenceName", "routingControlArn"],
  // ec2/vpc_security_group.go
  "aws:ec2/securityGroup:SecurityGroup": ["name", "namePrefix", "description", "vpcId"],
  // acm/certificate.go
  "aws:acm/certificate:Certificate": [
    "certificateAuthorityArn",
    "domainName",
    "keyAlgorithm",
    "subjectAlternativeNames",
    "validationMethod",
    "validationOptions",
  ],
  // acm/certificate_validation.go
  "aws:acm/certificateValidation:CertificateValidation": ["certificateArn", "validationRecordFqdns"],
  // elbv2/listener_rule.go: the priority changes in place
  "aws:lb/listenerRule:ListenerRule": ["listenerArn"],
  // elbv2/target_group.go
  "aws:lb/targetGroup:TargetGroup": ["name", "namePrefix", "port", "protocol", "protocolVersion", "targetType", "vpcId", "ipAddressType"],
  // eks/node_group.go
  "aws:eks/nodeGroup:NodeGroup": [
    "clusterName",
    "nodeGroupName",
    "nodeGroupNamePrefix",
    "nodeRoleArn",
    "subnetIds",
    "capacityType",
    "instanceTypes",
    "amiType",
    "diskSize",
    "remoteAccess",
  ],
  // eks/pod_identity_association.go: RequiresReplace
  "aws:eks/podIdentityAssociation:PodIdentityAssociation": ["clusterName", "namespace", "serviceAccount"],
  // iam/role.go
  "aws:iam/role:Role": ["name", "namePrefix", "path"],
  // iam/role_policy.go
  "aws:iam/rolePolicy:RolePolicy": ["name", "namePrefix", "role"],
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
  _before: Properties,
  after: Properties,
  settings: { secretsMutable: boolean },
): boolean {
  const fixed = type === "kubernetes:core/v1:Secret" && (!settings.secretsMutable || after.immutable === true) ? FIXED_SECRET : [];
  const listed = [...(REPLACING[type] ?? []), ...fixed, ...(type.startsWith("kubernetes:") ? OF_EVERY_OBJECT : [])];
  return listed.some((p) => difference.path === p || difference.path.startsWith(`${p}.`) || difference.path.startsWith(`${p}[`));
}

/**
 * What the real providers do from one set of inputs to another, each row with its source. The sandbox is held to it.
 *
 * Sources of AWS: file and line in terraform-provider-aws v6.47 (the Go module
 * github.com/hashicorp/terraform-provider-aws@v1.60.1-0.20260602190131-5f2286d6d836, under internal/service), which the installed
 * @pulumi/aws bridges; API references of AWS where the service itself refuses. Of Kubernetes: provider/pkg/provider/diff.go in
 * pulumi-kubernetes f47bc2d6f199.
 */
export interface Transition {
  resource: string;
  what: string;
  /** Absent: it is created. */
  from?: Record<string, unknown>;
  to: Record<string, unknown>;
  outcome: "create" | "update" | "replace" | "no change" | { refused: RegExp };
  source: string;
  /** The service's answer depends on more than the inputs, and is tested elsewhere: what is planned is compared. */
  plannedOnly?: true;
}

const rows: Transition[] = [];

/** Rows of one resource: each change of some inputs, from a whole set of them. */
function of(resource: string, whole: Record<string, unknown>) {
  return (
    what: string,
    from: Record<string, unknown> | undefined,
    to: Record<string, unknown>,
    outcome: Transition["outcome"],
    source: string,
    more: { plannedOnly?: true } = {},
  ): void => {
    const before = from === undefined ? {} : { from: without({ ...whole, ...from }) };
    rows.push({ resource, what, ...before, to: without({ ...whole, ...to }), outcome, source, ...more });
  };
}

const without = (inputs: Record<string, unknown>) => Object.fromEntries(Object.entries(inputs).filter(([, v]) => v !== undefined));

const REPLICA = {
  identifier: "prod-db-replica",
  replicateSourceDb: "arn:aws:rds:us-east-2:123456789012:db:prod-db",
  instanceClass: "db.r6g.large",
  dbSubnetGroupName: "prod-db-replica-subnets",
  vpcSecurityGroupIds: ["sg-0aaa", "sg-0bbb"],
  backupWindow: "03:00-04:00",
  maintenanceWindow: "sun:05:00-sun:06:00",
  storageEncrypted: true,
  skipFinalSnapshot: true,
};
const PRIMARY = {
  ...REPLICA,
  replicateSourceDb: undefined,
  skipFinalSnapshot: false,
  finalSnapshotIdentifier: "final",
  backupRetentionPeriod: 7,
};
const MODIFY = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html";

const database = of("aws:rds/instance:Instance", REPLICA);
database("a replica in another VPC, by its source's ARN", undefined, {}, "create", "rds/instance.go:742 resourceInstanceCreate");
database(
  "a replica with a retention period",
  undefined,
  { backupRetentionPeriod: 7 },
  "create",
  "rds/instance.go: backup_retention_period conflicts with nothing",
);
database(
  "a replica with an engine",
  undefined,
  { engine: "postgres" },
  "create",
  "rds/instance.go:300 engine, in no ConflictsWith of replicate_source_db",
);
database(
  "promotion: the source cleared, with the backup policy",
  {},
  PRIMARY,
  "update",
  "rds/instance.go:2110 resourceInstanceUpdate, PromoteReadReplica",
  {
    plannedOnly: true,
  },
);
database("retention on the replica", {}, { backupRetentionPeriod: 7 }, "update", "rds/instance.go: backup_retention_period");
database(
  "security groups in another order",
  {},
  { vpcSecurityGroupIds: ["sg-0bbb", "sg-0aaa"] },
  "no change",
  "rds/instance.go:697 TypeSet",
);
database("another security group", {}, { vpcSecurityGroupIds: ["sg-0ccc"] }, "update", "rds/instance.go:697");
database(
  "a maintenance window in capitals",
  {},
  { maintenanceWindow: "Sun:05:00-Sun:06:00" },
  "no change",
  "rds/instance.go: maintenance_window StateFunc",
);
database("another instance class", {}, { instanceClass: "db.r6g.xlarge" }, "update", "rds/instance.go: instance_class");
database(
  "another source",
  {},
  { replicateSourceDb: "arn:aws:rds:us-east-2:123456789012:db:other" },
  { refused: /cannot elect new source database for replication|DBInstanceNotFound/ },
  "rds/instance.go:2135",
);
database(
  "a primary that would be a replica again",
  PRIMARY,
  {},
  { refused: /^cannot elect new source database for replication$/ },
  "rds/instance.go:2135",
);
for (const [name, before, after, line] of [
  ["availabilityZone", "us-east-2a", "us-east-2b", 143],
  ["backupTarget", "region", "outposts", 155],
  ["characterSetName", "A", "B", 189],
  ["customIamInstanceProfile", "AWSRDSCustomA", "AWSRDSCustomB", 206],
  ["kmsKeyId", "arn:aws:kms:us-east-2:123456789012:key/1", "arn:aws:kms:us-east-2:123456789012:key/2", 366],
  ["ncharCharacterSetName", "A", "B", 473],
  ["snapshotIdentifier", "a", "b", 646],
  ["storageEncrypted", false, true, 656],
  ["timezone", "UTC", "CET", 673],
  ["engine", "postgres", "mysql", 300],
] as const)
  database(`another ${name}`, { ...PRIMARY, [name]: before }, { ...PRIMARY, [name]: after }, "replace", `rds/instance.go:${line} ForceNew`);
for (const [name, line] of [
  ["username", 695],
  ["dbName", 227],
] as const) {
  database(
    `another ${name} of a primary`,
    { ...PRIMARY, [name]: "a" },
    { ...PRIMARY, [name]: "b" },
    "replace",
    `rds/instance.go:${line} ForceNew`,
  );
  database(
    `a replica with ${name}`,
    undefined,
    { [name]: "a" },
    { refused: /conflicts with replicateSourceDb/ },
    `rds/instance.go:${line} ConflictsWith`,
  );
}
database(
  "restored to a point in time instead",
  PRIMARY,
  { ...PRIMARY, restoreToPointInTime: { useLatestRestorableTime: true } },
  "replace",
  "rds/instance.go:565 ForceNew",
);
database(
  "a backup window that is none",
  undefined,
  { backupWindow: "25:00-26:00" },
  { refused: /must satisfy the format of "hh24:mi-hh24:mi"/ },
  "types/timestamp/timestamp.go:26",
);
database(
  "a maintenance window that is none",
  undefined,
  { maintenanceWindow: "sun:05:00-son:06:00" },
  { refused: /must satisfy the format of "ddd:hh24:mi-ddd:hh24:mi"/ },
  "types/timestamp/timestamp.go:39",
);
database("a window of ten minutes", undefined, { backupWindow: "03:00-03:10" }, { refused: /30 minutes/ }, MODIFY);
database("windows that overlap", undefined, { backupWindow: "05:30-06:30" }, { refused: /must not overlap/ }, MODIFY);
database(
  "no final snapshot's name",
  undefined,
  { skipFinalSnapshot: false },
  { refused: /required unless skipFinalSnapshot/ },
  "rds/instance.go resourceInstanceDelete: final_snapshot_identifier",
);

const RECORD = {
  zoneId: "Z1234567890ABC",
  name: "api.example.com",
  type: "A",
  setIdentifier: "old-infra",
  weightedRoutingPolicies: [{ weight: 90 }],
  ttl: 60,
  records: ["1.2.3.4", "1.2.3.5"],
};
const ALIAS = {
  ttl: undefined,
  records: undefined,
  aliases: [{ name: "lb.us-east-2.elb.amazonaws.com", zoneId: "Z3AADJGX6KTTL2", evaluateTargetHealth: true }],
};
const record = of("aws:route53/record:Record", RECORD);
record("another weight", {}, { weightedRoutingPolicies: [{ weight: 0 }] }, "update", "route53/record.go: weighted_routing_policy", {
  plannedOnly: true,
});
record("another TTL", {}, { ttl: 300 }, "update", "route53/record.go: ttl", { plannedOnly: true });
record("addresses in another order", {}, { records: ["1.2.3.5", "1.2.3.4"] }, "no change", "route53/record.go:277 TypeSet");
record("the name in capitals with its dot", {}, { name: "API.example.com." }, "no change", "route53/record.go:265 StateFunc");
record("addresses turned into an alias", {}, ALIAS, "update", "route53/record.go: records and alias, no ForceNew", { plannedOnly: true });
record("another set identifier", {}, { setIdentifier: "new-infra" }, "update", "route53/record.go: set_identifier, no ForceNew", {
  plannedOnly: true,
});
record("another name", {}, { name: "www.example.com" }, "replace", "route53/record.go:265 ForceNew");
record("another type", {}, { type: "AAAA" }, "replace", "route53/record.go:293 ForceNew");
record("another zone", {}, { zoneId: "Z0" }, "replace", "route53/record.go:321 ForceNew");
record(
  "an alias without a name",
  undefined,
  { ...ALIAS, aliases: [{ name: "", zoneId: "Z3AADJGX6KTTL2", evaluateTargetHealth: true }] },
  { refused: /range \(1 - 1024\)/ },
  "route53/record.go: alias name ValidateFunc",
);
record(
  "a weight of 256",
  undefined,
  { weightedRoutingPolicies: [{ weight: 256 }] },
  { refused: /0 to 255/ },
  "https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html",
);

const check = of("aws:route53/healthCheck:HealthCheck", {
  type: "HTTPS",
  ipAddress: "1.2.3.4",
  port: 443,
  requestInterval: 30,
  measureLatency: false,
  failureThreshold: 3,
});
check("another threshold", {}, { failureThreshold: 2 }, "update", "route53/health_check.go: failure_threshold");
for (const [name, value, line] of [
  ["type", "HTTP", 177],
  ["requestInterval", 10, 147],
  ["measureLatency", true, 114],
] as const)
  check(`another ${name}`, {}, { [name]: value }, "replace", `route53/health_check.go:${line} ForceNew`);

const CERTIFICATE = { domainName: "api.example.com", validationMethod: "DNS", subjectAlternativeNames: ["a.example.com", "b.example.com"] };
const certificate = of("aws:acm/certificate:Certificate", CERTIFICATE);
certificate(
  "alternative names in another order",
  {},
  { subjectAlternativeNames: ["b.example.com", "a.example.com"] },
  "no change",
  "acm/certificate.go:226 TypeSet",
);
certificate("another alternative name", {}, { subjectAlternativeNames: ["a.example.com"] }, "replace", "acm/certificate.go:226 ForceNew");
certificate("another name", {}, { domainName: "www.example.com" }, "replace", "acm/certificate.go:97 ForceNew");
certificate(
  "another key algorithm",
  { keyAlgorithm: "RSA_2048" },
  { keyAlgorithm: "EC_prime256v1" },
  "replace",
  "acm/certificate.go:137 ForceNew",
);
certificate("another tag", { tags: { a: "1" } }, { tags: { a: "2" } }, "update", "acm/certificate.go: tags");

const GROUP = {
  name: "clients",
  description: "Clients",
  vpcId: "vpc-0new1",
  ingress: [
    { protocol: "tcp", fromPort: 5_432, toPort: 5_432, securityGroups: ["sg-0a", "sg-0b"] },
    { protocol: "tcp", fromPort: 5_432, toPort: 5_432, cidrBlocks: ["10.1.0.0/16"] },
  ],
};
const group = of("aws:ec2/securityGroup:SecurityGroup", GROUP);
const swapped = [GROUP.ingress[1], { ...GROUP.ingress[0], securityGroups: ["sg-0b", "sg-0a"] }];
group("rules and their groups in another order", {}, { ingress: swapped }, "no change", "ec2/vpc_security_group.go:127, 173 TypeSet");
group("a rule less", {}, { ingress: [GROUP.ingress[0]] }, "update", "ec2/vpc_security_group.go:127");
group("a way out more", {}, { egress: [GROUP.ingress[0]] }, "update", "ec2/vpc_security_group.go: egress");
for (const [name, value, line] of [
  ["name", "others", 79],
  ["description", "Others", 70],
  ["vpcId", "vpc-0other", 112],
] as const)
  group(`another ${name}`, {}, { [name]: value }, "replace", `ec2/vpc_security_group.go:${line} ForceNew`);
group("a name like an id", undefined, { name: "sg-clients" }, { refused: /cannot begin with sg-/ }, "ec2/vpc_security_group.go:79");
group(
  "a network with host bits",
  undefined,
  { ingress: [{ ...GROUP.ingress[1], cidrBlocks: ["10.1.2.3/16"] }] },
  { refused: /is not a valid CIDR block/ },
  "verify.ValidCIDRNetworkAddress",
);

const subnets = of("aws:rds/subnetGroup:SubnetGroup", { name: "s", subnetIds: ["subnet-0a", "subnet-0b"] });
subnets("subnets in another order", {}, { subnetIds: ["subnet-0b", "subnet-0a"] }, "no change", "rds/subnet_group.go:72 TypeSet");
subnets("another subnet", {}, { subnetIds: ["subnet-0a", "subnet-0c"] }, "update", "rds/subnet_group.go:72");
subnets("another name", {}, { name: "t" }, "replace", "rds/subnet_group.go:56 ForceNew");

const NODES = {
  clusterName: "production",
  nodeGroupName: "spot",
  nodeRoleArn: "arn:aws:iam::123456789012:role/nodes",
  subnetIds: ["subnet-0a", "subnet-0b"],
  instanceTypes: ["m6i.large", "m5.large"],
  capacityType: "SPOT",
  scalingConfig: { minSize: 1, maxSize: 5, desiredSize: 2 },
};
const SCALING = "https://docs.aws.amazon.com/eks/latest/APIReference/API_NodegroupScalingConfig.html";
const nodes = of("aws:eks/nodeGroup:NodeGroup", NODES);
nodes("subnets in another order", {}, { subnetIds: ["subnet-0b", "subnet-0a"] }, "no change", "eks/node_group.go:310 TypeSet");
nodes("another subnet", {}, { subnetIds: ["subnet-0a"] }, "replace", "eks/node_group.go:310 ForceNew");
nodes(
  "more nodes at most",
  {},
  { scalingConfig: { minSize: 1, maxSize: 9, desiredSize: 2 } },
  "update",
  "eks/node_group.go: scaling_config",
);
nodes(
  "more nodes at least than there are",
  {},
  { scalingConfig: { minSize: 3, maxSize: 5, desiredSize: 2 } },
  { refused: /can't be greater than desired size 2/ },
  SCALING,
);
nodes(
  "instance types in another order",
  {},
  { instanceTypes: ["m5.large", "m6i.large"] },
  "replace",
  "eks/node_group.go:95 TypeList, ForceNew",
);
nodes("on demand", {}, { capacityType: "ON_DEMAND" }, "replace", "eks/node_group.go:72 ForceNew");

const alarm = of("aws-native:cloudwatch:Alarm", {
  alarmName: "lag",
  comparisonOperator: "GreaterThanThreshold",
  evaluationPeriods: 5,
  threshold: 10,
  metricName: "ReplicaLag",
});
const TEMPLATE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cloudwatch-alarm.html";
alarm("another threshold", {}, { threshold: 20 }, "update", TEMPLATE);
alarm(
  "an expression for the metric",
  {},
  { metricName: undefined, metrics: [{ id: "a", expression: "1", returnData: true }] },
  "update",
  TEMPLATE,
);
alarm("another name", {}, { alarmName: "others" }, "replace", TEMPLATE);

const METADATA = { name: "web-api", namespace: "production", labels: { app: "web-api" } };
const object = (resource: string, apiVersion: string, kind: string, rest: object) =>
  of(resource, { apiVersion, kind, metadata: METADATA, ...rest });
const budget = object("kubernetes:policy/v1:PodDisruptionBudget", "policy/v1", "PodDisruptionBudget", { spec: { maxUnavailable: 1 } });
budget("another budget", {}, { spec: { maxUnavailable: 2 } }, "replace", "diff.go podDisruptionBudget .spec");
const secret = object("kubernetes:core/v1:Secret", "v1", "Secret", { stringData: { a: "1" }, type: "Opaque" });
secret(
  "another value, where secrets are mutable",
  {},
  { stringData: { a: "2" } },
  "update",
  "diff.go forceNewProperties, enableSecretMutable",
);
secret(
  "another value of one that is immutable",
  { immutable: true },
  { immutable: true, stringData: { a: "2" } },
  "replace",
  "diff.go forceNewProperties, IsImmutable",
);
secret("another type", {}, { type: "kubernetes.io/tls" }, "replace", 'diff.go core "Secret" .type');
secret("another name", {}, { metadata: { ...METADATA, name: "b" } }, "replace", "diff.go metadataForceNewProperties");
const service = object("kubernetes:core/v1:Service", "v1", "Service", {
  spec: { selector: { app: "web-api" }, ports: [{ port: 80, targetPort: 3_000 }] },
});
service("another port", {}, { spec: { selector: { app: "web-api" }, ports: [{ port: 80, targetPort: 8_080 }] } }, "update", "diff.go core");
service("another selector", {}, { spec: { selector: { app: "b" }, ports: [{ port: 80, targetPort: 3_000 }] } }, "update", "diff.go core");

const ROLE = of("aws:iam/role:Role", {
  name: "web-api-production-pods",
  description: "Pods of web-api in production",
  assumeRolePolicy: '{"Version":"2012-10-17","Statement":[]}',
  tags: { "cutover:stack": "web-api-production" },
});
ROLE("a role", undefined, {}, "create", "iam/role.go");
ROLE("whom it trusts", {}, { assumeRolePolicy: '{"Version":"2012-10-17","Statement":[{}]}' }, "update", "iam/role.go: assume_role_policy");
ROLE("a boundary", {}, { permissionsBoundary: "arn:aws:iam::123456789012:policy/bound" }, "update", "iam/role.go: permissions_boundary");
ROLE("another name", {}, { name: "other" }, "replace", "iam/role.go: name, ForceNew");

const ROLE_POLICY = of("aws:iam/rolePolicy:RolePolicy", {
  name: "pods",
  role: "web-api-production-pods",
  policy: '{"Version":"2012-10-17"}',
});
ROLE_POLICY("a policy of it", undefined, {}, "create", "iam/role_policy.go");
ROLE_POLICY("other statements", {}, { policy: '{"Version":"2012-10-17","Statement":[]}' }, "update", "iam/role_policy.go: policy");
ROLE_POLICY("of another role", {}, { role: "other" }, "replace", "iam/role_policy.go: role, ForceNew");

const ASSOCIATION = of("aws:eks/podIdentityAssociation:PodIdentityAssociation", {
  clusterName: "production",
  namespace: "production",
  serviceAccount: "web-api",
  roleArn: "arn:aws:iam::123456789012:role/web-api-production-pods",
  tags: {},
});
ASSOCIATION("an association", undefined, {}, "create", "eks/pod_identity_association.go");
ASSOCIATION(
  "another role",
  {},
  { roleArn: "arn:aws:iam::123456789012:role/other" },
  "update",
  "eks/pod_identity_association.go: UpdatePodIdentityAssociation",
);
ASSOCIATION("another ServiceAccount", {}, { serviceAccount: "other" }, "replace", "eks/pod_identity_association.go: RequiresReplace");
ASSOCIATION("another cluster", {}, { clusterName: "other" }, "replace", "eks/pod_identity_association.go: RequiresReplace");

export const TRANSITIONS: readonly Transition[] = rows;

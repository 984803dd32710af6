import { windowProblem, windowsOverlap } from "../../config/rdsWindows.js";
import type { StackConfig } from "../../config/schema.js";
import type { Properties, ResourceRef } from "../backend.js";
import { afterWeight, isActive } from "../faults.js";
import { listenerRule, RULE, TARGET_GROUP, targetGroup } from "./balancer.js";
import { ranOnce } from "./once.js";
import type { Outcome } from "./outcome.js";
import { rolloutStage } from "./rollout.js";
import { backupSeconds, replicaLag } from "./signals/database.js";
import { noise, type Stored, type WorldState } from "./state.js";

/** `rds:Instance` of `aws:rds/instance:Instance`; how the log and messages name a resource's type. */
export function shortType(type: string): string {
  const [pkg, module = "", name] = type.split(":");
  return pkg === "kubernetes" ? `kubernetes:${name}` : `${module.split("/")[0]}:${name}`;
}

const IAM_ROLE = "aws:iam/role:Role";
const MINUTE = 60;
/** Of an alias to a load balancer, in seconds: Route 53 answers with the TTL of its target, which no record set says. */
const ALIAS_TTL = 60;
type Metadata = { name?: string; namespace?: string; annotations?: Record<string, string> };
const metadataOf = (p: Properties): Metadata => (p.metadata ?? {}) as Metadata;

/** The id a resource gets: from what names it, so that a lost create is found again. */
export function naturalId(ref: ResourceRef, inputs: Properties, state: WorldState): string {
  const { type } = ref;
  if (type === "kubernetes:helm.sh/v3:Release") return `${inputs.namespace}/${inputs.name}`;
  if (type.startsWith("kubernetes:")) {
    const { name, namespace } = metadataOf(inputs);
    return namespace === undefined ? (name ?? "") : `${namespace}/${name}`;
  }
  switch (type) {
    case "aws:rds/instance:Instance":
      return String(inputs.identifier);
    case "aws:rds/subnetGroup:SubnetGroup":
      return String(inputs.name);
    case "aws:route53/record:Record":
      return [inputs.zoneId, inputs.name, inputs.type, inputs.setIdentifier].filter((p) => p !== undefined).join("_");
    case TARGET_GROUP: {
      const name = String(inputs.name ?? `${inputs.namePrefix}${hex(state, `${inputs.vpcId}/${inputs.namePrefix}`, 20)}`);
      return `arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/${name}/${hex(state, name, 16)}`;
    }
    case RULE:
      return `${String(inputs.listenerArn).replace(":listener/", ":listener-rule/")}/${hex(state, `${inputs.listenerArn}/${inputs.priority}`, 16)}`;
    case "aws:eks/nodeGroup:NodeGroup":
      return `${inputs.clusterName}:${inputs.nodeGroupName}`;
    case "aws-native:cloudwatch:Alarm":
      return String(inputs.alarmName);
    case IAM_ROLE:
      return String(inputs.name);
    case "aws:iam/rolePolicy:RolePolicy":
      return `${inputs.role}:${inputs.name}`;
    case "aws:ec2/securityGroup:SecurityGroup":
      return `sg-${hex(state, `${inputs.vpcId}/${inputs.name}`, 17)}`;
    case "aws:acm/certificate:Certificate":
      return `arn:aws:acm:us-east-2:123456789012:certificate/${hex(state, String(inputs.domainName), 12)}`;
    default:
      return hex(state, ref.urn, 16);
  }
}

const hex = (state: WorldState, name: string, length: number): string =>
  Array.from({ length }, (_, i) => Math.floor(noise(state.seed, name, i) * 16).toString(16)).join("");

/** What the real service would answer, or an error with its message. Changes the state where the service would. */
export function outcomeOf(
  type: string,
  id: string,
  before: Stored | undefined,
  inputs: Properties,
  state: WorldState,
  config: StackConfig,
): Outcome {
  const verb = before === undefined ? "Create" : "Update";
  const plain: Outcome = { outputs: { ...before?.outputs, ...inputs }, kinds: [`${shortType(type)}:${verb}`], seconds: 2, restarts: true };
  if (before === undefined || replicasOf(before.inputs) !== replicasOf(inputs)) ranOnce(type, id, inputs, state, config);
  switch (type) {
    case "aws:rds/instance:Instance":
      return database(plain, id, before, inputs, state, config);
    case "aws:route53/record:Record":
      return record(plain, before, inputs, state);
    case "aws:ec2/securityGroup:SecurityGroup":
      requireGroups(inputs, state, config);
      return { ...plain, outputs: { ...plain.outputs, arn: `arn:aws:ec2:us-east-2:123456789012:security-group/${id}` } };
    case "aws:acm/certificate:Certificate":
      return certificate(plain, id, inputs);
    case IAM_ROLE:
      return { ...plain, outputs: { ...plain.outputs, arn: `arn:aws:iam::123456789012:role/${id}` } };
    case TARGET_GROUP:
      return targetGroup(plain, id);
    case RULE:
      return listenerRule(plain, id, inputs, state, config);
    case "aws:eks/nodeGroup:NodeGroup":
      requireSizes(inputs);
      return { ...plain, seconds: 3 * MINUTE, outputs: { ...plain.outputs, status: "ACTIVE" } };
    case "kubernetes:apps/v1:Deployment":
      return pods(plain, before, inputs, state);
    case "kubernetes:argoproj.io/v1alpha1:Rollout":
      return rollout(plain, before, inputs, state, config);
    case "kubernetes:networking.k8s.io/v1:Ingress":
      return ingress(plain, id, inputs, state);
    default:
      if (type.startsWith("kubernetes:")) requireNamespace(inputs, state);
      return plain;
  }
}

/**
 * A rule may name no group that was deleted: InvalidGroup.NotFound of
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
 */
function requireGroups(inputs: Properties, state: WorldState, { old }: StackConfig): void {
  const gone = (old?.securityGroupIds ?? []).find((id) => groupsIn(inputs).includes(id) && !state.old.securityGroups.includes(id));
  if (gone !== undefined) throw new Error(`api error InvalidGroup.NotFound: The security group '${gone}' does not exist`);
}

/** Groups that a group's rules name. */
export const groupsIn = (inputs: Properties): string[] =>
  [inputs.ingress, inputs.egress].flatMap((rules) =>
    ((rules ?? []) as { securityGroups?: string[] }[]).flatMap((rule) => rule.securityGroups ?? []),
  );

/** https://docs.aws.amazon.com/eks/latest/APIReference/API_NodegroupScalingConfig.html */
function requireSizes({ scalingConfig }: Properties): void {
  const { minSize = 0, maxSize = 0, desiredSize = 0 } = (scalingConfig ?? {}) as Record<string, number>;
  if (desiredSize < minSize)
    throw new Error(`InvalidParameterException: Minimum capacity ${minSize} can't be greater than desired size ${desiredSize}`);
  if (desiredSize > maxSize)
    throw new Error(`InvalidParameterException: desired capacity ${desiredSize} can't be greater than max size ${maxSize}`);
}

function database(
  plain: Outcome,
  id: string,
  before: Stored | undefined,
  inputs: Properties,
  state: WorldState,
  config: StackConfig,
): Outcome {
  const replica = inputs.replicateSourceDb !== undefined;
  const was = before?.inputs.replicateSourceDb !== undefined;
  // internal/service/rds/instance.go, resourceInstanceUpdate: planned in place, and refused when it is done.
  if (before !== undefined && replica && before.inputs.replicateSourceDb !== inputs.replicateSourceDb)
    throw new Error("cannot elect new source database for replication");
  const { backupWindow, maintenanceWindow } = inputs;
  for (const window of [backupWindow, maintenanceWindow])
    if (typeof window === "string" && windowProblem(window) !== undefined)
      throw new Error(`InvalidParameterValue: The window ${window} must be at least 30 minutes`);
  if (typeof backupWindow === "string" && typeof maintenanceWindow === "string" && windowsOverlap(backupWindow, maintenanceWindow))
    throw new Error("InvalidParameterValue: The backup window and maintenance window must not overlap.");
  if (replica && String(inputs.replicateSourceDb).split(":").at(-1) !== config.database?.source.identifier)
    throw new Error(`DBInstanceNotFound: DBInstance ${inputs.replicateSourceDb} not found`);
  const outputs = {
    ...plain.outputs,
    arn: `arn:aws:rds:us-east-2:123456789012:db:${id}`,
    address: `${id}.abc123.us-east-2.rds.amazonaws.com`,
    endpoint: `${id}.abc123.us-east-2.rds.amazonaws.com:5432`,
    port: 5_432,
    status: "available",
    engine: "postgres",
  };
  if (!replica) delete (outputs as Properties).replicateSourceDb;
  if (before === undefined) {
    // About 25 minutes for 500 GB.
    const seconds = 5 * MINUTE + ((config.database?.source.sizeGb ?? 100) / 500) * 20 * MINUTE;
    return { ...plain, outputs, seconds, kinds: [replica ? "rds:CreateDBInstanceReadReplica" : "rds:CreateDBInstance"] };
  }
  if (was && !replica) return promote(plain, outputs, state, id, before, config);
  return { ...plain, outputs, kinds: ["rds:ModifyDBInstance"], seconds: MINUTE };
}

/** Without backups of the replica the first one is taken with the promotion, and the instance is `backing-up` for as long. */
function promote(plain: Outcome, outputs: Properties, state: WorldState, id: string, before: Stored, config: StackConfig): Outcome {
  const lag = replicaLag(state, state.now);
  if (state.writes.old) throw new Error(`InvalidDBInstanceState: ${id} cannot be promoted safely: its source still accepts writes`);
  if (lag > 0) throw new Error(`InvalidDBInstanceState: ${id} cannot be promoted safely: it lags ${lag} s behind its source`);
  const firstBackup = before.backupsSince === undefined ? backupSeconds(config) : 0;
  return { ...plain, outputs, kinds: ["rds:PromoteReadReplica"], seconds: 5 * MINUTE + firstBackup };
}

function record(plain: Outcome, before: Stored | undefined, inputs: Properties, state: WorldState): Outcome {
  const name = String(inputs.name);
  const weighted = inputs.setIdentifier !== undefined;
  const others = Object.values(state.resources).filter(
    (r) => r.type === "aws:route53/record:Record" && r.inputs.name === name && r.inputs.type === inputs.type,
  );
  const wouldMix = others.some((r) => (r.inputs.setIdentifier !== undefined) !== weighted) || (weighted && state.old.plainRecord);
  if (wouldMix)
    throw new Error(
      `InvalidChangeBatch: [RRSet with DNS name ${name}., type ${inputs.type} cannot be created because a record set of another routing policy exists with the same name and type]`,
    );
  const weight = (inputs.weightedRoutingPolicies as { weight: number }[] | undefined)?.[0]?.weight ?? 0;
  const slow = isActive(state.faults, "throttled-dns") ? 2 * MINUTE : 0;
  if (inputs.setIdentifier === "new-infra") {
    state.dns.push({ at: state.now, value: weight });
    state.faults = afterWeight(state.faults, weight);
  } else if (inputs.setIdentifier === "old-infra") state.ttl.push({ at: state.now, value: Number(inputs.ttl ?? ALIAS_TTL) });
  const changed = before === undefined ? "route53:CreateRecord" : "route53:ChangeRecord";
  return { ...plain, outputs: { ...plain.outputs, fqdn: name }, kinds: [changed], seconds: 30 + slow };
}

function certificate(plain: Outcome, id: string, inputs: Properties): Outcome {
  const domainName = String(inputs.domainName);
  const option = {
    domainName,
    resourceRecordName: `_validation.${domainName}.`,
    resourceRecordType: "CNAME",
    resourceRecordValue: "_validation.acm-validations.aws.",
  };
  return { ...plain, outputs: { ...plain.outputs, arn: id, domainValidationOptions: [option], status: "ISSUED" }, seconds: MINUTE };
}

interface PodSpec {
  containers: { env?: { valueFrom?: { secretKeyRef?: { name: string; key: string } } }[] }[];
}
interface WorkloadSpec {
  template?: { metadata?: unknown; spec?: PodSpec };
}

function pods(plain: Outcome, before: Stored | undefined, inputs: Properties, state: WorldState): Outcome {
  requireNamespace(inputs, state);
  const spec = inputs.spec as WorkloadSpec;
  // From no pod to one takes as long as any start.
  const starts = before !== undefined && replicasOf(before.inputs) === 0 && replicasOf(inputs) !== 0;
  const restarts = before === undefined || starts || templateOf(before.inputs) !== templateOf(inputs);
  const { namespace } = metadataOf(inputs);
  for (const container of spec.template?.spec?.containers ?? []) {
    for (const variable of container.env ?? []) {
      const wanted = variable.valueFrom?.secretKeyRef;
      if (wanted !== undefined) requireSecret(wanted, namespace ?? "default", state);
    }
  }
  return { ...plain, seconds: restarts ? 40 : 5, restarts };
}

const replicasOf = (inputs: Properties): number | undefined => (inputs.spec as { replicas?: number } | undefined)?.replicas;
const templateOf = (inputs: Properties): string => JSON.stringify((inputs.spec as WorkloadSpec).template);

/** A first version, and the stable one again, come at once; another walks the steps, and is stable when it is through. */
function rollout(plain: Outcome, before: Stored | undefined, inputs: Properties, state: WorldState, config: StackConfig): Outcome {
  const outcome = pods(plain, before, inputs, state);
  if (!outcome.restarts) return outcome;
  const through = state.rolloutAborted !== true && rolloutStage(state, config).pauseLeftMs === 0;
  const stable = before === undefined ? templateOf(inputs) : through ? templateOf(before.inputs) : (state.rollout?.stable ?? "");
  state.rollout = { stable, walks: templateOf(inputs) !== stable };
  delete state.rolloutAborted;
  return outcome;
}

function requireSecret(wanted: { name: string; key: string }, namespace: string, state: WorldState): void {
  const secret = state.resources[`kubernetes:core/v1:Secret|${namespace}/${wanted.name}`];
  const data = (secret?.inputs.stringData ?? secret?.inputs.data ?? {}) as Record<string, string>;
  if (wanted.key in data) return;
  state.now += 10 * MINUTE * 1_000;
  throw new Error(`10 errors occurred: the pods never became ready: couldn't find key ${wanted.key} in Secret ${namespace}/${wanted.name}`);
}

function ingress(plain: Outcome, id: string, inputs: Properties, state: WorldState): Outcome {
  requireNamespace(inputs, state);
  const name = id.split("/").at(-1) ?? id;
  const annotations = metadataOf(inputs).annotations ?? {};
  const action = annotations[`alb.ingress.kubernetes.io/actions.${name}`];
  const groups =
    action === undefined
      ? []
      : (JSON.parse(action) as { forwardConfig: { targetGroups: { serviceName: string; weight: number }[] } }).forwardConfig.targetGroups;
  const named = backendOf(inputs);
  const shareOf = (suffix: string) =>
    groups.filter((g) => g.serviceName.endsWith(suffix)).reduce((sum, g) => sum + g.weight, 0) || (named.endsWith(suffix) ? 100 : 0);
  const green = shareOf("-green");
  if (state.green.at(-1)?.value !== green) {
    state.green.push({ at: state.now, value: green });
    state.faults = afterWeight(state.faults, green, "green");
  }
  // Once a Rollout is routed, its controller writes the action.
  const rollout =
    annotations["cutover.dev/routing"] === "rollout"
      ? 100
      : ["-stable", "-canary", "-ping", "-pong"].reduce((sum, s) => sum + shareOf(s), 0);
  if (state.rolloutShare.at(-1)?.value !== rollout) state.rolloutShare.push({ at: state.now, value: rollout });
  const hostname = `k8s-${id.replace("/", "-")}-${hex(state, id, 10)}.us-east-2.elb.amazonaws.com`;
  return { ...plain, outputs: { ...plain.outputs, status: { loadBalancer: { ingress: [{ hostname }] } } }, seconds: 15, restarts: false };
}

function backendOf(inputs: Properties): string {
  const spec = inputs.spec as { rules?: { http?: { paths?: { backend?: { service?: { name?: string } } }[] } }[] } | undefined;
  return spec?.rules?.[0]?.http?.paths?.[0]?.backend?.service?.name ?? "";
}

const NAMESPACES = ["default", "kube-system", "staging", "production", "monitoring"];

function requireNamespace(inputs: Properties, state: WorldState): void {
  const { namespace } = metadataOf(inputs);
  if (
    namespace === undefined ||
    NAMESPACES.includes(namespace) ||
    state.resources[`kubernetes:core/v1:Namespace|${namespace}`] !== undefined
  )
    return;
  throw new Error(`namespaces "${namespace}" not found`);
}

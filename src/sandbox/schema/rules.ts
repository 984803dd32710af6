import { cidrBlock } from "../../config/primitives.js";
import { QUANTITY_UNITS } from "../../lib/quantityUnits.js";
import type { Properties } from "../backend.js";
import { UNKNOWN } from "../provider/properties.js";
import type { CheckFailure } from "./shape.js";

/** Rules of the real services that a type cannot say. Unknown values pass: they are checked once they are known. */
export function ruleFailures(type: string, inputs: Properties): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const say = (property: string, reason: string): void => void failures.push({ property, reason });
  if (type.startsWith("kubernetes:")) kubernetes(inputs, say);
  switch (type) {
    case "aws:route53/record:Record":
      record(inputs, say);
      break;
    case "aws:rds/instance:Instance":
      database(inputs, say);
      break;
    case "aws:ec2/securityGroup:SecurityGroup":
      securityGroup(inputs, say);
      break;
    case "kubernetes:apps/v1:Deployment":
    case "kubernetes:argoproj.io/v1alpha1:Rollout":
      pods(inputs, say);
      break;
    case "kubernetes:networking.k8s.io/v1:Ingress":
      ingress(inputs, say);
      break;
    case "kubernetes:autoscaling/v2:HorizontalPodAutoscaler":
      autoscaler(inputs, say);
      break;
    default:
  }
  return failures;
}

type Say = (property: string, reason: string) => void;
const isKnown = (value: unknown): boolean => value !== undefined && value !== null && value !== UNKNOWN;

function record(inputs: Properties, say: Say): void {
  const { ttl, aliases, records, setIdentifier, weightedRoutingPolicies } = inputs;
  const alias = Array.isArray(aliases) && aliases.length > 0;
  for (const [i, { name }] of ((Array.isArray(aliases) ? aliases : []) as { name?: unknown }[]).entries())
    if (name === "") say(`aliases[${i}].name`, "expected length of alias.0.name to be in the range (1 - 1024), got");
  if (alias && isKnown(ttl)) say("ttl", "an alias record takes no TTL");
  if (alias && isKnown(records)) say("records", "conflicts with aliases");
  if (!alias && !isKnown(ttl) && ttl !== UNKNOWN) say("ttl", "required for a record that is no alias");
  if (!alias && !isKnown(records) && records !== UNKNOWN) say("records", "required for a record that is no alias");
  if (typeof ttl === "number" && (ttl < 1 || ttl > 2_147_483_647 || !Number.isInteger(ttl)))
    say("ttl", `expected whole seconds from 1, got ${ttl}`);
  if (Array.isArray(weightedRoutingPolicies)) {
    if (!isKnown(setIdentifier)) say("setIdentifier", "required with a routing policy");
    for (const [i, policy] of (weightedRoutingPolicies as { weight: unknown }[]).entries()) {
      const { weight } = policy;
      if (typeof weight === "number" && (!Number.isInteger(weight) || weight < 0 || weight > 255))
        say(`weightedRoutingPolicies[${i}].weight`, `expected a whole number from 0 to 255, got ${weight}`);
    }
  } else if (isKnown(setIdentifier)) say("setIdentifier", "only with a routing policy");
}

/** Each time of day that exists as TIME. Source: internal/types/timestamp/timestamp.go in terraform-provider-aws. */
const times = (window: string): string => window.replaceAll(/(?<!\d)([01]\d|2[0-3]):[0-5]\d(?!\d)/g, "TIME");

function database(inputs: Properties, say: Say): void {
  const { replicateSourceDb, backupRetentionPeriod, username, dbName } = inputs;
  if (replicateSourceDb !== undefined) {
    for (const [name, value] of Object.entries({ username, dbName }))
      if (isKnown(value)) say(name, "conflicts with replicateSourceDb: a replica takes it from its source");
    if (isKnown(inputs.dbSubnetGroupName) && isKnown(replicateSourceDb) && !String(replicateSourceDb).startsWith("arn:"))
      say("replicateSourceDb", "DBSubnetGroupNotAllowedFault: with a subnet group of its own a replica names its source by ARN");
  }
  if (typeof inputs.backupWindow === "string" && inputs.backupWindow !== UNKNOWN && !/^(TIME-TIME|)$/.test(times(inputs.backupWindow)))
    say("backupWindow", `(${inputs.backupWindow}) must satisfy the format of "hh24:mi-hh24:mi"`);
  if (typeof inputs.maintenanceWindow === "string" && inputs.maintenanceWindow !== UNKNOWN) {
    const days = times(inputs.maintenanceWindow).replaceAll(/(?<![a-z])(sun|mon|tue|wed|thu|fri|sat):TIME/gi, "DAY");
    if (!/^(DAY-DAY|)$/.test(days))
      say("maintenanceWindow", `(${inputs.maintenanceWindow}) must satisfy the format of "ddd:hh24:mi-ddd:hh24:mi"`);
  }
  if (typeof backupRetentionPeriod === "number" && (backupRetentionPeriod < 0 || backupRetentionPeriod > 35))
    say("backupRetentionPeriod", `expected 0 to 35 days, got ${backupRetentionPeriod}`);
  if (inputs.skipFinalSnapshot !== true && !isKnown(inputs.finalSnapshotIdentifier))
    say("finalSnapshotIdentifier", "required unless skipFinalSnapshot is true");
}

/** Source: internal/service/ec2/vpc_security_group.go and internal/verify/validate.go, ValidCIDRNetworkAddress. */
function securityGroup(inputs: Properties, say: Say): void {
  if (typeof inputs.name === "string" && inputs.name.startsWith("sg-")) say("name", "invalid value for name (cannot begin with sg-)");
  for (const direction of ["ingress", "egress"] as const) {
    for (const [i, rule] of ((inputs[direction] ?? []) as { cidrBlocks?: string[] }[]).entries()) {
      for (const block of rule.cidrBlocks ?? []) {
        if (block === UNKNOWN || cidrBlock.safeParse(block).success) continue;
        say(`${direction}[${i}].cidrBlocks`, `"${block}" is not a valid CIDR block`);
      }
    }
  }
}

const LABEL = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

function kubernetes(inputs: Properties, say: Say): void {
  const name = (inputs.metadata as { name?: unknown } | undefined)?.name;
  if (typeof name === "string" && name !== UNKNOWN && (!LABEL.test(name) || name.length > 253))
    say("metadata.name", `expected a lower-case RFC 1123 name, got ${JSON.stringify(name)}`);
}

interface PodsSpec {
  selector?: { matchLabels?: Record<string, string> };
  template?: {
    metadata?: { labels?: Record<string, string> };
    spec?: {
      containers?: {
        name: string;
        env?: { name: string }[];
        resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
      }[];
    };
  };
}

function pods(inputs: Properties, say: Say): void {
  const spec = inputs.spec as PodsSpec;
  const labels = spec.template?.metadata?.labels ?? {};
  for (const [key, value] of Object.entries(spec.selector?.matchLabels ?? {})) {
    if (labels[key] !== value) say("spec.selector", `does not match the template's labels: ${key}=${value} is not among them`);
  }
  for (const [i, container] of (spec.template?.spec?.containers ?? []).entries()) {
    const path = `spec.template.spec.containers[${i}]`;
    const names = (container.env ?? []).map((e) => e.name);
    const twice = names.find((n, j) => names.indexOf(n) !== j);
    if (twice !== undefined) say(`${path}.env`, `${twice} is given twice`);
    for (const [resource, amount] of Object.entries(container.resources?.requests ?? {})) {
      const limit = container.resources?.limits?.[resource];
      if (limit !== undefined && quantity(amount) > quantity(limit))
        say(`${path}.resources.requests.${resource}`, `${amount} is above the limit of ${limit}`);
    }
  }
}

/** A Kubernetes quantity as a number of its unit. */
export function quantity(text: string): number {
  const match = /^([\d.]+)([A-Za-z]*)$/.exec(text);
  return match === null ? Number.NaN : Number(match[1]) * (QUANTITY_UNITS[match[2] ?? ""] ?? 1);
}

/** Annotations of the AWS Load Balancer Controller that are in use; a misspelt one would be ignored in silence. */
const ALB = [
  "scheme",
  "target-type",
  "certificate-arn",
  "listen-ports",
  "ssl-redirect",
  "healthcheck-path",
  "healthcheck-interval-seconds",
  "healthcheck-timeout-seconds",
  "healthy-threshold-count",
  "unhealthy-threshold-count",
  "success-codes",
  "target-group-attributes",
  "ssl-policy",
  "ip-address-type",
  "healthcheck-protocol",
  "group.name",
  "tags",
  "subnets",
  "security-groups",
  "load-balancer-attributes",
  "backend-protocol-version",
  "target-group-attributes",
];
const ALB_PREFIX = "alb.ingress.kubernetes.io/";

function ingress(inputs: Properties, say: Say): void {
  const annotations = ((inputs.metadata as { annotations?: Record<string, string> } | undefined)?.annotations ?? {}) as Record<
    string,
    string
  >;
  for (const [key, value] of Object.entries(annotations)) {
    if (!key.startsWith(ALB_PREFIX)) continue;
    const name = key.slice(ALB_PREFIX.length);
    if (name.startsWith("actions.")) forwardAction(key, value, say);
    else if (!ALB.includes(name)) say(`metadata.annotations["${key}"]`, "unknown annotation of the AWS Load Balancer Controller");
  }
}

function forwardAction(key: string, value: string, say: Say): void {
  const path = `metadata.annotations["${key}"]`;
  if (value.includes(UNKNOWN)) return;
  try {
    const { forwardConfig } = JSON.parse(value) as { forwardConfig?: { targetGroups?: { weight?: unknown }[] } };
    for (const { weight } of forwardConfig?.targetGroups ?? []) {
      if (typeof weight !== "number" || !Number.isInteger(weight) || weight < 0 || weight > 999)
        say(path, `expected target group weights from 0 to 999, got ${JSON.stringify(weight)}`);
    }
  } catch {
    say(path, "expected a JSON action");
  }
}

function autoscaler(inputs: Properties, say: Say): void {
  const { minReplicas, maxReplicas } = inputs.spec as { minReplicas?: number; maxReplicas: number };
  if (minReplicas !== undefined && minReplicas > maxReplicas)
    say("spec.minReplicas", `${minReplicas} is above maxReplicas, ${maxReplicas}`);
}

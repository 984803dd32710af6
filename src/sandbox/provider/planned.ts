import { canonical } from "../../config/stackFile.js";
import type { Properties } from "../backend.js";
import { type Difference, differences } from "./properties.js";
import { replaces } from "./replacements.js";

/**
 * What a provider would do to get from one set of inputs to another, as far as its schema says it; what the service behind it
 * refuses is the world's to say. Held against the real providers' sources by test/sandbox/transitions.test.ts. Pure.
 */
export interface Planned {
  differences: Difference[];
  /** Those that force a replacement. */
  replacing: Difference[];
}

/** Lists without an order: TypeSet in the schemas of terraform-provider-aws. `*` is each element of a list. */
const SETS: Record<string, string[]> = {
  "aws:acm/certificate:Certificate": ["subjectAlternativeNames"],
  "aws:acm/certificateValidation:CertificateValidation": ["validationRecordFqdns"],
  "aws:ec2/securityGroup:SecurityGroup": ["ingress.*.securityGroups", "egress.*.securityGroups", "ingress", "egress"],
  "aws:eks/nodeGroup:NodeGroup": ["subnetIds", "taints"],
  "aws:lb/listenerRule:ListenerRule": ["conditions", "actions.*.forward.targetGroups"],
  "aws:rds/instance:Instance": ["vpcSecurityGroupIds", "enabledCloudwatchLogsExports"],
  "aws:rds/subnetGroup:SubnetGroup": ["subnetIds"],
  "aws:route53/healthCheck:HealthCheck": ["regions", "childHealthchecks"],
  "aws:route53/record:Record": ["records"],
};

/** Values that the provider writes in one way before it compares them: StateFunc and DiffSuppressFunc there. */
const WRITTEN: Record<string, Record<string, (value: string) => string>> = {
  // internal/service/route53/record.go:265
  "aws:route53/record:Record": { name: (name) => name.toLowerCase().replace(/\.$/, "") },
  // internal/service/rds/instance.go: maintenance_window
  "aws:rds/instance:Instance": { maintenanceWindow: (window) => window.toLowerCase() },
};

export function planned(
  type: string,
  before: Properties,
  after: Properties,
  settings: { secretsMutable: boolean; ignored?: readonly string[] },
): Planned {
  const ignored = new Set(settings.ignored ?? []);
  const [was, will] = [normal(type, before), normal(type, after)];
  const found = differences(was, will).filter((d) => !ignored.has(d.path));
  return { differences: found, replacing: found.filter((d) => replaces(type, d, was, will, settings)) };
}

function normal(type: string, inputs: Properties): Properties {
  const copy = structuredClone(inputs);
  for (const path of SETS[type] ?? []) sortAt(copy, path.split("."));
  for (const [key, written] of Object.entries(WRITTEN[type] ?? {})) {
    const value = copy[key];
    if (typeof value === "string") copy[key] = written(value);
  }
  return copy;
}

function sortAt(object: unknown, [key = "", ...rest]: string[]): void {
  if (typeof object !== "object" || object === null) return;
  if (key === "*") {
    for (const element of Object.values(object)) sortAt(element, rest);
    return;
  }
  const inner = (object as Properties)[key];
  if (rest.length > 0) sortAt(inner, rest);
  else if (Array.isArray(inner)) inner.sort((a, b) => (canonical(a) < canonical(b) ? -1 : 1));
}

import { z } from "zod";
import { type InputIssue, printable, UserError } from "../errors.js";
import { looksSecret } from "../lib/secrets.js";
import { ADMIN_PASSWORD, CONNECTION_KEYS } from "./connection.js";
import { secretKeysOf } from "./files.js";
import { identity, identityChecks } from "./identity.js";
import { movedFoldersOf } from "./movedFolders.js";
import { hostsOf, namesOf, publicZoneOf } from "./names.js";
import { ownGateChecks } from "./ownGateChecks.js";
import { processChecks } from "./processChecks.js";
import * as p from "./processes.js";
import { windowProblem, windowsOverlap } from "./rdsWindows.js";
import * as s from "./sections.js";
import { groupsOf } from "./shift.js";

const sections = z.strictObject({
  application: s.application,
  cluster: s.cluster,
  workload: s.workload,
  processes: p.processes,
  volumes: p.volumes,
  identity,
  handover: p.handover,
  ingress: s.ingress.optional(),
  database: s.database.optional(),
  stores: s.stores,
  questions: s.questions,
  old: s.oldInfrastructure.optional(),
  strategy: s.strategy,
  dns: s.dns.optional(),
  traffic: s.traffic.optional(),
  sources: s.sources,
  gates: s.gates,
  alerts: s.alerts,
  autoscaling: s.autoscaling,
  spot: s.spot.optional(),
  verification: s.verification,
  drain: s.drain,
  cleanup: s.cleanup,
  rollback: s.rollback,
  approvals: s.approvals,
  calendar: s.calendar,
  policies: s.policies,
  tags: s.tags,
  /** Values by key of the Kubernetes Secret NAME-secrets; only ever `secure:` in a file. `database-url` is built from `database`; `database-password` is in it where pods ask for it, `database-admin-password` never. */
  secrets: z.record(z.string().regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/, "a secret key, for example redis-url"), z.string()).default({}),
});

/** One application's stack config in one environment: the only statement of desired state. */
export const stackConfigSchema = sections.superRefine((config, context) => {
  for (const { path, accepted } of crossChecks(config)) context.addIssue({ code: "custom", path, message: accepted });
});

export type StackConfig = z.output<typeof stackConfigSchema>;
export type StackConfigInput = z.input<typeof stackConfigSchema>;
/** The sections, which are also the keys under `cutover:` in a stack's file. */
export const SECTIONS = Object.keys(stackConfigSchema.shape) as (keyof StackConfig)[];

/** `web-api-production`: one stack per application and environment. */
export function stackName(config: Pick<StackConfig, "application">): string {
  return `${config.application.name}-${config.application.environment}`;
}

/** Tag of every AWS resource of a stack's program, with the stack's name: what tells its own from others of the same name. */
export const STACK_TAG = "cutover:stack";

export function namespaceOf(config: Pick<StackConfig, "application">): string {
  return config.application.namespace ?? config.application.environment;
}

function* crossChecks(
  config: z.output<z.ZodObject<typeof stackConfigSchema.shape>>,
): Generator<{ path: (string | number)[]; accepted: string }> {
  const { dns, old, database, ingress, workload, strategy, spot } = config;
  if (dns !== undefined && ingress === undefined)
    yield { path: ["dns"], accepted: "no dns section without an ingress section: there is no host to answer for" };
  if (dns !== undefined && old === undefined) yield { path: ["old"], accepted: "the old infrastructure: dns moves traffic away from it" };
  const names = namesOf({ dns, ingress }).map((n) => `${n.name} in ${n.zoneId}`);
  const twice = names.findIndex((n, i) => names.indexOf(n) !== i);
  if (twice > 0) yield { path: ["dns", "also", twice - 1, "name"], accepted: "each name once in each zone" };
  // https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html: the record must be in public DNS.
  const unproven = dns === undefined ? undefined : hostsOf({ dns, ingress }).find((h) => publicZoneOf({ dns, ingress }, h) === undefined);
  if (unproven !== undefined && ingress?.certificateArn === undefined)
    yield {
      path: ["ingress", "certificateArn"],
      accepted: `a certificate that covers ${unproven}: only a private zone has that name, so none can be requested for it`,
    };
  yield* trafficChecks(config);
  const { sources } = config;
  if (sources.new?.kind === "load-balancer" && ingress === undefined)
    yield { path: ["sources", "new"], accepted: "a source of kind prometheus: without an ingress section there is no load balancer" };
  for (const { volume } of movedFoldersOf(config))
    if (old === undefined || database === undefined)
      yield {
        path: ["volumes", volume, "copy"],
        accepted:
          "files move inside the database's window, so beside old and database; without them people copy the files, as an entry of stores of kind files",
      };
  if (sources.old?.kind === "prometheus" && sources.old.labels === undefined && sources.old.expressions === undefined)
    yield { path: ["sources", "old", "labels"], accepted: "labels that select the old side's series, or expressions" };
  if (dns !== undefined && dns.weights.new > 0 && dns.records !== "both" && dns.records !== "new")
    yield { path: ["dns", "weights", "new"], accepted: 'weight on the new side only while its record exists (records "both" or "new")' };
  if (dns !== undefined && dns.weights.old > 0 && dns.records === "new")
    yield { path: ["dns", "weights", "old"], accepted: 'weight 0 for the old side once its record is gone (records "new")' };
  if (dns !== undefined && dns.records !== "none" && dns.records !== "old" && !workload.deployed)
    yield { path: ["dns", "records"], accepted: "a new record only while the workload is deployed" };
  if (database !== undefined && database.active === "new" && database.role !== "primary")
    yield { path: ["database", "active"], accepted: '"old" until the target is the primary (role "primary")' };
  if (database !== undefined && database.source.identifier === database.target.identifier)
    yield { path: ["database", "target", "identifier"], accepted: "another identifier than the source's" };
  const { securityGroupIds = [], cidrBlocks = [] } = database?.target.oldSide ?? {};
  if (database !== undefined && old !== undefined && securityGroupIds.length + cidrBlocks.length === 0)
    yield {
      path: ["database", "target", "oldSide"],
      accepted:
        "securityGroupIds or cidrBlocks of the old fleet and of the old database: both connect to the promoted one until the clean-up",
    };
  for (const [path, window] of database === undefined
    ? []
    : [
        [["database", "backup", "window"], database.backup.window] as const,
        [["database", "maintenanceWindow"], database.maintenanceWindow] as const,
      ]) {
    const accepted = windowProblem(window);
    if (accepted !== undefined) yield { path: [...path], accepted };
  }
  if (database !== undefined && windowsOverlap(database.backup.window, database.maintenanceWindow))
    yield {
      path: ["database", "maintenanceWindow"],
      accepted: `a window beside the backup's (${database.backup.window}): RDS refuses both at once`,
    };
  if (database !== undefined && config.secrets["database-password"] === undefined)
    yield {
      path: ["secrets", "database-password"],
      accepted: "the database user's password, as a secret (pulumi config set --secret --path 'cutover:secrets.database-password')",
    };
  const made = database === undefined ? [] : [...CONNECTION_KEYS, ...Object.keys(database.forms)];
  for (const { key, path } of secretKeysOf(config)) {
    if (key === ADMIN_PASSWORD)
      yield { path, accepted: `another key of secrets: ${ADMIN_PASSWORD} is the service's own, and never reaches the pods` };
    if (config.secrets[key] === undefined && !made.includes(key))
      yield {
        path,
        accepted: `a key of secrets (${Object.keys(config.secrets).join(", ") || "none given"})${database === undefined ? "" : " or of the database: database-url, database-host and the like"}`,
      };
  }
  yield* processChecks(config);
  yield* identityChecks(config);
  yield* ownGateChecks(config);
  if (ingress !== undefined && workload.preStopSeconds <= ingress.deregistrationSeconds)
    yield {
      path: ["workload", "preStopSeconds"],
      accepted: `more than ingress.deregistrationSeconds (${ingress.deregistrationSeconds}): pods leave only after the load balancer has let go of them`,
    };
  if (workload.terminationGraceSeconds <= workload.preStopSeconds)
    yield {
      path: ["workload", "terminationGraceSeconds"],
      accepted: `more than workload.preStopSeconds (${workload.preStopSeconds}): the application stops after the pause`,
    };
  if (strategy.kind === "blue-green") {
    if (strategy.greenWeight > 0 && !strategy.green) yield { path: ["strategy", "greenWeight"], accepted: "0 until green is deployed" };
    if (!strategy.blue && strategy.greenWeight !== 100) yield { path: ["strategy", "blue"], accepted: "true until green carries 100 %" };
  }
  if (spot !== undefined && config.application.criticality === "high")
    yield { path: ["spot"], accepted: "no spot section for an application of high criticality" };
}

/** Users of a load balancer that stays: by target groups alone, of one load balancer, and with what they need. */
function* trafficChecks({
  traffic,
  dns,
  old,
  ingress,
  workload,
}: z.output<z.ZodObject<typeof stackConfigSchema.shape>>): Generator<{ path: (string | number)[]; accepted: string }> {
  const groups = groupsOf({ traffic });
  if (traffic?.kind === "dns" && dns === undefined) yield { path: ["dns"], accepted: "a dns section: traffic.kind is dns" };
  if (groups === undefined) return;
  const { listenerArn, ruleArn, oldTargetGroupArn, records, weights } = groups;
  if (dns !== undefined)
    yield {
      path: ["dns"],
      accepted: "no dns section beside traffic.kind target-groups: the names go on leading to the load balancer that stays",
    };
  if (old === undefined) yield { path: ["old"], accepted: "the old infrastructure: target groups move traffic away from it" };
  if (ingress === undefined)
    yield {
      path: ["ingress"],
      accepted: "an ingress section: its host, its health check and its deregistration count for the new target group",
    };
  if ((ingress?.routes ?? []).length > 0)
    yield {
      path: ["ingress", "routes"],
      accepted:
        "no routes beside traffic.kind target-groups, whose rule sends to the web process alone: move by the name (traffic.kind dns)",
    };
  if (ingress !== undefined && ingress.protocolVersion !== "HTTP1")
    yield {
      path: ["ingress", "protocolVersion"],
      accepted: "HTTP1 beside traffic.kind target-groups: for another protocol move by the name (traffic.kind dns)",
    };
  const listener = listenerArn.split(":listener/").at(-1) ?? "";
  if (ruleArn !== undefined && !ruleArn.includes(`:listener-rule/${listener}/`))
    yield { path: ["traffic", "ruleArn"], accepted: `a rule of the listener ${listener}` };
  if (placeOf(oldTargetGroupArn) !== placeOf(listenerArn))
    yield {
      path: ["traffic", "oldTargetGroupArn"],
      accepted: `a target group of the listener's region and account (${placeOf(listenerArn)})`,
    };
  if (weights.new > 0 && records === "none")
    yield { path: ["traffic", "weights", "new"], accepted: 'weight on the new side only while the rule has it (records "both" or "new")' };
  if (weights.old > 0 && records === "new")
    yield { path: ["traffic", "weights", "old"], accepted: 'weight 0 for the old side once it left the rule (records "new")' };
  if (records !== "none" && !workload.deployed)
    yield { path: ["traffic", "records"], accepted: "a rule of the new side's only while the workload is deployed" };
}

/** Region and account of an ARN. */
const placeOf = (arn: string): string => arn.split(":").slice(3, 5).join(" ");

/** Unknown keys that are left out one look after another: a key may hide others below it. */
const MOST_LOOKS = 10;

/**
 * Reads a config that was checked when it entered a journal, perhaps by another version: what sections must have in common
 * is not asked again.
 * @param strange is told of each key that this version does not know, which is left out. @default they are refused
 * @throws UserError for a value that this version cannot read
 */
export function readStackConfig(input: Record<string, unknown>, file: string, strange?: (path: string) => void): StackConfig {
  const known = withWeb(structuredClone(input));
  for (let look = 0; ; look += 1) {
    const result = sections.safeParse(known);
    if (result.success) return result.data;
    const unknown = result.error.issues.flatMap((issue) => (issue.code === "unrecognized_keys" ? [issue] : []));
    if (unknown.length === 0 || look === MOST_LOOKS || strange === undefined)
      throw new UserError(issuesOf(result.error, known), { summary: `${file} cannot be read by this version of cutover.` });
    for (const { path, keys } of unknown) {
      const at = path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], known);
      for (const key of keys) {
        strange([...path, key].map(String).join("."));
        delete (at as Record<string, unknown>)[key];
      }
    }
  }
}

/**
 * Checks a stack config and fills in the defaults.
 * @param file what to call the input in messages, for example stacks/Pulumi.web-api-production.yaml
 * @throws UserError naming every wrong value's path, what it was and what is accepted
 */
export function parseStackConfig(input: unknown, file: string): StackConfig {
  const result = stackConfigSchema.safeParse(withWeb(input));
  if (result.success) return result.data;
  throw new UserError(issuesOf(result.error, input), { summary: `${file} is not a valid stack config.` });
}

/** `processes.web` says what `workload` says: both are the web process. What both say is refused. */
function withWeb<T>(input: T): T {
  const { workload, processes } = input as { workload?: Record<string, unknown>; processes?: Record<string, unknown> };
  if (!isMap(processes) || !isMap(processes.web) || !isMap(workload ?? {})) return input;
  const { web, ...others } = processes;
  const twice = Object.keys(web as object).filter((key) => key in (workload ?? {}));
  if (twice.length > 0)
    throw new UserError(
      twice.map((key) => ({ path: `processes.web.${key}`, got: "a value", accepted: `one place: workload.${key} says it too` })),
    );
  return { ...input, workload: { ...(web as object), ...workload }, processes: others };
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** Turns zod's issues into ours: dotted path, what stood there, what is accepted. Values under `secrets` are never shown. */
export function issuesOf(error: z.ZodError, input: unknown): InputIssue[] {
  return error.issues.flatMap((issue): InputIssue[] => {
    const path = issue.path.map(String);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ path: [...path, key].join("."), got: "an unknown key", accepted: knownKeys(path) }));
    }
    const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key as string], input);
    const got = value === undefined ? undefined : shown(path, value);
    return [
      {
        path: path.join(".") || "config",
        ...(got === undefined ? {} : { got }),
        accepted: acceptedInWords(issue.message),
      },
    ];
  });
}

const TYPES: Record<string, string> = {
  string: "a text",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  record: "a map",
};

/** What is accepted, of an issue's message: zod's own words where the schema has none. */
export const acceptedInWords = (message: string): string =>
  message
    .replace(/^Invalid input: expected (\w+), received .*$/, (_, type: string) => TYPES[type] ?? type)
    .replace(/^Invalid input: expected /, "")
    .replace(/^Too small: expected string to have >=1 characters$/, "a text")
    .replace(/^Invalid string: must start with "(.+)"$/, "a text that starts with $1");

/** A value as a message may show it: nothing under `secrets`, and nothing that holds a credential. */
function shown(path: string[], value: unknown): string {
  const text = printable(value);
  return path[0] === "secrets" || looksSecret(path.at(-1) ?? "", typeof value === "string" ? value : text) ? "(hidden)" : text;
}

/** The keys that are known at a path: of every kind of a section, where it has several. */
function knownKeys(path: string[]): string {
  let at: unknown[] = [stackConfigSchema];
  for (const part of path) at = at.flatMap((schema) => inside(schema, part));
  const keys = [...new Set(at.flatMap((schema) => shapesOf(schema).flatMap((shape) => Object.keys(shape))))];
  return keys.length > 0 ? `one of ${keys.join(", ")}` : "no such key";
}

interface Schema {
  shape?: Record<string, unknown>;
  def?: { innerType?: unknown; options?: unknown[]; element?: unknown; valueType?: unknown };
}

/** Schemas behind optional, default and prefault wrappers; each of a union's own. */
function unwrapped(schema: unknown): Schema[] {
  const { shape, def } = schema as Schema;
  if (shape !== undefined) return [schema as Schema];
  if (def?.options !== undefined) return def.options.flatMap(unwrapped);
  if (def?.innerType !== undefined) return unwrapped(def.innerType);
  return [schema as Schema];
}

const shapesOf = (schema: unknown) => unwrapped(schema).flatMap(({ shape }) => (shape === undefined ? [] : [shape]));

/** What stands at a key of a map, or at a place of a list. */
const inside = (schema: unknown, part: string): unknown[] =>
  unwrapped(schema).flatMap((s) => {
    const found = s.shape === undefined ? (s.def?.element ?? s.def?.valueType) : s.shape[part];
    return found === undefined ? [] : [found];
  });

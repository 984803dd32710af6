import * as pulumi from "@pulumi/pulumi";
import { type Declared, type Finding, POLICIES } from "./policies.js";
import { type Properties, SEALED, UNKNOWN } from "./resource.js";

/** Lets one policy pass, for one resource or for all, for a reason that stands in the stack config and so in the journal. */
export interface Waiver {
  policy: string;
  /** Name of the resource in the program. @default every resource */
  resource?: string | undefined;
  reason: string;
}

export interface Violated extends Finding {
  policy: string;
  resource: string;
  type: string;
}

/** What speaks against a resource, apart from what was waived. Pure. */
export function violationsOf(name: string, resource: Declared, waivers: readonly Waiver[]): Violated[] {
  const isWaived = (policy: string) => waivers.some((w) => w.policy === policy && (w.resource === undefined || w.resource === name));
  return POLICIES.filter((p) => !isWaived(p.name)).flatMap((policy) =>
    policy.check(resource).map((finding) => ({ ...finding, policy: policy.name, resource: name, type: resource.type })),
  );
}

export function explained({ policy, resource, type, path, got, accepted }: Violated): string {
  return `policy ${policy}: ${resource} (${type}) ${path}: ${got === undefined ? "" : `got ${got}; `}accepted: ${accepted}`;
}

const NEXT = "Mend it, or waive the policy by name with a reason under cutover:policies.";

/**
 * Checks every resource of the running program before the engine hears of it, whoever makes it. A violation fails the
 * preview or the update with the policy's name.
 *
 * A transformation in the program, not the engine's own resource transform: language hosts before 3.106 do not pass
 * those on.
 */
export function enforcePolicies(waivers: readonly Waiver[]): void {
  const made = new Set<pulumi.Resource>();
  pulumi.runtime.registerStackTransformation(({ resource, type, name, props, opts }) => {
    const { id, import: imported } = opts as pulumi.CustomResourceOptions;
    if (type === TARGET_GROUP && id === undefined && imported === undefined) made.add(resource);
    const verdict = resolved(withoutOwnGroup(props, made)).then((plain) => {
      const found = violationsOf(name, { type, props: plain as Properties }, waivers);
      if (found.length > 0) throw new pulumi.RunError([...found.map(explained), NEXT].join("\n"));
    });
    // Registered only once the verdict is there: one property waits for it.
    const waiting = Object.keys(props).find((key) => ["string", "number", "boolean"].includes(typeof props[key])) ?? Object.keys(props)[0];
    if (waiting === undefined) return undefined;
    return { props: { ...props, [waiting]: pulumi.all([props[waiting], verdict]).apply(([value]) => value) }, opts };
  });
}

const TARGET_GROUP = "aws:lb/targetGroup:TargetGroup";

/** A target group that this program makes holds nobody else's targets: its ARN counts as not known, also once it is. */
function withoutOwnGroup(props: Properties, made: ReadonlySet<pulumi.Resource>): Properties {
  const { spec } = props;
  const arn = (spec as Properties | undefined)?.targetGroupARN;
  if (!pulumi.Output.isInstance(arn)) return props;
  const { resources } = arn as unknown as { resources(): Set<pulumi.Resource> };
  const isOwn = [...resources.call(arn)].some((r) => made.has(r));
  return isOwn ? { ...props, spec: { ...(spec as Properties), targetGroupARN: UNKNOWN } } : props;
}

/** What an Output says about itself; Pulumi declares these for its own use. */
interface Knowable {
  isKnown: Promise<boolean>;
  isSecret: Promise<boolean>;
  promise(): Promise<unknown>;
}

/** Properties with every output resolved: UNKNOWN while it is not known, SEALED when it is a secret. */
async function resolved(value: unknown): Promise<unknown> {
  if (pulumi.Output.isInstance(value)) {
    const output = value as unknown as Knowable;
    if (await output.isSecret) return SEALED;
    return (await output.isKnown) ? resolved(await output.promise()) : UNKNOWN;
  }
  if (value instanceof Promise) return resolved(await value);
  if (Array.isArray(value)) return Promise.all(value.map(resolved));
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([k, v]) => [k, await resolved(v)] as const)));
}

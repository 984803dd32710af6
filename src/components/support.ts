import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../errors.js";

/** Changes an underlying resource's arguments or options before it is made: an object to merge in, or a function that edits. */
export type Transform<T> = Partial<T> | ((args: T, opts: pulumi.CustomResourceOptions, name: string) => void);

/** Arguments and options of one underlying resource, after the user's transform. Spread into its constructor. */
export function transformed<T extends object>(
  transform: Transform<T> | undefined,
  name: string,
  args: T,
  opts: pulumi.CustomResourceOptions,
): [string, T, pulumi.CustomResourceOptions] {
  if (transform === undefined) return [name, args, opts];
  if (typeof transform === "function") {
    transform(args, opts, name);
    return [name, args, opts];
  }
  return [name, { ...args, ...transform }, opts];
}

/** Stops a construction whose plain argument is wrong. Outputs are checked by the provider. */
export function require(condition: boolean, path: string, got: unknown, accepted: string): void {
  if (!condition) throw new UserError({ path, got: JSON.stringify(got) ?? "nothing", accepted });
}

/** Whether an input is known now, so that it can be checked at construction. */
export const isPlain = <T>(input: pulumi.Input<T>): input is T =>
  !(typeof input === "object" && input !== null && ("__pulumiOutput" in input || typeof (input as { then?: unknown }).then === "function"));

/** Checks of plain arguments; outputs and absent ones pass. */
export function requireNumber(path: string, value: pulumi.Input<number> | undefined, min: number, max: number): void {
  if (value === undefined || !isPlain(value)) return;
  require(Number.isInteger(value) && value >= min && value <= max, path, value, `a whole number from ${min} to ${max}`);
}

export function requireText(path: string, value: pulumi.Input<string> | undefined, pattern: RegExp, accepted: string): void {
  if (value === undefined || !isPlain(value)) return;
  require(typeof value === "string" && pattern.test(value), path, value, accepted);
}

/** Names of Kubernetes objects and their namespaces. */
export function requireName(path: string, value: pulumi.Input<string> | undefined): void {
  requireText(path, value, /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/, "a lower-case DNS label of at most 63 characters");
}

/** Tags that the user wants on every AWS resource. */
export type Tags = Record<string, pulumi.Input<string>>;

/** The load balancer that the AWS Load Balancer Controller made for an Ingress, found by the tags that it puts on it. */
export function loadBalancerOf(
  ingress: { hostname: pulumi.Output<string>; name: pulumi.Input<string>; namespace: pulumi.Input<string> },
  parent: pulumi.Resource,
): pulumi.Output<aws.lb.GetLoadBalancerResult> {
  // It exists once the Ingress has a host name.
  const tags = pulumi
    .all([ingress.namespace, ingress.name, ingress.hostname])
    .apply(([namespace, name]) => ({ "ingress.k8s.aws/stack": `${namespace}/${name}` }));
  return aws.lb.getLoadBalancerOutput({ tags }, { parent });
}

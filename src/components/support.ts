import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

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

/** Tags that the user wants on every AWS resource. */
export type Tags = Record<string, pulumi.Input<string>>;

/**
 * The load balancer that the controller made for an Ingress, by its name, which its host name begins with: tags name the Ingress
 * only where it shares the load balancer with no other, and two clusters may have an Ingress of the same name.
 */
export function loadBalancerOf(hostname: pulumi.Output<string>, parent: pulumi.Resource): pulumi.Output<aws.lb.GetLoadBalancerResult> {
  const name = hostname.apply((host) => (host.split(".")[0] ?? "").replace(/^internal-/, "").replace(/-[^-]+$/, ""));
  return aws.lb.getLoadBalancerOutput({ name }, { parent });
}

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

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

import type { StackConfig } from "./schema.js";

type Old = Pick<StackConfig, "old">;

/** ARN of the load balancer that serves today, wherever the config names it. */
export function oldBalancerOf({ old }: Old): string | undefined {
  const named = old?.endpoints.find((e) => e.kind === "load-balancer");
  return old?.loadBalancerArn ?? (named?.kind === "load-balancer" ? named.arn : undefined);
}

/** Fixed addresses of the old side, where it has any. */
export const oldAddressesOf = ({ old }: Old): string[] => [
  ...new Set([...(old?.addresses ?? []), ...(old?.endpoints ?? []).flatMap((e) => (e.kind === "addresses" ? e.addresses : []))]),
];

/** Auto Scaling groups of the old side: they would start again what is terminated. */
export const oldGroupsOf = ({ old }: Old): string[] =>
  (old?.endpoints ?? []).flatMap((e) => (e.kind === "auto-scaling-group" ? [e.name] : []));

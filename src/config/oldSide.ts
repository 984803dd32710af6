import type { StackConfig } from "./schema.js";
import { groupsOf } from "./shift.js";

type Old = Pick<StackConfig, "old">;

/** ARN of the load balancer that serves today, wherever the config names it. */
export function oldBalancerOf({ old, traffic }: Old & Partial<Pick<StackConfig, "traffic">>): string | undefined {
  const named = old?.endpoints.find((e) => e.kind === "load-balancer");
  return servingBalancerOf({ traffic }) ?? old?.loadBalancerArn ?? (named?.kind === "load-balancer" ? named.arn : undefined);
}

/** The load balancer that serves both sides and stays: its rule's target groups move the users. */
export function servingBalancerOf({ traffic }: Pick<StackConfig, "traffic">): string | undefined {
  const listener = groupsOf({ traffic })?.listenerArn;
  return listener?.replace(":listener/", ":loadbalancer/").replace(/\/[0-9a-f]+$/, "");
}

/** Fixed addresses of the old side, where it has any. */
export const oldAddressesOf = ({ old }: Old): string[] => [
  ...new Set([...(old?.addresses ?? []), ...(old?.endpoints ?? []).flatMap((e) => (e.kind === "addresses" ? e.addresses : []))]),
];

/** Auto Scaling groups of the old side: they would start again what is terminated. */
export const oldGroupsOf = ({ old }: Old): string[] =>
  (old?.endpoints ?? []).flatMap((e) => (e.kind === "auto-scaling-group" ? [e.name] : []));

/** What a load balancer is, by its ARN: one of the two that see what HTTP answers, or another, which forwards connections. */
export function balancerKind(arn: string): "application" | "classic" | "other" {
  const suffix = arn.split(":loadbalancer/").at(-1) ?? "";
  if (suffix.startsWith("app/")) return "application";
  return suffix.includes("/") ? "other" : "classic";
}

import type { z } from "zod";
import type { StackConfig } from "./schema.js";
import type { oldInfrastructure } from "./sections.js";
import { groupsOf } from "./shift.js";

type Old = Pick<StackConfig, "old">;
type Section = z.output<typeof oldInfrastructure>;
/** One thing that answers on the old side. */
export type OldEndpoint = Section["endpoints"][number];

/**
 * What answers on the old side, in one form: `old.endpoints`, and before them what `loadBalancerArn` and `addresses` say, their earlier
 * forms. Each thing once.
 */
export function endpointsOf(old: Partial<Pick<Section, "endpoints" | "addresses" | "loadBalancerArn">> | undefined): OldEndpoint[] {
  const { endpoints = [], addresses, loadBalancerArn } = old ?? {};
  const all: OldEndpoint[] = [
    ...(loadBalancerArn === undefined ? [] : [{ kind: "load-balancer" as const, arn: loadBalancerArn }]),
    ...(addresses === undefined ? [] : [{ kind: "addresses" as const, addresses }]),
    ...endpoints,
  ];
  const texts = all.map((e) => JSON.stringify(e));
  return all.filter((_, i) => texts.indexOf(texts[i] ?? "") === i);
}

const of = <K extends OldEndpoint["kind"]>(old: Section | undefined, kind: K): Extract<OldEndpoint, { kind: K }>[] =>
  endpointsOf(old).filter((e): e is Extract<OldEndpoint, { kind: K }> => e.kind === kind);

/** ARN of the load balancer that serves today, wherever the config names it. */
export const oldBalancerOf = ({ old, traffic }: Old & Partial<Pick<StackConfig, "traffic">>): string | undefined =>
  servingBalancerOf({ traffic }) ?? of(old, "load-balancer")[0]?.arn;

/** The load balancer that serves both sides and stays: its rule's target groups move the users. */
export function servingBalancerOf({ traffic }: Pick<StackConfig, "traffic">): string | undefined {
  const listener = groupsOf({ traffic })?.listenerArn;
  return listener?.replace(":listener/", ":loadbalancer/").replace(/\/[0-9a-f]+$/, "");
}

/** The load balancer that the clean-up removes: none where users keep theirs. */
export const removedBalancerOf = (config: Pick<StackConfig, "old" | "traffic">): string | undefined =>
  servingBalancerOf(config) === undefined ? oldBalancerOf(config) : undefined;

/** Fixed addresses of the old side, where it has any. */
export const oldAddressesOf = ({ old }: Old): string[] => [...new Set(of(old, "addresses").flatMap((e) => e.addresses))];

/** Auto Scaling groups of the old side: they would start again what is terminated. */
/** A load balancer by its ARN as CloudWatch's dimensions name it: `app/web/50dc6c495c0c9188`; anything else stays as it is. */
export const balancerName = (arn: string): string => arn.split(":loadbalancer/").at(-1) ?? "";

/** What a load balancer is, by its ARN: one of the two that see what HTTP answers, or another, which forwards connections. */
export function balancerKind(arn: string): "application" | "classic" | "other" {
  const suffix = balancerName(arn);
  if (suffix.startsWith("app/")) return "application";
  return suffix.includes("/") ? "other" : "classic";
}

export const oldGroupsOf = ({ old }: Old): string[] => of(old, "auto-scaling-group").map((e) => e.name);

/** What answers on the old side and no step ends, since it is nothing that cutover removes: people do, in words. */
export const leftToPeople = ({ old }: Old): string[] => [
  ...of(old, "cloudfront").map((e) => `the CloudFront distribution ${e.distributionId}`),
  ...of(old, "host").map((e) => `the host ${e.name}`),
  ...of(old, "load-balancer")
    .slice(1)
    .map((e) => `the load balancer ${e.arn}`),
];

/** What the config names in a load balancer's place, for whoever looks for one. */
export const insteadOf = (config: Old): string => {
  const left = leftToPeople(config);
  return left.length === 0 ? "" : `, only ${left.join(", ")}, of which nothing is measured`;
};

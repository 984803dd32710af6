import type { Side } from "../ports/observations.js";
import { type Convention, conventionNamed } from "../promql/conventions.js";
import { balancerKind, oldBalancerOf } from "./oldSide.js";
import type { StackConfig } from "./schema.js";

export type SourceKind = NonNullable<StackConfig["sources"]["new"]>["kind"];

/** What a source counts of a side's requests. */
export type CountedName = "error-rate" | "latency-p95" | "request-count";

/** What answers for a side's requests: what the config says, or its load balancer where it has one. */
export function sourceOf({ sources, ingress }: Pick<StackConfig, "sources" | "ingress">, side: Side): SourceKind {
  if (side === "old") return sources.old?.kind ?? "load-balancer";
  return sources.new?.kind ?? (ingress === undefined ? "prometheus" : "load-balancer");
}

/** Why a side's source can never answer, whatever the far side does, and what to do about it; undefined where it can. */
export function whyNeverAnswered(
  config: Pick<StackConfig, "sources" | "ingress" | "old" | "traffic">,
  name: CountedName,
  side: Side,
): string | undefined {
  if (sourceOf(config, side) === "load-balancer") return side === "old" ? withoutBalancer(config) : undefined;
  const source = config.sources[side];
  if (name !== "latency-p95" || source?.kind !== "prometheus") return undefined;
  const { expressions, convention } = source;
  if (expressions !== undefined)
    return expressions.latencyP95 === undefined ? `name an expression in sources.${side}.expressions.latencyP95` : undefined;
  const { durations }: Convention = conventionNamed(convention);
  return durations === undefined
    ? `${convention} has no histogram of durations: name expressions, or another convention, in sources.${side}`
    : undefined;
}

function withoutBalancer(config: Pick<StackConfig, "old" | "traffic">): string | undefined {
  const arn = oldBalancerOf(config);
  if (arn === undefined)
    return "the stack config names no load balancer of the old side: name it under old.endpoints, or a source of kind prometheus in sources.old";
  if (balancerKind(arn) !== "other") return undefined;
  return `${arn} forwards connections and does not see what HTTP answers: name a source of kind prometheus in sources.old`;
}

import type { Side } from "../ports/observations.js";
import { insteadOf, oldBalancerOf, servingBalancerOf } from "./oldSide.js";
import type { StackConfig } from "./schema.js";

/** What counts the open connections of what is to be removed; or why nothing does. */
export type CountedBy =
  | { kind: "prometheus"; expression: string }
  | { kind: "application" | "network"; arn: string }
  | { kind: "nothing"; why: string };

/**
 * Where open connections are counted. Of the pods that leave on the new side no load balancer says anything: it counts its own
 * connections, not a target group's.
 */
export function countedBy(config: Pick<StackConfig, "drain" | "old" | "traffic">, side: Side): CountedBy {
  const expression = config.drain.expressions[side];
  if (expression !== undefined) return { kind: "prometheus", expression };
  const nothing = (why: string): CountedBy => ({ kind: "nothing", why: `${why}: name a PromQL expression in drain.expressions.${side}` });
  if (side === "new") return nothing("nothing counts the connections of the pods that leave");
  const serving = servingBalancerOf(config);
  if (serving !== undefined) return nothing(`${serving} serves both sides, and its connections say nothing of the old target group`);
  const arn = oldBalancerOf(config);
  if (arn === undefined) return nothing(`the stack config names no old load balancer that counts connections${insteadOf(config)}`);
  if (arn.includes(":loadbalancer/app/")) return { kind: "application", arn };
  if (arn.includes(":loadbalancer/net/")) return { kind: "network", arn };
  // EstimatedALBActiveConnectionCount, "for informational use": docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-cloudwatch-metrics.html
  return nothing(`of ${arn}, a Classic Load Balancer, AWS only estimates the connections`);
}

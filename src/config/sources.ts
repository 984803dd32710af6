import type { Side } from "../ports/observations.js";
import type { StackConfig } from "./schema.js";

export type SourceKind = NonNullable<StackConfig["sources"]["new"]>["kind"];

/** What answers for a side's requests: what the config says, or its load balancer where it has one. */
export function sourceOf({ sources, ingress }: Pick<StackConfig, "sources" | "ingress">, side: Side): SourceKind {
  if (side === "old") return sources.old?.kind ?? "load-balancer";
  return sources.new?.kind ?? (ingress === undefined ? "prometheus" : "load-balancer");
}

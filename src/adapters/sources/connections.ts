import { countedBy } from "../../config/drain.js";
import type { StackConfig } from "../../config/schema.js";
import { known, type Side, unknown } from "../../ports/observations.js";
import { balancerConnections } from "../aws/connections.js";
import { CLOUDWATCH_DELAY } from "../aws/requests.js";
import { query } from "../prometheus/query.js";
import type { Measure, Measured, SourceParts } from "./source.js";

/** Connections open on what is to be removed. */
export const connectionSource = (parts: SourceParts) => {
  const open: Measure = ({ config, side = "old" }) => openConnections(config, side, parts);
  return { "open-connections": open };
};

/** Connections open on what is to be removed, by what the config or its load balancer has that counts them. */
export async function openConnections(
  config: StackConfig,
  side: Side,
  { clients, prometheus }: Pick<SourceParts, "clients" | "prometheus">,
): Promise<Measured> {
  const by = countedBy(config, side);
  if (by.kind === "nothing") return { reading: unknown(by.why), source: "none" };
  if (by.kind === "prometheus") {
    const value = await query(prometheus, by.expression);
    const none = value === undefined || !Number.isFinite(value);
    return {
      reading: none ? unknown(`the expression drain.expressions.${side} gives no value`) : known(value),
      source: "prometheus",
    };
  }
  const { reading, end } = await balancerConnections(clients, by, Date.now());
  return { reading, source: "cloudwatch", age: (Date.now() - end) / 1_000, delay: CLOUDWATCH_DELAY + 60 };
}

import { countedBy } from "../config/drain.js";
import type { StackConfig } from "../config/schema.js";
import { known, type Reading, type Side, unknown } from "../ports/observations.js";
import type { AwsClients } from "./aws/clients.js";
import { balancerConnections } from "./aws/connections.js";
import { CLOUDWATCH_DELAY } from "./aws/requests.js";
import { type PrometheusOptions, query } from "./prometheus/query.js";

interface Said {
  reading: Reading;
  source: string;
  /** How old it is, in seconds. */
  age?: number;
  /** How old it is at best. */
  delay?: number;
}

/** Connections open on what is to be removed, by what the config or its load balancer has that counts them. */
export async function openConnections(
  config: StackConfig,
  side: Side,
  { clients, prometheus }: { clients: AwsClients; prometheus: PrometheusOptions },
): Promise<Said> {
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

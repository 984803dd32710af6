import type { AwsClients } from "../../src/adapters/aws/clients.js";
import { type AwsReading, awsObservation } from "../../src/adapters/aws/observations.js";
import { recordsOf } from "../../src/adapters/aws/records.js";
import { loadBalancerRequests } from "../../src/adapters/aws/requests.js";
import { ttlOf, weightOf } from "../../src/adapters/aws/sets.js";
import { REQUEST_SIGNALS, type RequestSignal } from "../../src/adapters/prometheus/observations.js";
import type { StackConfig } from "../../src/config/schema.js";
import type { ObservationName, Reading, Side } from "../../src/ports/observations.js";

/** What the records at Route 53 say; what name servers show of them, its own tests ask. */
export const toldWeight = async (clients: AwsClients, config: StackConfig): Promise<Reading> =>
  weightOf(await recordsOf(clients.route53, config));
export const toldTtl = async (clients: AwsClients, config: StackConfig): Promise<Reading> =>
  ttlOf(await recordsOf(clients.route53, config));

/** An observation as an account alone can answer it. */
export async function awsReading(clients: AwsClients, config: StackConfig, name: ObservationName, side: Side = "new"): Promise<Reading> {
  if (name === "dns-weight-new") return toldWeight(clients, config);
  if (name === "dns-ttl") return toldTtl(clients, config);
  if ((REQUEST_SIGNALS as readonly string[]).includes(name))
    return (await loadBalancerRequests(clients, config, name as RequestSignal, side, 300, Date.now())).reading;
  return awsObservation(clients, config, name as AwsReading);
}

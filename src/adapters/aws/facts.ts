import type { StackConfig } from "../../config/schema.js";
import type { CloudFacts } from "../../ports/target.js";
import { type AwsClients, unlessMissing } from "./clients.js";
import { type CertificateRow, discoverCertificates, discoverDatabases } from "./discovery.js";
import { standingsOf } from "./records.js";
import { ttlOf } from "./sets.js";

/** What the risks of the old side follow from: its database's size, its record's TTL, its certificate's expiry. */
export async function factsOf(clients: AwsClients, config: StackConfig): Promise<CloudFacts> {
  const { old, database, dns, ingress } = config;
  const identifier = old?.databaseIdentifier ?? database?.source.identifier;
  const size = identifier === undefined ? undefined : (await discoverDatabases(clients)).find((d) => d.identifier === identifier)?.sizeGb;
  const records = dns === undefined ? undefined : await unlessMissing(standingsOf(clients.route53, config), "NoSuchHostedZone");
  const reading = records === undefined ? undefined : ttlOf(records.flatMap((s) => s.sets));
  const ttl = reading?.known === true ? reading.value : undefined;
  const expires = ingress === undefined ? undefined : firstExpiry(await discoverCertificates(clients), ingress.host);
  return {
    ...(size === undefined ? {} : { databaseSizeGb: size }),
    ...(ttl === undefined ? {} : { dnsTtlSeconds: ttl }),
    ...(expires === undefined ? {} : { certificateExpiresAt: expires }),
  };
}

/** When the first of the issued certificates for a host ends. */
function firstExpiry(certificates: CertificateRow[], host: string): string | undefined {
  // A wildcard stands for one label.
  const wildcard = `*.${host.split(".").slice(1).join(".")}`;
  return certificates
    .filter((c) => c.status === "ISSUED" && (c.names.includes(host) || c.names.includes(wildcard)))
    .flatMap((c) => c.expires ?? [])
    .sort()[0];
}

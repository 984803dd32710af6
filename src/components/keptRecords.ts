import * as aws from "@pulumi/aws";
import type { ZoneName } from "../config/names.js";

/** What answers for a name on the old side: kept as it stands in the zone, whatever it is. */
export interface KeptRecord {
  /** Zone that the record stands in. */
  zoneId: string;
  /** Name that it answers for. */
  name: string;
  /** Its type. */
  type: "A" | "AAAA" | "CNAME";
  /** Where it is an alias: a load balancer, CloudFront, an API gateway, another record. */
  alias?: { name: string; zoneId: string; evaluateTargetHealth: boolean };
  /** Where it is not. */
  records?: string[];
  /** A health check that stands on it already. */
  healthCheckId?: string;
}

type Shown = Awaited<ReturnType<typeof aws.route53.getRecords>>["resourceRecordSets"][number];
const TYPES = ["A", "AAAA", "CNAME"];

/** Route 53 writes an asterisk as \052. */
const plainName = (name: string): string => name.replace(/\.$/, "").replace("\\052", "*").toLowerCase();
const patternOf = (name: string): string => `^${name.replaceAll(".", "\\.").replace("*", "(\\*|\\\\052)")}\\.?$`;

/**
 * Reads the old side's records from their zones, so that an update writes back what stands there and nothing else: a change that
 * somebody made since is kept. Adopted records come first; before the adoption it is what will be adopted. Once the old side's
 * records are gone, the new side's say which there are.
 */
export async function keptRecords(names: ZoneName[], side: "old" | "new"): Promise<KeptRecord[]> {
  const found = await Promise.all(
    names.map(async ({ zoneId, name }): Promise<KeptRecord[]> => {
      const { resourceRecordSets } = await aws.route53.getRecords({ zoneId, nameRegex: patternOf(name) });
      const own = (resourceRecordSets ?? []).filter((r) => plainName(r.name) === name && TYPES.includes(r.type));
      const adopted = own.filter((r) => r.setIdentifier === `${side}-infra`);
      return (adopted.length > 0 || side === "new" ? adopted : own.filter((r) => isPlain(r))).map((r) => kept(zoneId, name, r));
    }),
  );
  return found.flat();
}

const isPlain = ({ setIdentifier }: Shown): boolean => setIdentifier === undefined || setIdentifier === null || setIdentifier === "";

function kept(zoneId: string, name: string, { type, aliasTarget, resourceRecords, healthCheckId }: Shown): KeptRecord {
  const isAlias = (aliasTarget?.dnsName ?? "") !== "";
  return {
    zoneId,
    name,
    type: type as KeptRecord["type"],
    ...(isAlias
      ? {
          alias: {
            name: aliasTarget.dnsName.replace(/\.$/, ""),
            zoneId: aliasTarget.hostedZoneId,
            evaluateTargetHealth: aliasTarget.evaluateTargetHealth,
          },
        }
      : { records: (resourceRecords ?? []).map((r) => r.value) }),
    ...((healthCheckId ?? "") === "" ? {} : { healthCheckId }),
  };
}

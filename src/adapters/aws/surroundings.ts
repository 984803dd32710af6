import type { ResourceRecordSet, Route53Client } from "@aws-sdk/client-route-53";
import { publicZoneOf, type ZoneName } from "../../config/names.js";
import type { StackConfig } from "../../config/schema.js";
import { ALIAS_TTL_SECONDS, isOnlyNew, type NameSet, plainName, recordsAt, type Standing } from "./zone.js";

/** What around a name's own records keeps it from being moved, each with what to do instead: looked at before anything is changed. */
export async function refusedAround(route53: Route53Client, config: StackConfig, { at, sets }: Standing): Promise<string[]> {
  const above = await apexwards(route53, at);
  const aliases = await Promise.all(sets.map((set) => slowAlias(route53, set)));
  const isMoved = config.dns?.records === "both" || config.dns?.records === "new";
  return [
    ...outOfReach(at, above),
    ...aliases.flat(),
    ...(isMoved ? [] : sets.filter(isOnlyNew).map(leftOver)),
    ...(needsCertificate(config, at) ? certificateRefused(at.name, above) : []),
  ];
}

interface Level {
  name: string;
  records: ResourceRecordSet[];
}

/** The records of a name and of those above it, up to the zone's apex, which has the SOA record. */
async function apexwards(route53: Route53Client, { zoneId, name }: ZoneName): Promise<Level[]> {
  const levels: Level[] = [];
  for (let labels = name.split("."); labels.length > 0; labels = labels.slice(1)) {
    const here = labels.join(".");
    const records = await recordsAt(route53, zoneId, here);
    levels.push({ name: here, records });
    if (isApex(records)) break;
  }
  return levels;
}

const isApex = (records: ResourceRecordSet[]): boolean => records.some((r) => r.Type === "SOA");

/** What stands below a delegation, or outside of the zone's own name, nobody asks this zone for. */
function outOfReach({ name, zoneId }: ZoneName, levels: Level[]): string[] {
  if (!levels.some((l) => isApex(l.records)))
    return [`${name} is not in the zone ${zoneId}: name the zone's id that holds it in the stack config.`];
  const cut = levels.slice(1).find((l) => !isApex(l.records) && l.records.some((r) => r.Type === "NS"));
  if (cut === undefined) return [];
  return [
    `${name} is below ${cut.name}, which the zone ${zoneId} delegates by an NS record, so nobody is answered with what stands here: name the id of ${cut.name}'s own zone in the stack config.`,
  ];
}

/** How many aliases of a zone may lead to one another: more is a loop. */
const MOST_ALIASES = 10;

/** An alias to a record of its zone has that record's TTL, and no step can lower it there. */
async function slowAlias(route53: Route53Client, { zoneId, name, type, plain, old }: NameSet): Promise<string[]> {
  let record = plain ?? old;
  for (let i = 0; i < MOST_ALIASES && record?.AliasTarget?.HostedZoneId === zoneId; i += 1) {
    const target = plainName(record.AliasTarget.DNSName);
    const there: ResourceRecordSet[] = (await recordsAt(route53, zoneId, target)).filter((r) => r.Type === type);
    if (there.length === 0) return [`${name} ${type} is an alias to ${target}, which has no ${type} record: let it lead to what answers.`];
    const ttl = Math.max(...there.map((r) => r.TTL ?? 0));
    if (ttl > ALIAS_TTL_SECONDS)
      return [
        `${name} ${type} is an alias to ${target}, whose TTL of ${ttl} s is the alias's too, and no step can lower it: set the TTL of ${target} to ${ALIAS_TTL_SECONDS}.`,
      ];
    record = there[0];
  }
  return [];
}

const leftOver = ({ name, type }: NameSet): string =>
  `${name} ${type} has only the record of an earlier migration's new side (new-infra), which is this one's old side: make it a plain record first, by deleting it and creating the same one without set identifier and weight, in one change batch.`;

/** Of hosts without a certificate of their own one is requested, where a public zone can prove whose they are. */
const needsCertificate = (config: StackConfig, { name, zoneId }: ZoneName): boolean =>
  config.ingress?.certificateArn === undefined && publicZoneOf(config, name) === zoneId;

/** https://docs.aws.amazon.com/acm/latest/userguide/setup-caa.html */
const AMAZON = ["amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"];

/** The CAA records nearest above a name say who may issue for it; without any, everybody (RFC 8659, 3). */
function certificateRefused(name: string, levels: Level[]): string[] {
  for (const { name: at, records } of levels) {
    const values = records.filter((r) => r.Type === "CAA").flatMap((r) => (r.ResourceRecords ?? []).map((v) => v.Value ?? ""));
    if (values.length === 0) continue;
    const issuers = (tag: string) =>
      values.flatMap((v) => new RegExp(`^\\d+\\s+${tag}\\s+"?([^";]*)`, "i").exec(v)?.[1]?.trim().toLowerCase() ?? []);
    const wild = name.startsWith("*.") ? issuers("issuewild") : [];
    const named = wild.length > 0 ? wild : issuers("issue");
    if (named.length === 0 || named.some((n) => AMAZON.includes(n))) return [];
    return [
      `${name} is to get a certificate of ACM, and the CAA records of ${at} let only others issue one (${named.join(", ")}): add 0 issue "amazon.com" there, or name a certificate in ingress.certificateArn.`,
    ];
  }
  return [];
}

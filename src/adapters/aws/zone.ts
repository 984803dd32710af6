import { ListResourceRecordSetsCommand, type ResourceRecordSet, type Route53Client } from "@aws-sdk/client-route-53";
import type { ZoneName } from "../../config/names.js";

/** What weights can be given to: an alias, addresses, or a CNAME. */
export const WEIGHED = ["A", "AAAA", "CNAME"] as const;
export type WeighedType = (typeof WEIGHED)[number];

export const OLD = "old-infra";
export const NEW = "new-infra";
/** Of cutover's own records. */
export const SET_IDENTIFIERS = [OLD, NEW];

/** The records of one name and type in one zone, old side and new, as Route 53 has them. */
export interface NameSet extends ZoneName {
  type: WeighedType;
  plain?: ResourceRecordSet;
  old?: ResourceRecordSet;
  new?: ResourceRecordSet;
  /** The answer comes from a wildcard, which stays: the name gets a record of its own. */
  copied?: boolean;
}

/** What stands at one name, and why it cannot be moved by weights, each with what to do instead. */
export interface Standing {
  at: ZoneName;
  sets: NameSet[];
  refused: string[];
}

/** Route 53 writes every other character than letters, digits, - and _ in octal: \052 is the asterisk. */
export const plainName = (name = ""): string =>
  name
    .replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    .replace(/\.$/, "")
    .toLowerCase();

/** Every record of one name in a zone, whatever its type. */
export async function recordsAt(route53: Route53Client, zoneId: string, name: string): Promise<ResourceRecordSet[]> {
  const found: ResourceRecordSet[] = [];
  let next: Partial<Record<"StartRecordType" | "StartRecordIdentifier", string>> = {};
  for (;;) {
    const page = await route53.send(
      new ListResourceRecordSetsCommand({
        HostedZoneId: zoneId,
        StartRecordName: name,
        ...(next as object),
        MaxItems: 100,
      }),
    );
    const { ResourceRecordSets = [], IsTruncated, NextRecordName, NextRecordType, NextRecordIdentifier } = page;
    found.push(...ResourceRecordSets.filter((r) => plainName(r.Name) === name));
    if (IsTruncated !== true || plainName(NextRecordName) !== name) return found;
    next = {
      ...(NextRecordType === undefined ? {} : { StartRecordType: NextRecordType }),
      ...(NextRecordIdentifier === undefined ? {} : { StartRecordIdentifier: NextRecordIdentifier }),
    };
  }
}

/** What stands at a name, read from its zone; nothing is changed. */
export async function standingAt(route53: Route53Client, at: ZoneName): Promise<Standing> {
  const own = await recordsAt(route53, at.zoneId, at.name);
  const standing = judge(at, own);
  if (own.length > 0) return standing;
  const wildcard = await wildcardFor(route53, at);
  if (wildcard === undefined)
    return { ...standing, refused: [`${at.name} has no A, AAAA or CNAME record in the zone ${at.zoneId}: there is nothing to take over.`] };
  const copied = judge({ ...at, name: plainName(wildcard[0]?.Name) }, wildcard);
  return { at, refused: copied.refused, sets: copied.sets.map((s) => ({ ...s, name: at.name, copied: true })) };
}

/** The records of the wildcard that answers for a name which has none of its own. */
async function wildcardFor(route53: Route53Client, { zoneId, name }: ZoneName): Promise<ResourceRecordSet[] | undefined> {
  const labels = name.split(".");
  for (let i = 1; i < labels.length - 1; i += 1) {
    const above = labels.slice(i).join(".");
    const found = await recordsAt(route53, zoneId, `*.${above}`);
    if (found.length > 0) return found;
    // A name that exists ends the search: no wildcard above it answers for what is below it.
    if ((await recordsAt(route53, zoneId, above)).length > 0) return undefined;
  }
  return undefined;
}

/** Sorts a name's records. Pure. */
export function judge(at: ZoneName, records: ResourceRecordSet[]): Standing {
  const isApex = records.some((r) => r.Type === "SOA");
  const refused: string[] = [];
  const sets = WEIGHED.flatMap((type): NameSet[] => {
    const ofType = records.filter((r) => r.Type === type);
    if (ofType.length === 0) return [];
    const of = (id: string | undefined) => ofType.find((r) => r.SetIdentifier === id);
    const others = ofType.filter((r) => !SET_IDENTIFIERS.includes(r.SetIdentifier ?? OLD) || routingOf(r) !== undefined);
    const [first] = others;
    if (first !== undefined) refused.push(setRefused(at.name, type, routingOf(first) ?? "weighted", others));
    const [plain, old, fresh] = [others.length > 0 ? undefined : of(undefined), of(OLD), of(NEW)];
    return [
      {
        ...at,
        type,
        ...(plain === undefined ? {} : { plain }),
        ...(old === undefined ? {} : { old }),
        ...(fresh === undefined ? {} : { new: fresh }),
      },
    ];
  });
  if (isApex && sets.some((s) => s.type === "CNAME"))
    refused.push(
      `${at.name} is the apex of its zone and a CNAME, which DNS does not allow there: make it an alias record (A) to the same target first.`,
    );
  if (!isApex && records.some((r) => r.Type === "NS"))
    refused.push(`${at.name} is delegated to another zone by its NS record: name that zone's id in the stack config.`);
  for (const { Type, ResourceRecords = [] } of records) {
    if (Type !== "HTTPS" && Type !== "SVCB") continue;
    const leading = ResourceRecords.map((r) => r.Value ?? "").find((v) => /ipv[46]hint/.test(v) || !/^\d+\s+\.(\s|$)/.test(v));
    if (leading !== undefined)
      refused.push(
        `${at.name} has a ${Type} record (${leading}) that leads browsers past every weight: remove its hints and target first.`,
      );
  }
  if (sets.length === 0 && refused.length === 0)
    refused.push(`${at.name} has no A, AAAA or CNAME record in the zone ${at.zoneId}: there is nothing to take over.`);
  return { at, sets, refused };
}

/** The routing policy of a record that weights cannot stand beside; undefined for a plain one and for a weighted one. */
function routingOf(record: ResourceRecordSet): string | undefined {
  if (record.TrafficPolicyInstanceId !== undefined) return "traffic policy";
  if (record.Region !== undefined) return "latency";
  if (record.GeoLocation !== undefined) return "geolocation";
  if (record.GeoProximityLocation !== undefined) return "geoproximity";
  if (record.Failover !== undefined) return "failover";
  if (record.MultiValueAnswer === true) return "multivalue";
  if (record.CidrRoutingConfig !== undefined) return "CIDR";
  return undefined;
}

const setRefused = (name: string, type: string, routing: string, records: ResourceRecordSet[]): string =>
  routing === "weighted"
    ? `${name} ${type} has weighted records that are not cutover's (${idsOf(records)}): their weights would count too. Move them under a name of their own and let ${name} be one alias to it.`
    : `${name} ${type} is a ${routing} set (${idsOf(records)}), beside which Route 53 allows no weights. Move the set under a name of its own and let ${name} be one alias record to that name: the alias can be weighted.`;

const idsOf = (records: ResourceRecordSet[]): string => records.map((r) => r.SetIdentifier ?? "plain").join(", ");

/** What a record answers with, for people. */
export function answerOf(record: ResourceRecordSet | undefined): string {
  if (record === undefined) return "nothing";
  const { AliasTarget, ResourceRecords = [], TTL } = record;
  if (AliasTarget !== undefined) return `alias to ${plainName(AliasTarget.DNSName)}`;
  return `${ResourceRecords.map((r) => r.Value).join(", ")} (TTL ${TTL} s)`;
}

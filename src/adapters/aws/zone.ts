import { ListResourceRecordSetsCommand, type ResourceRecordSet, type Route53Client } from "@aws-sdk/client-route-53";
import type { ZoneName } from "../../config/names.js";

/** What weights can be given to: an alias, addresses, or a CNAME. */
export const WEIGHED = ["A", "AAAA", "CNAME"] as const;
export type WeighedType = (typeof WEIGHED)[number];

/** Of an alias to a load balancer or to CloudFront: Route 53 gives it, nobody else can. */
export const ALIAS_TTL_SECONDS = 60;

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

/** Whether nothing of an old side stands there beside cutover's own record of the new one. */
export const isOnlyNew = (set: NameSet): boolean => set.new !== undefined && set.old === undefined && set.plain === undefined;

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
  if (wildcard === undefined) return { ...standing, refused: [nothingAt(at)] };
  const copied = judge({ ...at, name: plainName(wildcard[0]?.Name) }, wildcard);
  const sets = copied.sets.map((s) => ({ ...s, name: at.name, copied: true }));
  return { at, refused: [...copied.refused, ...lostBehind(at, wildcard)], sets };
}

const nothingAt = ({ name, zoneId }: ZoneName): string =>
  `${name} has no A, AAAA or CNAME record in the zone ${zoneId}: there is nothing to take over.`;

/** A wildcard answers for no name that has a record of its own, of whatever type: what it holds beside would end for the name. */
function lostBehind({ name }: ZoneName, wildcard: ResourceRecordSet[]): string[] {
  const others = wildcard.flatMap(({ Type = "" }) => (isWeighed(Type) ? [] : [Type]));
  if (others.length === 0) return [];
  return [
    `${plainName(wildcard[0]?.Name)} answers for ${name} with ${others.join(", ")} too, which would end as soon as ${name} has a record of its own: copy all of its records to ${name} first.`,
  ];
}

const isWeighed = (type: string): boolean => (WEIGHED as readonly string[]).includes(type);

/**
 * The records of the wildcard that answers for a name which has none of its own. A name that exists, if only as the parent of
 * others, ends the search: no wildcard above it answers for it, or for what is below it (RFC 4592, 2.2.2).
 */
async function wildcardFor(route53: Route53Client, { zoneId, name }: ZoneName): Promise<ResourceRecordSet[] | undefined> {
  if (await existsFrom(route53, zoneId, name)) return undefined;
  const labels = name.split(".");
  for (let i = 1; i < labels.length; i += 1) {
    const above = labels.slice(i).join(".");
    const found = await recordsAt(route53, zoneId, `*.${above}`);
    if (found.length > 0) return found;
    if (await existsFrom(route53, zoneId, above)) return undefined;
  }
  return undefined;
}

/** Whether there is anything at a name or below it: Route 53 lists names by their labels from the right, so it comes first from there. */
async function existsFrom(route53: Route53Client, HostedZoneId: string, name: string): Promise<boolean> {
  const { ResourceRecordSets = [] } = await route53.send(
    new ListResourceRecordSetsCommand({ HostedZoneId, StartRecordName: name, MaxItems: 1 }),
  );
  return ResourceRecordSets.some((r) => `.${plainName(r.Name)}`.endsWith(`.${name}`));
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
  for (const record of records) refused.push(...leadingPast(at.name, record));
  if (sets.length === 0 && refused.length === 0) refused.push(nothingAt(at));
  return { at, sets, refused };
}

/** What of a service binding is the same for every server of the name; an alias to CloudFront's has addresses in it (RFC 9460, 7). */
const HARMLESS = /^[1-9]\d*\s+\.(\s+(alpn|mandatory)=\S+)*\s*$/;

function leadingPast(name: string, { Type, ResourceRecords = [], AliasTarget }: ResourceRecordSet): string[] {
  if (Type !== "HTTPS" && Type !== "SVCB") return [];
  if (AliasTarget !== undefined)
    return [
      `${name} has a ${Type} record (alias to ${plainName(AliasTarget.DNSName)}) that leads browsers past every weight: remove it first, and wait for as long as its TTL.`,
    ];
  const leading = ResourceRecords.map((r) => r.Value ?? "").find((v) => !HARMLESS.test(v));
  if (leading === undefined) return [];
  return [
    `${name} has a ${Type} record (${leading}) that leads browsers past every weight: leave it a priority, the target "." and alpn alone, and wait for as long as its TTL.`,
  ];
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

function setRefused(name: string, type: string, routing: string, records: ResourceRecordSet[]): string {
  // An alias has the type and the TTL of the record that it leads to.
  const one = type === "CNAME" ? "one CNAME" : "one alias record";
  const then = `Move the set, with a TTL of 60 s, under a name of its own and let ${name} be ${one} to that name: that can be weighted.`;
  return routing === "weighted"
    ? `${name} ${type} has weighted records that are not cutover's (${idsOf(records)}): their weights would count too. ${then}`
    : `${name} ${type} is a ${routing} set (${idsOf(records)}), beside which Route 53 allows no weights. ${then}`;
}

const idsOf = (records: ResourceRecordSet[]): string => records.map((r) => r.SetIdentifier ?? "plain").join(", ");

/** What a record answers with, for people. */
export function answerOf(record: ResourceRecordSet | undefined): string {
  if (record === undefined) return "nothing";
  const { AliasTarget, ResourceRecords = [], TTL } = record;
  if (AliasTarget !== undefined) return `alias to ${plainName(AliasTarget.DNSName)}`;
  return `${ResourceRecords.map((r) => r.Value).join(", ")} (TTL ${TTL} s)`;
}

import { Resolver } from "node:dns/promises";
import type { ResourceRecordSet, Route53Client } from "@aws-sdk/client-route-53";
import { oldAddressesOf } from "../../config/oldSide.js";
import type { StackConfig } from "../../config/schema.js";
import type { TargetConfig } from "../../config/targets.js";
import { known, type Reading, unknown } from "../../ports/observations.js";
import { recordsOf } from "../aws/records.js";
import { ttlOf, weightOf } from "../aws/sets.js";
import { type NameSet, plainName } from "../aws/zone.js";
import { type Answers, answersOf, authoritativeServers, confirmedWeight, type NameServer, resolversFollow, shownTtl } from "./answers.js";

export interface Shown {
  config: () => StackConfig;
  target: TargetConfig;
  route53: Route53Client;
  nameServers?: NameServer[];
  resolvers?: NameServer[];
}

/** How often a host name is resolved for one reading: a load balancer may answer with another part of its addresses each time. */
const LOOKS = 3;

/** What a record answers with now: its own addresses or CNAME target, or the addresses that its alias leads to. */
async function answersWith(record: ResourceRecordSet | undefined, type: NameSet["type"]): Promise<string[] | undefined> {
  if (record === undefined) return [];
  const { AliasTarget, ResourceRecords = [] } = record;
  if (AliasTarget === undefined) return ResourceRecords.map((r) => plainName(r.Value));
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  const host = plainName(AliasTarget.DNSName);
  const found = new Set<string>();
  for (let i = 0; i < LOOKS; i += 1) {
    const addresses = await (type === "AAAA" ? resolver.resolve6(host) : resolver.resolve4(host)).catch(() => []);
    for (const address of addresses) found.add(address);
  }
  return found.size === 0 ? undefined : [...found];
}

interface Sides {
  old: string[];
  new: string[];
}

/**
 * Which answers are whose. One side that cannot be told takes what is not the other's: a load balancer's addresses change. Where
 * neither can be told there is nothing to conclude.
 */
async function sidesOf(set: NameSet, config: StackConfig, answers: Answers[]): Promise<Sides | undefined> {
  const old = await answersWith(set.old ?? set.plain, set.type);
  const fresh = await answersWith(set.new, set.type);
  const isFixed = (record: ResourceRecordSet | undefined) => record !== undefined && record.AliasTarget === undefined;
  const shown = [...new Set(answers.flatMap((a) => a.answers.flatMap((x) => x.addresses)))];
  const ofOld = [...(old ?? []), ...(set.type === "A" ? oldAddressesOf(config) : [])];
  const isGone = set.old === undefined && set.plain === undefined;
  if (isGone || isFixed(set.old ?? set.plain) || (fresh === undefined && ofOld.length > 0))
    return { old: ofOld, new: shown.filter((a) => !ofOld.includes(a)) };
  if (isFixed(set.new) || (old === undefined && (fresh ?? []).length > 0)) {
    const ofNew = fresh ?? [];
    return { old: shown.filter((a) => !ofNew.includes(a)), new: ofNew };
  }
  return old === undefined || fresh === undefined ? undefined : { old: ofOld, new: fresh };
}

const unresolved = ({ name, type }: NameSet): Reading =>
  unknown(
    `${name} ${type}: the hosts that its aliases lead to cannot be resolved from here, so no answer can be told from the other side's`,
  );

/** The weight that Route 53 has, confirmed by what its servers answer for every name; or the TTL that they show. */
export async function shownByDns(name: "dns-weight-new" | "dns-ttl", shown: Shown): Promise<Reading> {
  const { config, target, route53, nameServers } = shown;
  const sets = await recordsOf(route53, config());
  const told = name === "dns-ttl" ? ttlOf(sets) : weightOf(sets);
  if (!told.known) return told;
  const ttls: number[] = [];
  for (const set of sets) {
    // Nobody outside its VPCs can ask a private zone: what Route 53 was told is all there is.
    if (set.private) {
      ttls.push(told.value);
      continue;
    }
    const asked = askedName(set.name);
    const servers = nameServers ?? (await authoritativeServers(asked));
    const answers = await Promise.all(servers.map((s) => answersOf(s, asked, { samples: target.dns.samples, type: set.type })));
    const sides = await sidesOf(set, config(), answers);
    if (sides === undefined) return unresolved(set);
    const reading =
      name === "dns-weight-new"
        ? confirmedWeight(told.value, answers, sides)
        : set.type === "CNAME"
          ? told
          : shownTtl(answers, sides.old, unanswered(set));
    if (!reading.known) return sets.length === 1 ? reading : unknown(`${set.name} ${set.type}: ${reading.reason}`);
    ttls.push(reading.value);
  }
  return name === "dns-ttl" ? known(Math.max(...ttls)) : told;
}

/** The TTL of an old record that carries no weight beside a new one that does: nobody is answered with it. */
function unanswered(set: NameSet): number | undefined {
  if (set.old?.Weight !== 0 || (set.new?.Weight ?? 0) === 0) return undefined;
  const ttl = ttlOf([set]);
  return ttl.known ? ttl.value : undefined;
}

/** Any name stands for a wildcard's. */
const askedName = (name: string): string => name.replace(/^\*/, "cutover-probe");

/** What resolvers hold, against what the records say now. */
export async function shownByResolvers(shown: Shown): Promise<Reading> {
  const { config, target, route53, resolvers } = shown;
  const { dns, ingress } = config();
  if (dns === undefined || ingress === undefined) return unknown("the stack config has no dns section");
  const asked = resolvers ?? target.dns.resolvers.map((address) => ({ address }));
  const sets = (await recordsOf(route53, config())).filter((s) => !s.private);
  if (sets.length === 0) return unknown("every name is in a private zone: its resolvers cannot be asked from here");
  let least = 1;
  for (const set of sets) {
    // One answer is what it holds; a second one finds the other half of a resolver that is two machines.
    const answers = await Promise.all(asked.map((r) => answersOf(r, askedName(set.name), { samples: 2, type: set.type })));
    const sides = await sidesOf(set, config(), answers);
    if (sides === undefined) return unresolved(set);
    const ttlSeconds = (set.old ?? set.plain)?.TTL ?? Math.max(dns.ttlSeconds, 60);
    const reading = resolversFollow(answers, { oldAddresses: sides.old, weights: dns.weights, ttlSeconds });
    if (!reading.known) return reading;
    least = Math.min(least, reading.value);
  }
  return known(least);
}

import { Resolver } from "node:dns/promises";
import type { AwsClients } from "../adapters/aws/clients.js";
import { discoverZones, type HostedZone } from "../adapters/aws/discovery.js";
import { recordsAt, WEIGHED } from "../adapters/aws/zone.js";
import type { NameServer } from "../adapters/dns/answers.js";
import { namesOf, type ZoneName } from "../config/names.js";
import type { StackConfig } from "../config/schema.js";
import { Terminal } from "../errors.js";
import { examine, type Finding } from "./check.js";

const DELEGATION = "DNS delegation";
const ZONES = "DNS zones";
const FIND = "aws route53 list-hosted-zones";

/** Whether each zone that a stack names is there, holds the name, is what the config says it is, and is the one that the world is sent to. */
export async function zones(
  stack: string,
  config: StackConfig,
  { route53, ...others }: AwsClients,
  resolver: NameServer | undefined,
): Promise<Finding[]> {
  const names = namesOf(config);
  if (names.length === 0) return [{ check: DELEGATION, of: stack, standing: "ok", detail: "moves no name" }];
  let all: HostedZone[] = [];
  const listed = await examine(ZONES, stack, "Allow route53:ListHostedZones: deploy/iam-policy.json has the whole policy.", async () => {
    all = await discoverZones({ route53, ...others });
    return "listed";
  });
  if (listed.standing !== "ok") return [listed];
  const firsts = names.filter((n, i) => names.findIndex((o) => o.zoneId === n.zoneId) === i);
  const delegated = firsts.map((name) =>
    examine(DELEGATION, stack, "Set the zone's name servers at the registrar or in the parent zone.", () =>
      delegation(name, all, route53, resolver),
    ),
  );
  return [...(await Promise.all(delegated)), ...(await elsewhere(stack, names, all, route53))];
}

const isIn = (name: string, { name: zone }: HostedZone): boolean => name === zone || name.endsWith(`.${zone}`);

async function delegation(
  { name, zoneId, private: isPrivate }: ZoneName,
  all: HostedZone[],
  route53: AwsClients["route53"],
  resolver: NameServer | undefined,
): Promise<string> {
  const zone = all.find((z) => z.id === zoneId);
  if (zone === undefined) throw new Terminal(`there is no zone ${zoneId}`, { next: `Name the zone of ${name} in dns.zoneId: ${FIND}` });
  if (!isIn(name, zone))
    throw new Terminal(`zone ${zoneId} is ${zone.name}, and ${name} is not below it`, {
      next: `Name the zone of ${name} in dns.zoneId: ${FIND}`,
    });
  if (zone.private !== isPrivate)
    throw new Terminal(`zone ${zoneId} is a ${zone.private ? "private" : "public"} one, and the stack config says otherwise`, {
      next: `Set private to ${zone.private} where the stack config names ${zoneId}, or name the other zone of ${zone.name}: ${FIND}`,
    });
  if (zone.private) return `${zone.name} in ${zoneId} is private: nobody is sent to it from outside its VPCs`;
  const apex = (await recordsAt(route53, zoneId, zone.name)).find((r) => r.Type === "NS");
  const wanted = (apex?.ResourceRecords ?? []).map((r) => plain(r.Value ?? "")).sort();
  const lookUp = new Resolver({ timeout: 3_000, tries: 2 });
  if (resolver !== undefined) lookUp.setServers([`${resolver.address}:${resolver.port ?? 53}`]);
  const shown = await lookUp.resolveNs(zone.name).then(
    (servers) => servers.map(plain).sort(),
    (cause: Error) => {
      throw new Terminal(`nobody says who is in charge of ${zone.name} (${cause.message})`, {
        next: `Delegate ${zone.name} to ${wanted.join(", ")}.`,
      });
    },
  );
  if (shown.join() !== wanted.join())
    throw new Terminal(`${zone.name} is delegated to ${shown.join(", ")}, and not to the zone's own servers`, {
      next: `Delegate ${zone.name} to ${wanted.join(", ")}: weights set in another zone reach nobody.`,
    });
  return `${zone.name} is delegated to ${wanted.length} servers of ${zoneId}`;
}

/** Records of the same name in other zones of the account: whoever is answered from there does not move. */
async function elsewhere(stack: string, names: ZoneName[], all: HostedZone[], route53: AwsClients["route53"]): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const name of new Set(names.map((n) => n.name)))
    for (const zone of all) {
      if (!isIn(name, zone) || names.some((n) => n.name === name && n.zoneId === zone.id)) continue;
      const types = (await recordsAt(route53, zone.id, name)).flatMap(({ Type }) => WEIGHED.find((t) => t === Type) ?? []);
      if (types.length === 0) continue;
      const kind = zone.private ? "private" : "public";
      found.push({
        check: ZONES,
        of: stack,
        standing: "warning",
        detail: `${name} ${[...new Set(types)].join(" and ")} stands in the ${kind} zone ${zone.id} (${zone.name}) too: who is answered from there stays on the old side`,
        mend: zone.private
          ? `Name it in dns.also, to be moved with the others: { name: ${name}, zoneId: ${zone.id}, private: true }`
          : `Name the zone that ${zone.name} is delegated to, and remove the records from the other one: nobody is answered with them.`,
      });
    }
  return found;
}

const plain = (name: string): string => name.toLowerCase().replace(/\.$/, "");

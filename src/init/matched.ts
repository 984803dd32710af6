import type { Discovered, NameRow } from "../adapters/aws/discovery.js";
import type { Inventory } from "../inventory/csv.js";
import { type Found, matchResources, type Stated } from "../inventory/matching.js";
import { serviceNamed } from "../inventory/services.js";

/** Everything that was found in one account and region, with what it belongs with. */
function foundIn({ instances, databases, loadBalancers, services, letsIn }: Discovered, names: NameRow[]): Found[] {
  const hostsOf = (...targets: (string | undefined)[]) =>
    names.filter((n) => n.leadsTo.some((t) => targets.includes(t))).map((n) => n.name);
  const opened = (groups: string[]) => {
    const allowed = groups.flatMap((g) => letsIn.get(g) ?? []);
    return instances.filter((i) => i.securityGroups.some((g) => allowed.includes(g)));
  };
  return [
    ...loadBalancers.map(
      (b): Found => ({
        kind: "load balancer",
        id: b.name,
        name: b.name,
        tags: b.tags,
        linked: [],
        hosts: hostsOf(b.dnsName.toLowerCase()),
      }),
    ),
    ...instances.map(
      (i): Found => ({
        kind: "instance",
        id: i.id,
        name: i.name,
        tags: i.tags,
        linked: i.loadBalancers.map((id) => ({ id, how: "behind" })),
        hosts: hostsOf(i.publicIp, i.privateIp),
        names: i.targetGroups,
      }),
    ),
    ...databases.map(
      (d): Found => ({
        kind: "database",
        id: d.identifier,
        name: d.identifier,
        tags: d.tags,
        linked: opened(d.securityGroups).map((i) => ({ id: i.id, how: "its security group is open to" })),
      }),
    ),
    ...services.map((s): Found => ({ kind: s.kind, id: s.id, name: s.id, tags: s.tags, linked: [] })),
  ];
}

/** How dependencies call each resource: a database by its engine. */
const calledIn = ({ databases, services }: Discovered): Map<string, string> =>
  new Map([
    ...databases.map((d) => [d.identifier, serviceNamed(d.engine) ?? d.engine] as const),
    ...services.map((s) => [s.id, s.service] as const),
  ]);

/** Names lead from one account into another; neighbours are always of the same account and region. */
export function matchedIn(found: Discovered, inventory: Inventory, stated: Stated[], names: NameRow[]) {
  return { ...matchResources(inventory, foundIn(found, names), stated), called: calledIn(found), at: [found.account, found.region] };
}

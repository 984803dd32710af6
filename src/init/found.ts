import { isIPv4 } from "node:net";
import type { Discovered } from "../adapters/aws/discovery.js";
import { HOST_NAME } from "../config/names.js";
import type { OldEndpoint } from "../config/oldSide.js";
import type { Application, Inventory } from "../inventory/csv.js";
import { matchedIn } from "./matched.js";

/** What was found of one application's old side. */
export interface FoundSide {
  instanceIds: string[];
  endpoints: OldEndpoint[];
  /** Public zone that the application's host is in, where there is one of that name. */
  zoneId?: string;
  /** What is not certain, for a person to answer. */
  questions: string[];
}

/**
 * The old side of each application, as accounts show it: what its host leads to, and what tags name it. What a name alone makes
 * likely is asked, and not written. Pure.
 * @param hostOf the name that an application's users ask for, where it has one
 */
export function foundSides(
  all: Discovered[],
  inventory: Inventory,
  hostOf: (a: Application) => string | undefined,
): Map<string, FoundSide> {
  const stated = inventory.applications.map((a) => ({ application: a.name, hosts: [hostOf(a) ?? []].flat(), ids: [] }));
  const names = all.flatMap((d) => d.names);
  const matches = all.flatMap((d) => matchedIn(d, inventory, stated, names).matches.map((m) => ({ ...m, found: d })));
  return new Map(
    inventory.applications.map((application): [string, FoundSide] => {
      const mine = matches.filter((m) => m.application === application.name);
      const certain = mine.filter((m) => m.confidence === "certain");
      const host = hostOf(application);
      const instances = certain.flatMap((m) => (m.kind === "instance" ? m.found.instances.filter((i) => i.id === m.id) : []));
      const balancers = certain.flatMap((m) => (m.kind === "load balancer" ? m.found.loadBalancers.filter((b) => b.name === m.id) : []));
      const led = host === undefined ? [] : names.filter((n) => n.name === host).flatMap((n) => n.leadsTo);
      const zones = host === undefined ? [] : zonesOf(all, host);
      const [zone] = zones;
      return [
        application.name,
        {
          instanceIds: [...new Set(instances.map((i) => i.id))],
          endpoints: distinct([
            ...ledTo(all, led),
            ...balancers.map((b) => ({ kind: "load-balancer" as const, arn: b.arn })),
            ...instances.flatMap(({ tags }) => groupOf(tags)),
          ]),
          ...(zone === undefined || zones.length > 1 ? {} : { zoneId: zone.id }),
          questions: [
            ...mine
              .filter((m) => m.confidence === "likely" && (m.kind === "instance" || m.kind === "load balancer"))
              .map((m) => `Does the ${m.kind} ${m.id} serve ${application.name} (${m.evidence.join("; ")})? Name it in old if it does.`),
            ...led
              .filter((t) => t.endsWith(".cloudfront.net"))
              .map((t) => `${host} leads to ${t}: name the distribution by its id in old.endpoints (aws cloudfront list-distributions).`),
            ...(zones.length > 1
              ? [`${host} may be in ${zones.map((z) => z.id).join(" or ")}: which of the zones is it delegated to?`]
              : []),
          ],
        },
      ];
    }),
  );
}

/** What names lead to: load balancers by ARN, addresses together, anything else by its name. */
function ledTo(all: Discovered[], targets: string[]): OldEndpoint[] {
  const balancers = all.flatMap((d) => d.loadBalancers);
  const addresses = [...new Set(targets.filter((t) => isIPv4(t)))];
  return [
    ...targets.flatMap((target): OldEndpoint[] => {
      const balancer = balancers.find((b) => b.dnsName.toLowerCase() === target);
      if (balancer !== undefined) return [{ kind: "load-balancer", arn: balancer.arn }];
      return HOST_NAME.test(target) ? [{ kind: "host", name: target }] : [];
    }),
    ...(addresses.length === 0 ? [] : [{ kind: "addresses" as const, addresses }]),
  ];
}

function groupOf(tags: Record<string, string>): OldEndpoint[] {
  const name = tags["aws:autoscaling:groupName"];
  return name === undefined ? [] : [{ kind: "auto-scaling-group", name }];
}

/** The public zones whose name is the longest that a host ends with. */
function zonesOf(all: Discovered[], host: string) {
  const zones = all.flatMap((d) => d.zones).filter((z) => !z.private && (host === z.name || host.endsWith(`.${z.name}`)));
  const longest = Math.max(0, ...zones.map((z) => z.name.length));
  const ids = new Map(zones.filter((z) => z.name.length === longest).map((z) => [z.id, z]));
  return [...ids.values()];
}

const distinct = (endpoints: OldEndpoint[]): OldEndpoint[] => [...new Map(endpoints.map((e) => [JSON.stringify(e), e])).values()];

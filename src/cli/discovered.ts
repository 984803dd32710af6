import type { Discovered } from "../adapters/aws/discovery.js";
import { matchedIn } from "../init/matched.js";
import type { Inventory } from "../inventory/csv.js";
import { matchDependencies, type Stated } from "../inventory/matching.js";

/** One table of what was found. */
export interface Sheet {
  title: string;
  header: string[];
  rows: (string | number)[][];
}

/** What each application depends on, and what of it was found in any account. */
function dependenciesOf(inventory: Inventory, parts: ReturnType<typeof matchedIn>[]): Sheet["rows"] {
  const all = parts.map(({ matches, called }) => matchDependencies(inventory, matches, called));
  return (all[0] ?? []).map(({ application, dependency, service }, i) => {
    const resources = all.flatMap((list) => list[i]?.resources ?? []);
    return [application, dependency, service, resources.join(", ") || "none found"];
  });
}

/** The guide's tables, and what belongs to which application. */
export function sheets(all: Discovered[], inventory: Inventory, stated: Stated[]): Sheet[] {
  const names = all.flatMap((d) => d.names);
  const parts = all.map((d) => matchedIn(d, inventory, stated, names));
  const zones = new Map(all.flatMap((d) => d.zones.map((z) => [z.id, { ...z, account: d.account }] as const)));
  const rowsOf = <T>(of: (d: Discovered) => T[], row: (item: T) => (string | number)[]): Sheet["rows"] =>
    all.flatMap((d) => of(d).map((item) => [...row(item), d.account, d.region]));
  const WHERE = ["Account", "Region"];
  return [
    {
      title: "Instances",
      header: ["InstanceId", "InstanceType", "State", "Name", ...WHERE],
      rows: rowsOf(
        (d) => d.instances,
        (i) => [i.id, i.type, i.state, i.name ?? "-"],
      ),
    },
    {
      title: "Databases",
      header: ["DBInstanceIdentifier", "Engine", "EngineVersion", "DBInstanceClass", "Endpoint", "SizeGb", "Encrypted", ...WHERE],
      rows: rowsOf(
        (d) => d.databases,
        (d) => [d.identifier, d.engine, d.version, d.class, d.endpoint ?? "-", d.sizeGb, d.encrypted ? "yes" : "no"],
      ),
    },
    {
      title: "Load balancers",
      header: ["LoadBalancerName", "Type", "State", "DNSName", ...WHERE],
      rows: rowsOf(
        (d) => d.loadBalancers,
        (b) => [b.name, b.type, b.state, b.dnsName],
      ),
    },
    {
      title: "Hosted zones",
      header: ["Id", "Name", "Private", "Account"],
      rows: [...zones.values()].map((z) => [z.id, z.name, z.private ? "yes" : "no", z.account]),
    },
    {
      title: "Certificates",
      header: ["Domain", "Status", "Expires", ...WHERE],
      rows: rowsOf(
        (d) => d.certificates,
        (c) => [c.domain, c.status, c.expires ?? "-"],
      ),
    },
    {
      title: "Services",
      header: ["Service", "Kind", "Id", ...WHERE],
      rows: rowsOf(
        (d) => d.services,
        (s) => [s.service, s.kind, s.id],
      ),
    },
    {
      title: "Applications",
      header: ["Application", "Kind", "Resource", "Confidence", "Evidence", ...WHERE],
      rows: parts.flatMap(({ matches, at }) =>
        matches.map((m) => [m.application, m.kind, m.id, m.confidence, m.evidence.join("; "), ...at]),
      ),
    },
    {
      title: "Dependencies",
      header: ["Application", "Dependency", "Service", "Resources"],
      rows: dependenciesOf(inventory, parts),
    },
    {
      title: "Of no application",
      header: ["Kind", "Resource", "Name", "Why", ...WHERE],
      rows: parts.flatMap(({ unmatched, at }) => unmatched.map(({ found: f, why }) => [f.kind, f.id, f.name ?? "-", why, ...at])),
    },
  ];
}

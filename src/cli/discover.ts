import { stringify as toYaml } from "yaml";
import { type AwsAccount, awsClients } from "../adapters/aws/clients.js";
import { type Discovered, discover } from "../adapters/aws/discovery.js";
import type { StackConfig } from "../config/schema.js";
import { StackFile } from "../config/stackFile.js";
import { UserError } from "../errors.js";
import type { Inventory } from "../inventory/csv.js";
import { serviceNamed } from "../inventory/graph.js";
import { type Found, matchDependencies, matchResources, type Stated } from "../inventory/matching.js";
import { folderProject } from "./project.js";

export interface DiscoverOptions {
  stacks: string;
  region: string[];
  profile: string[];
  role: string[];
  endpoint?: string;
  output: "table" | "markdown" | "csv" | "json" | "yaml";
}

/** Lists what runs today in every named account and region, and which application it belongs to. */
export async function discoverCommand(options: DiscoverOptions): Promise<void> {
  const inventory = await folderProject(options.stacks).inventory();
  const found = await Promise.all(accountsOf(options).map(discoverAccount));
  process.stdout.write(`${render(sheets(found, inventory, await statedIn(options.stacks)), options.output)}\n`);
}

/** Every region in every account: one with its own credentials, or each profile, or each role. */
function accountsOf({ region, profile, role, endpoint }: DiscoverOptions): AwsAccount[] {
  const regions = region.length > 0 ? region : [process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? ""];
  if (regions.includes(""))
    throw new UserError({ path: "--region", accepted: "a region, for example us-east-2 (or AWS_REGION in the environment)" });
  const identities: Partial<AwsAccount>[] = [...profile.map((p) => ({ profile: p })), ...role.map((r) => ({ roleArn: r }))];
  const there = endpoint === undefined ? {} : { endpoint };
  return (identities.length === 0 ? [{}] : identities).flatMap((identity) => regions.map((r) => ({ region: r, ...identity, ...there })));
}

async function discoverAccount(account: AwsAccount): Promise<Discovered> {
  const clients = awsClients(account);
  try {
    return await discover(clients);
  } finally {
    clients.close();
  }
}

interface Sheet {
  title: string;
  header: string[];
  rows: (string | number)[][];
}

/** What all stack configs say of the old side; their secrets are not needed for that. */
async function statedIn(folder: string): Promise<Stated[]> {
  const stacks = await StackFile.list(folder);
  return Promise.all(
    stacks.map(async (stack) => {
      const raw = (await StackFile.read(folder, stack)).raw();
      const section = <T extends object>(name: string): Partial<T> => (raw[`cutover:${name}`] ?? {}) as Partial<T>;
      const { host } = section<NonNullable<StackConfig["ingress"]>>("ingress");
      const { instanceIds = [], loadBalancerArn, databaseIdentifier } = section<NonNullable<StackConfig["old"]>>("old");
      const balancer = loadBalancerArn?.split("/").at(-2);
      return {
        application: section<StackConfig["application"]>("application").name ?? stack,
        hosts: host === undefined ? [] : [host],
        ids: [...instanceIds, balancer, databaseIdentifier].filter((id) => id !== undefined),
      };
    }),
  );
}

/** Everything that was found, with what it belongs with. */
function foundIn({ instances, databases, loadBalancers, services, names, letsIn }: Discovered): Found[] {
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

/** The guide's tables, and what belongs to which application. */
function sheets(all: Discovered[], inventory: Inventory, stated: Stated[]): Sheet[] {
  const instances = all.flatMap((d) => d.instances);
  const databases = all.flatMap((d) => d.databases);
  const balancers = all.flatMap((d) => d.loadBalancers);
  const services = all.flatMap((d) => d.services);
  const { matches, unmatched } = matchResources(inventory, all.flatMap(foundIn), stated);
  const called = new Map([
    ...databases.flatMap((d) => [[d.identifier, serviceNamed(d.engine) ?? d.engine] as const]),
    ...services.map((s) => [s.id, s.service] as const),
  ]);
  const needed = matchDependencies(inventory, matches, called);
  const zones = new Map(all.flatMap((d) => d.zones).map((z) => [z.id, z]));
  return [
    {
      title: "Instances",
      header: ["InstanceId", "InstanceType", "State", "Name", "Region"],
      rows: instances.map((i) => [i.id, i.type, i.state, i.name ?? "-", i.region]),
    },
    {
      title: "Databases",
      header: ["DBInstanceIdentifier", "Engine", "EngineVersion", "DBInstanceClass", "Endpoint", "SizeGb", "Encrypted", "Region"],
      rows: databases.map((d) => [
        d.identifier,
        d.engine,
        d.version,
        d.class,
        d.endpoint ?? "-",
        d.sizeGb,
        d.encrypted ? "yes" : "no",
        d.region,
      ]),
    },
    {
      title: "Load balancers",
      header: ["LoadBalancerName", "Type", "State", "DNSName", "Region"],
      rows: balancers.map((b) => [b.name, b.type, b.state, b.dnsName, b.region]),
    },
    {
      title: "Hosted zones",
      header: ["Id", "Name", "Private"],
      rows: [...zones.values()].map((z) => [z.id, z.name, z.private ? "yes" : "no"]),
    },
    {
      title: "Certificates",
      header: ["Domain", "Status", "Expires", "Region"],
      rows: all.flatMap((d) => d.certificates).map((c) => [c.domain, c.status, c.expires ?? "-", c.region]),
    },
    {
      title: "Services",
      header: ["Service", "Kind", "Id", "Region"],
      rows: services.map((s) => [s.service, s.kind, s.id, s.region]),
    },
    {
      title: "Applications",
      header: ["Application", "Kind", "Resource", "Confidence", "Evidence"],
      rows: matches.map((m) => [m.application, m.kind, m.id, m.confidence, m.evidence.join("; ")]),
    },
    {
      title: "Dependencies",
      header: ["Application", "Dependency", "Service", "Resources"],
      rows: needed.map((n) => [n.application, n.dependency, n.service, n.resources.join(", ") || "none found"]),
    },
    {
      title: "Of no application",
      header: ["Kind", "Resource", "Name", "Why"],
      rows: unmatched.map(({ found: f, why }) => [f.kind, f.id, f.name ?? "-", why]),
    },
  ];
}

function render(all: Sheet[], output: DiscoverOptions["output"]): string {
  switch (output) {
    case "json":
      return JSON.stringify(asData(all), undefined, 2);
    case "yaml":
      return toYaml(asData(all)).trimEnd();
    case "csv":
      return all.map((s) => [`# ${s.title}`, ...[s.header, ...s.rows].map((r) => r.map(csvCell).join(","))].join("\n")).join("\n\n");
    case "markdown":
      return all.map((s) => `## ${s.title}\n\n${markdown(s)}`).join("\n\n");
    case "table":
      return all.map((s) => `${s.title} (${s.rows.length})\n${table(s)}`).join("\n\n");
  }
}

const keyOf = (text: string): string => text.toLowerCase().replaceAll(/\s+(\w)/g, (_, c: string) => c.toUpperCase());
const asData = (all: Sheet[]) =>
  Object.fromEntries(all.map((s) => [keyOf(s.title), s.rows.map((r) => Object.fromEntries(s.header.map((h, i) => [h, r[i]])))]));
const csvCell = (value: string | number): string =>
  /[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);

function markdown({ header, rows }: Sheet): string {
  const line = (cells: (string | number)[]) => `| ${cells.map((c) => String(c).replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(header), `|${"---|".repeat(header.length)}`, ...rows.map(line)].join("\n");
}

function table({ header, rows }: Sheet): string {
  const cells = [header, ...rows.map((r) => r.map(String))];
  const widths = header.map((_, i) => Math.max(...cells.map((r) => r[i]?.length ?? 0)));
  return cells
    .map((r) =>
      r
        .map((c, i) => c.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

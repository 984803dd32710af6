import { stringify as toYaml } from "yaml";
import { type AwsAccount, awsClients } from "../adapters/aws/clients.js";
import { type Discovered, discover } from "../adapters/aws/discovery.js";
import { endpointsOf } from "../config/oldSide.js";
import type { StackConfig } from "../config/schema.js";
import { StackFile } from "../config/stackFile.js";
import { UserError } from "../errors.js";
import type { Stated } from "../inventory/matching.js";
import { counted } from "../lib/plural.js";
import { type Sheet, sheets } from "./discovered.js";
import { tableOf } from "./output.js";
import { folderProject } from "./project.js";

/** Where to look. */
export interface Accounts {
  region: string[];
  profile: string[];
  role: string[];
  endpoint?: string;
}

export interface DiscoverOptions extends Accounts {
  stacks: string;
  output: "table" | "markdown" | "csv" | "json" | "yaml";
}

/** Lists what runs today in every named account and region, and which application it belongs to. */
export async function discoverCommand(options: DiscoverOptions): Promise<void> {
  const inventory = await folderProject(options.stacks).inventory();
  const began = performance.now();
  const found = await discoverAll(options);
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  process.stdout.write(`${render(sheets(found, inventory, await statedIn(options.stacks)), options.output)}\n`);
  process.stderr.write(`Discovered ${summaryOf(found)} in ${seconds} s.\n`);
}

/** Everything of every account and region that is named. */
export const discoverAll = (options: Accounts): Promise<Discovered[]> => Promise.all(accountsOf(options).map(discoverAccount));

function summaryOf(found: Discovered[]): string {
  const sum = (count: (d: Discovered) => number): number => found.reduce((total, d) => total + count(d), 0);
  const counts = [
    `${counted(
      sum((d) => d.instances.length),
      "instance",
    )}`,
    `${sum((d) => d.databases.length)} databases`,
    `${sum((d) => d.loadBalancers.length)} load balancers`,
  ];
  const accounts = new Set(found.map((d) => d.account)).size;
  const regions = new Set(found.map((d) => d.region)).size;
  return `${counts.join(", ")} in ${accounts} account${accounts === 1 ? "" : "s"} and ${regions} region${regions === 1 ? "" : "s"}`;
}

/** Every region in every account: one with its own credentials, or each profile, or each role. */
function accountsOf({ region, profile, role, endpoint }: Accounts): AwsAccount[] {
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

/** What all stack configs say of the old side; their secrets are not needed for that. */
async function statedIn(folder: string): Promise<Stated[]> {
  const stacks = await StackFile.list(folder);
  return Promise.all(
    stacks.map(async (stack) => {
      const raw = (await StackFile.read(folder, stack)).raw();
      const section = <T extends object>(name: string): Partial<T> => (raw[`cutover:${name}`] ?? {}) as Partial<T>;
      const { host } = section<NonNullable<StackConfig["ingress"]>>("ingress");
      const old = section<NonNullable<StackConfig["old"]>>("old");
      const { instanceIds = [], databaseIdentifier } = old;
      const balancers = endpointsOf(old).flatMap((e) => (e.kind === "load-balancer" ? (e.arn.split("/").at(-2) ?? []) : []));
      return {
        application: section<StackConfig["application"]>("application").name ?? stack,
        hosts: host === undefined ? [] : [host],
        ids: [...instanceIds, ...balancers, databaseIdentifier].filter((id) => id !== undefined),
      };
    }),
  );
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
      return all.map((s) => `${s.title} (${s.rows.length})\n${tableOf(s.header, s.rows)}`).join("\n\n");
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

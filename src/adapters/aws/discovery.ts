import { paginateListCertificates } from "@aws-sdk/client-acm";
import { paginateDescribeInstances } from "@aws-sdk/client-ec2";
import { paginateDescribeDBInstances } from "@aws-sdk/client-rds";
import { paginateListHostedZones } from "@aws-sdk/client-route-53";
import type { DatabaseRow, InstanceRow, LoadBalancerRow } from "../../ports/target.js";
import type { AwsClients } from "./clients.js";
import { allLoadBalancers, allTargetGroups, targetHealth } from "./pages.js";
import { discoverServices, type ServiceRow } from "./services.js";

export interface DiscoveredInstance extends InstanceRow {
  privateIp: string | undefined;
  publicIp: string | undefined;
  securityGroups: string[];
  tags: Record<string, string>;
  /** Load balancers that send requests to it. */
  loadBalancers: string[];
}

export interface DiscoveredDatabase extends DatabaseRow {
  arn: string;
  encrypted: boolean;
  backupRetentionDays: number;
  replicaOf: string | undefined;
  tags: Record<string, string>;
}

export interface DiscoveredLoadBalancer extends LoadBalancerRow {
  tags: Record<string, string>;
}

export interface HostedZone {
  id: string;
  name: string;
  private: boolean;
}

export interface CertificateRow {
  arn: string;
  domain: string;
  /** Every name that it is for, the domain among them. */
  names: string[];
  status: string;
  expires: string | undefined;
  region: string;
}

/** Everything of one account and region, all pages. */
export interface Discovered {
  region: string;
  instances: DiscoveredInstance[];
  databases: DiscoveredDatabase[];
  loadBalancers: DiscoveredLoadBalancer[];
  zones: HostedZone[];
  certificates: CertificateRow[];
  services: ServiceRow[];
}

const MOST = 100;
const tagsOf = (tags: { Key?: string; Value?: string }[] | undefined): Record<string, string> =>
  Object.fromEntries((tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));

export async function discover(clients: AwsClients): Promise<Discovered> {
  const { region } = clients.account;
  const [instances, databases, loadBalancers, zones, certificates, services] = await Promise.all([
    discoverInstances(clients),
    discoverDatabases(clients),
    discoverLoadBalancers(clients),
    discoverZones(clients),
    discoverCertificates(clients),
    discoverServices(clients),
  ]);
  return { region, instances, databases, loadBalancers, zones, certificates, services };
}

export async function discoverInstances(clients: AwsClients): Promise<DiscoveredInstance[]> {
  const { region } = clients.account;
  const behind = await balancersByTarget(clients);
  const found: DiscoveredInstance[] = [];
  for await (const page of paginateDescribeInstances({ client: clients.ec2, pageSize: MOST }, {})) {
    for (const i of (page.Reservations ?? []).flatMap((r) => r.Instances ?? [])) {
      const tags = tagsOf(i.Tags);
      const id = i.InstanceId ?? "";
      found.push({
        id,
        type: i.InstanceType ?? "",
        state: i.State?.Name ?? "unknown",
        name: tags.Name,
        region,
        privateIp: i.PrivateIpAddress,
        publicIp: i.PublicIpAddress,
        securityGroups: (i.SecurityGroups ?? []).flatMap((g) => g.GroupId ?? []),
        tags,
        loadBalancers: behind.get(id) ?? [],
      });
    }
  }
  return found;
}

/** Names of load balancers by the instance or address that their target groups send requests to. */
async function balancersByTarget({ elb }: AwsClients): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for await (const group of allTargetGroups(elb)) {
    const balancers = (group.LoadBalancerArns ?? []).map((arn) => arn.split("/").at(-2) ?? arn);
    if (balancers.length === 0) continue;
    for (const target of await targetHealth(elb, group.TargetGroupArn ?? "")) {
      const id = target.Target?.Id ?? "";
      found.set(id, [...new Set([...(found.get(id) ?? []), ...balancers])]);
    }
  }
  return found;
}

export async function discoverDatabases({ rds, account: { region } }: AwsClients): Promise<DiscoveredDatabase[]> {
  const found: DiscoveredDatabase[] = [];
  for await (const page of paginateDescribeDBInstances({ client: rds, pageSize: MOST }, {})) {
    for (const d of page.DBInstances ?? [])
      found.push({
        identifier: d.DBInstanceIdentifier ?? "",
        engine: d.Engine ?? "",
        version: d.EngineVersion ?? "",
        class: d.DBInstanceClass ?? "",
        endpoint: d.Endpoint?.Address,
        sizeGb: d.AllocatedStorage ?? 0,
        region,
        arn: d.DBInstanceArn ?? "",
        encrypted: d.StorageEncrypted === true,
        backupRetentionDays: d.BackupRetentionPeriod ?? 0,
        replicaOf: d.ReadReplicaSourceDBInstanceIdentifier || undefined,
        tags: tagsOf(d.TagList),
      });
  }
  return found;
}

export async function discoverLoadBalancers({ elb, account: { region } }: AwsClients): Promise<DiscoveredLoadBalancer[]> {
  const found: DiscoveredLoadBalancer[] = [];
  for await (const { balancer, tags } of allLoadBalancers(elb))
    found.push({
      name: balancer.LoadBalancerName ?? "",
      type: balancer.Type ?? "",
      state: balancer.State?.Code ?? "unknown",
      dnsName: balancer.DNSName ?? "",
      arn: balancer.LoadBalancerArn ?? "",
      region,
      tags: tagsOf(tags),
    });
  return found;
}

async function discoverZones({ route53 }: AwsClients): Promise<HostedZone[]> {
  const found: HostedZone[] = [];
  for await (const page of paginateListHostedZones({ client: route53, pageSize: MOST }, {}))
    for (const z of page.HostedZones ?? [])
      found.push({
        id: (z.Id ?? "").replace("/hostedzone/", ""),
        name: (z.Name ?? "").replace(/\.$/, ""),
        private: z.Config?.PrivateZone === true,
      });
  return found;
}

export async function discoverCertificates({ acm, account: { region } }: AwsClients): Promise<CertificateRow[]> {
  const found: CertificateRow[] = [];
  for await (const page of paginateListCertificates({ client: acm, pageSize: MOST }, {}))
    for (const c of page.CertificateSummaryList ?? [])
      found.push({
        arn: c.CertificateArn ?? "",
        domain: c.DomainName ?? "",
        names: [...new Set([...(c.DomainName === undefined ? [] : [c.DomainName]), ...(c.SubjectAlternativeNameSummaries ?? [])])],
        status: c.Status ?? "",
        expires: c.NotAfter?.toISOString(),
        region,
      });
  return found;
}

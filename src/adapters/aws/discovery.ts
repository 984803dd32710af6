import { KeyAlgorithm, paginateListCertificates } from "@aws-sdk/client-acm";
import { paginateDescribeInstances, paginateDescribeSecurityGroups } from "@aws-sdk/client-ec2";
import { paginateDescribeDBInstances } from "@aws-sdk/client-rds";
import {
  ListResourceRecordSetsCommand,
  type ListResourceRecordSetsCommandInput,
  type ListResourceRecordSetsCommandOutput,
  paginateListHostedZones,
  type ResourceRecordSet,
} from "@aws-sdk/client-route-53";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import type { DatabaseRow, InstanceRow, LoadBalancerRow } from "../../ports/target.js";
import type { AwsClients } from "./clients.js";
import { allLoadBalancers, allTargetGroups, targetHealth } from "./pages.js";
import { discoverServices, type ServiceRow } from "./services.js";
import { plainName } from "./zone.js";

export interface DiscoveredInstance extends InstanceRow {
  privateIp: string | undefined;
  publicIp: string | undefined;
  securityGroups: string[];
  tags: Record<string, string>;
  /** Load balancers that send requests to it. */
  loadBalancers: string[];
  /** Names of the target groups that it is in. */
  targetGroups: string[];
}

export interface DiscoveredDatabase extends DatabaseRow {
  arn: string;
  encrypted: boolean;
  backupRetentionDays: number;
  replicaOf: string | undefined;
  securityGroups: string[];
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

/** A name in a hosted zone and what it leads to: addresses, or the name of a load balancer. */
export interface NameRow {
  name: string;
  /** Zone that it stands in. */
  zoneId: string;
  leadsTo: string[];
}

/** Everything of one account and region, all pages. */
export interface Discovered {
  /** Number of the account. */
  account: string;
  region: string;
  instances: DiscoveredInstance[];
  databases: DiscoveredDatabase[];
  loadBalancers: DiscoveredLoadBalancer[];
  zones: HostedZone[];
  certificates: CertificateRow[];
  services: ServiceRow[];
  names: NameRow[];
  /** Security group → those that its rules let in. */
  letsIn: Map<string, string[]>;
}

const MOST = 100;
const tagsOf = (tags: { Key?: string | undefined; Value?: string | undefined }[] | undefined): Record<string, string> =>
  Object.fromEntries((tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));

export async function discover(clients: AwsClients): Promise<Discovered> {
  const { region } = clients.account;
  const [account, instances, databases, loadBalancers, zones, certificates, services, letsIn] = await Promise.all([
    accountOf(clients),
    discoverInstances(clients),
    discoverDatabases(clients),
    discoverLoadBalancers(clients),
    discoverZones(clients),
    discoverCertificates(clients),
    discoverServices(clients),
    discoverGroups(clients),
  ]);
  const names = await discoverNames(clients, zones);
  return { account, region, instances, databases, loadBalancers, zones, certificates, services, names, letsIn };
}

async function accountOf({ sts }: AwsClients): Promise<string> {
  return (await sts.send(new GetCallerIdentityCommand({}))).Account ?? "";
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
        loadBalancers: behind.get(id)?.balancers ?? [],
        targetGroups: behind.get(id)?.groups ?? [],
      });
    }
  }
  return found;
}

/** Only rules that name another group: an address range says nothing about who is meant. */
async function discoverGroups({ ec2 }: AwsClients): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for await (const page of paginateDescribeSecurityGroups({ client: ec2, pageSize: MOST }, {}))
    for (const { GroupId = "", IpPermissions = [] } of page.SecurityGroups ?? []) {
      const others = IpPermissions.flatMap((p) => (p.UserIdGroupPairs ?? []).flatMap((pair) => pair.GroupId ?? []));
      if (others.length > 0) found.set(GroupId, [...new Set(others)]);
    }
  return found;
}

export async function discoverNames({ route53 }: AwsClients, zones: HostedZone[]): Promise<NameRow[]> {
  const found: NameRow[] = [];
  for (const { id } of zones)
    for await (const { Name, Type, ResourceRecords = [], AliasTarget } of allRecords(route53, id)) {
      if (Type !== "A" && Type !== "AAAA" && Type !== "CNAME") continue;
      const targets = [...ResourceRecords.map((r) => r.Value), AliasTarget?.DNSName].flatMap((t) =>
        t === undefined ? [] : [plainName(t)],
      );
      // Route 53's console puts this before the names of load balancers.
      found.push({ name: plainName(Name), zoneId: id, leadsTo: targets.map((t) => t.replace(/^dualstack\./, "")) });
    }
  return found;
}

/** The SDK has no paginator for this call. */
async function* allRecords(route53: AwsClients["route53"], HostedZoneId: string): AsyncGenerator<ResourceRecordSet> {
  let next: Omit<ListResourceRecordSetsCommandInput, "HostedZoneId"> | undefined = {};
  while (next !== undefined) {
    const page: ListResourceRecordSetsCommandOutput = await route53.send(new ListResourceRecordSetsCommand({ HostedZoneId, ...next }));
    yield* page.ResourceRecordSets ?? [];
    next =
      page.IsTruncated === true
        ? {
            StartRecordName: page.NextRecordName,
            StartRecordType: page.NextRecordType,
            StartRecordIdentifier: page.NextRecordIdentifier,
          }
        : undefined;
  }
}

/** Names of load balancers by the instance or address that their target groups send requests to. */
async function balancersByTarget({ elb }: AwsClients): Promise<Map<string, { balancers: string[]; groups: string[] }>> {
  const found = new Map<string, { balancers: string[]; groups: string[] }>();
  for await (const group of allTargetGroups(elb)) {
    const balancers = (group.LoadBalancerArns ?? []).map((arn) => arn.split("/").at(-2) ?? arn);
    for (const target of await targetHealth(elb, group.TargetGroupArn ?? "")) {
      const id = target.Target?.Id ?? "";
      const before = found.get(id);
      found.set(id, {
        balancers: [...new Set([...(before?.balancers ?? []), ...balancers])],
        groups: [...(before?.groups ?? []), ...(group.TargetGroupName === undefined ? [] : [group.TargetGroupName])],
      });
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
        securityGroups: (d.VpcSecurityGroups ?? []).flatMap((g) => g.VpcSecurityGroupId ?? []),
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

export async function discoverZones({ route53 }: AwsClients): Promise<HostedZone[]> {
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
  // Without being asked for every kind of key, ACM lists those with RSA keys of up to 2 048 bits alone.
  const Includes = { keyTypes: Object.values(KeyAlgorithm) };
  for await (const page of paginateListCertificates({ client: acm, pageSize: MOST }, { Includes }))
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

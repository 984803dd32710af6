import { DescribeInstancesCommand, type Instance } from "@aws-sdk/client-ec2";
import {
  DescribeListenersCommand,
  DescribeLoadBalancerAttributesCommand,
  type LoadBalancer,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { hostsOf, namesOf } from "../../config/names.js";
import { balancerName, oldBalancerOf, oldGroupsOf } from "../../config/oldSide.js";
import type { StackConfig } from "../../config/schema.js";
import { groupsOf } from "../../config/shift.js";
import { known, type Reading, unknown } from "../../ports/observations.js";
import { terminationProtected } from "./autoScaling.js";
import type { AwsClients } from "./clients.js";
import { instanceOf } from "./databases.js";
import { discoverInstances, discoverNames, discoverZones } from "./discovery.js";
import { othersToOldGroup, ruleStanding } from "./groups.js";
import { metricData } from "./metrics.js";
import { allLoadBalancers, allTargetGroups, rulesOf, targetHealth } from "./pages.js";

/** How many still use something, and who. */
export interface Uses {
  reading: Reading;
  detail: string;
}

const HOUR = 3_600;
/** Agents and the operating system alone receive less in an hour. */
const IDLE_BYTES_AN_HOUR = 60_000_000;

/** Nobody, or each by its words. */
export const usesOf = (found: readonly string[]): Uses => ({ reading: known(found.length), detail: found.join("; ") });
const notKnown = (reason: string): Uses => ({ reading: unknown(reason), detail: "" });

/** Sums of the last hours, an hour each; empty where CloudWatch has no samples. */
async function hourly(
  clients: AwsClients,
  metric: { namespace: string; names: string[]; dimensions: Record<string, string>; stat?: string },
  seconds: number,
  now: number,
): Promise<Map<string, number[]>> {
  const data = await metricData(clients, {
    StartTime: new Date(now - Math.max(HOUR, seconds) * 1_000),
    EndTime: new Date(now),
    MetricDataQueries: metric.names.map((MetricName, i) => ({
      Id: `m${i}`,
      MetricStat: {
        Metric: {
          Namespace: metric.namespace,
          MetricName,
          Dimensions: Object.entries(metric.dimensions).map(([Name, Value]) => ({ Name, Value })),
        },
        Period: HOUR,
        Stat: metric.stat ?? "Sum",
      },
    })),
  });
  return new Map(metric.names.map((name, i) => [name, data(`m${i}`).Values ?? []]));
}

const sum = (values: number[] = []): number => values.reduce((a, b) => a + b, 0);

/** Which metrics of a load balancer count what reaches it, by its ARN. */
function countedBy(arn: string): { namespace: string; names: string[]; dimensions: Record<string, string> } {
  const suffix = balancerName(arn);
  if (suffix.startsWith("app/"))
    return {
      namespace: "AWS/ApplicationELB",
      names: ["RequestCount", "HTTPCode_ELB_5XX_Count"],
      dimensions: { LoadBalancer: suffix },
    };
  if (suffix.startsWith("net/")) return { namespace: "AWS/NetworkELB", names: ["NewFlowCount"], dimensions: { LoadBalancer: suffix } };
  return { namespace: "AWS/ELB", names: ["RequestCount", "HTTPCode_ELB_5XX"], dimensions: { LoadBalancerName: suffix } };
}

/**
 * Who still uses the old load balancer: requests and connections over `seconds`, names in Route 53 other than the
 * application's that lead to it, rules for other hosts, and protection that would refuse its removal.
 */
export async function loadBalancerUses(clients: AwsClients, config: StackConfig, seconds: number, now: number): Promise<Uses> {
  const arn = oldBalancerOf(config);
  if (arn === undefined) return usesOf([]);
  const counted = await hourly(clients, countedBy(arn), seconds, now);
  const requests = Math.max(0, ...[...counted.values()].map((v) => sum(v)));
  const hours = Math.round(Math.max(HOUR, seconds) / HOUR);
  const found = requests > config.cleanup.toleratedRequests ? [`${requests} requests or connections in the last ${hours} h`] : [];
  let balancer: LoadBalancer | undefined;
  for await (const b of allLoadBalancers(clients.elb)) if (b.balancer.LoadBalancerArn === arn) balancer = b.balancer;
  if (balancer === undefined) return usesOf(found);
  const dnsName = (balancer.DNSName ?? "").toLowerCase();
  found.push(...(await namesLeadingTo(clients, [dnsName], config)));
  found.push(...(await otherHosts(clients, arn, config)));
  const { Attributes = [] } = await clients.elb.send(new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn: arn }));
  if (Attributes.some((a) => a.Key === "deletion_protection.enabled" && a.Value === "true")) found.push("its deletion protection is on");
  return usesOf(found);
}

/** Names in all hosted zones that lead there, without the application's own in their zones, whose records the migration moves. */
async function namesLeadingTo(clients: AwsClients, targets: string[], config: StackConfig): Promise<string[]> {
  const own = namesOf(config);
  const names = await discoverNames(clients, await discoverZones(clients));
  const wanted = targets.filter((t) => t !== "");
  return names
    .filter(({ leadsTo }) => leadsTo.some((to) => wanted.includes(to)))
    .filter(({ name, zoneId }) => !own.some((o) => o.name === name && o.zoneId === zoneId))
    .map(({ name, zoneId }) =>
      own.some((o) => o.name === name) ? `the name ${name} in the zone ${zoneId} leads to it` : `the name ${name} leads to it`,
    );
}

async function otherHosts(clients: AwsClients, arn: string, config: StackConfig): Promise<string[]> {
  const own = hostsOf(config);
  const { Listeners = [] } = await clients.elb.send(new DescribeListenersCommand({ LoadBalancerArn: arn }));
  const hosts = new Set<string>();
  for (const { ListenerArn } of Listeners) {
    const rules = await rulesOf(clients.elb, ListenerArn);
    for (const condition of rules.flatMap((r) => r.Conditions ?? []))
      for (const host of condition.HostHeaderConfig?.Values ?? []) if (!own.includes(host.toLowerCase())) hosts.add(host);
  }
  return [...hosts].map((host) => `a rule of it is for ${host}`);
}

/**
 * Who still uses the old instances: load balancers that send to them, names that lead to them, what they receive, an Auto
 * Scaling group that would start others in their place, and instances of such a group that the config does not name.
 */
export async function instanceUses(clients: AwsClients, config: StackConfig, seconds: number, now: number): Promise<Uses> {
  const { instanceIds = [] } = config.old ?? {};
  const groups = oldGroupsOf(config);
  const loadBalancerArn = oldBalancerOf(config);
  if (instanceIds.length === 0 && groups.length === 0) return usesOf([]);
  const all = await discoverInstances(clients);
  const alive = all.filter((i) => i.state !== "terminated" && i.state !== "shutting-down");
  const groupOf = (tags: Record<string, string>): string | undefined => tags["aws:autoscaling:groupName"];
  const named = alive.filter((i) => instanceIds.includes(i.id) || groups.includes(groupOf(i.tags) ?? ""));
  const ids = new Set(named.map((i) => i.id));
  const own = loadBalancerArn?.split("/").at(-2);
  const found: string[] = [];
  for (const { id, tags, loadBalancers, privateIp, publicIp, state } of named) {
    const group = groupOf(tags);
    if (group !== undefined && !groups.includes(group))
      found.push(`the Auto Scaling group ${group} would start another in place of ${id}: name it in old.endpoints`);
    for (const balancer of loadBalancers) if (balancer !== own) found.push(`the load balancer ${balancer} sends to ${id}`);
    const addresses = [privateIp, publicIp].flatMap((a) => (a === undefined ? [] : [a]));
    found.push(...(await namesLeadingTo(clients, addresses, config)).map((text) => `${text} (${id})`));
    if (state !== "running") continue;
    const received = (
      await hourly(clients, { namespace: "AWS/EC2", names: ["NetworkIn"], dimensions: { InstanceId: id } }, seconds, now)
    ).get("NetworkIn");
    if (received === undefined || received.length === 0) return notKnown(`CloudWatch has no NetworkIn of ${id}`);
    const most = Math.max(...received);
    if (most > IDLE_BYTES_AN_HOUR) found.push(`${id} received ${Math.round(most / 1e6)} MB in an hour`);
  }
  for (const id of await terminationProtected(clients, [...ids])) found.push(`${id} has termination protection`);
  const old = groupsOf(config)?.oldTargetGroupArn;
  found.push(...(await successors(clients, loadBalancerArn, ids, old)));
  if (old !== undefined) {
    found.push(...(await otherGroups(clients, loadBalancerArn ?? "", ids, old)));
    const others = await othersToOldGroup(clients.elb, config, await ruleStanding(clients.elb, config));
    found.push(...others.map((rule) => `${rule} of the load balancer that stays sends to the old target group`));
  }
  return usesOf(found);
}

/** Instances that the old load balancer sends to and the config does not name: those that came after the named ones. */
async function successors(
  clients: AwsClients,
  arn: string | undefined,
  named: ReadonlySet<string>,
  /** The one group of it that is the old side's, where the load balancer stays. */
  only: string | undefined,
): Promise<string[]> {
  if (arn === undefined) return [];
  const found = new Set<string>();
  for await (const group of allTargetGroups(clients.elb, arn)) {
    if (only !== undefined && group.TargetGroupArn !== only) continue;
    for (const { Target } of await targetHealth(clients.elb, group.TargetGroupArn ?? ""))
      if (Target?.Id?.startsWith("i-") === true && !named.has(Target.Id)) found.add(Target.Id);
  }
  const there = found.size === 0 ? [] : await stillThere(clients, [...found]);
  return there.map((id) => `the old load balancer sends to ${id}, which the stack config does not name`);
}

/** Other target groups of a load balancer that stays, and that send to the named instances: other users' of theirs. */
async function otherGroups(clients: AwsClients, arn: string, named: ReadonlySet<string>, old: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { TargetGroupArn = "", TargetGroupName } of allTargetGroups(clients.elb, arn)) {
    if (TargetGroupArn === old) continue;
    for (const { Target } of await targetHealth(clients.elb, TargetGroupArn))
      if (named.has(Target?.Id ?? ""))
        found.push(`the target group ${TargetGroupName} of the load balancer that stays sends to ${Target?.Id}`);
  }
  return found;
}

async function stillThere({ ec2 }: AwsClients, ids: string[]): Promise<string[]> {
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ Filters: [{ Name: "instance-id", Values: ids }] }));
  const rows: Instance[] = Reservations.flatMap((r) => r.Instances ?? []);
  return rows.filter((i) => i.State?.Name !== "terminated").flatMap((i) => i.InstanceId ?? []);
}

/** Who still uses the old database, by RDS: other replicas of it, and protection that would refuse its removal. */
export async function databaseUses(clients: AwsClients, config: StackConfig): Promise<string[]> {
  const identifier = config.old?.databaseIdentifier;
  if (identifier === undefined) return [];
  const instance = await instanceOf(clients, identifier);
  const replicas = (instance?.ReadReplicaDBInstanceIdentifiers ?? []).map((id) => `${id} is a replica of it`);
  return [...replicas, ...(instance?.DeletionProtection === true ? ["its deletion protection is on"] : [])];
}

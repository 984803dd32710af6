import { type Action, DescribeListenersCommand, DescribeTagsCommand, type Rule } from "@aws-sdk/client-elastic-load-balancing-v2";
import { hostsOf } from "../../config/names.js";
import { namespaceOf, type StackConfig } from "../../config/schema.js";
import { known, type Reading, unknown } from "../../ports/observations.js";
import type { AwsClients } from "./clients.js";
import { type DiscoveredLoadBalancer, discoverLoadBalancers } from "./discovery.js";
import { rulesOf, targetHealth } from "./pages.js";

/**
 * The load balancer that the application's Ingress has, and what its rules do for the application's own hosts: it may serve other
 * applications too (an IngressGroup), and other clusters have their own of the same name.
 */

/** Tags of what makes load balancers: the AWS Load Balancer Controller, and EKS Auto Mode. */
const FAMILIES = ["ingress.k8s.aws", "ingress.eks.amazonaws.com"];
const CLUSTER_TAGS = ["elbv2.k8s.aws/cluster", "eks:eks-cluster-name"];

/** The Ingress's host name, as the cluster shows it; undefined where it has none yet or the cluster cannot be asked. */
export type IngressHost = () => Promise<string | undefined>;

const bare = (name: string): string => name.toLowerCase().replace(/^dualstack\./, "");

/** By the host name of its Ingress; where that is not known, by the tags of its namespace, its name and its cluster. */
export async function balancerOf(
  clients: AwsClients,
  config: StackConfig,
  ingressHost?: IngressHost,
): Promise<DiscoveredLoadBalancer | undefined> {
  const all = await discoverLoadBalancers(clients);
  const host = await ingressHost?.().catch(() => undefined);
  if (host !== undefined) return all.find((b) => bare(b.dnsName) === bare(host));
  const wanted = `${namespaceOf(config)}/${config.application.name}`;
  return all.find((b) => {
    const cluster = CLUSTER_TAGS.map((t) => b.tags[t]).find((c) => c !== undefined);
    return FAMILIES.some((f) => b.tags[`${f}/stack`] === wanted) && (cluster === undefined || cluster === config.cluster.name);
  });
}

/** Every forward of the rules that answer for the application's hosts; of the rules without a host where none names one. */
async function forwardsOf({ elb }: AwsClients, config: StackConfig, arn: string): Promise<Action[]> {
  const { Listeners = [] } = await elb.send(new DescribeListenersCommand({ LoadBalancerArn: arn }));
  const rules: Rule[] = [];
  for (const { ListenerArn } of Listeners) rules.push(...(await rulesOf(elb, ListenerArn)));
  const hosts = hostsOf(config);
  const named = rules.filter((r) => hostsIn(r).some((h) => hosts.includes(h)));
  const chosen = named.length > 0 ? named : rules.filter((r) => hostsIn(r).length === 0);
  return chosen.flatMap((r) => r.Actions ?? []).filter((a) => a.Type === "forward");
}

const hostsIn = ({ Conditions = [] }: Rule): string[] =>
  Conditions.filter((c) => c.Field === "host-header").flatMap((c) =>
    (c.HostHeaderConfig?.Values ?? c.Values ?? []).map((v) => v.toLowerCase()),
  );

const groupsOf = (action: Action) => action.ForwardConfig?.TargetGroups ?? [{ TargetGroupArn: action.TargetGroupArn, Weight: 1 }];

/** How many of the targets that the application's rules lead to are healthy. */
export async function targetsHealthy(clients: AwsClients, config: StackConfig, ingressHost?: IngressHost): Promise<Reading> {
  const balancer = await balancerOf(clients, config, ingressHost);
  if (balancer === undefined) return unknown("there is no load balancer");
  const actions = await forwardsOf(clients, config, balancer.arn);
  const groups = actions.flatMap(groupsOf);
  const arns = [...new Set(groups.flatMap((g) => g.TargetGroupArn ?? []))];
  const services = await servicesOf(clients, arns);
  let all = 0;
  let healthy = 0;
  for (const arn of arns) {
    const targets = await targetHealth(clients.elb, arn);
    const isNext = services.get(arn) === `${namespaceOf(config)}/${config.application.name}-${config.application.name}-green`;
    const weight = Math.max(...groups.filter((g) => g.TargetGroupArn === arn).map((g) => g.Weight ?? 0));
    // Pods that are ready and that the load balancer does not know, as when a security group is closed, serve nobody.
    if (targets.length === 0 && (isNext || weight > 0)) all += 1;
    for (const target of targets) {
      // A target that is on its way out gets no requests.
      if (target.TargetHealth?.State === "draining") continue;
      all += 1;
      if (target.TargetHealth?.State === "healthy") healthy += 1;
    }
  }
  return all === 0 ? unknown("the load balancer has no targets for the application's hosts") : known(healthy / all);
}

/** Percent that the load balancer's own rules send to some of the application's Services (promise 11): not what an annotation asks for. */
export async function shareOf(clients: AwsClients, config: StackConfig, suffixes: string[], ingressHost?: IngressHost): Promise<Reading> {
  const balancer = await balancerOf(clients, config, ingressHost);
  if (balancer === undefined) return unknown("there is no load balancer");
  const actions = await forwardsOf(clients, config, balancer.arn);
  const services = await servicesOf(clients, [...new Set(actions.flatMap(groupsOf).flatMap((g) => g.TargetGroupArn ?? []))]);
  const { name } = config.application;
  // The tag reads NAMESPACE/INGRESS-SERVICE:PORT; whole names, since an application may be called web-canary.
  const wanted = suffixes.map((suffix) => `${namespaceOf(config)}/${name}-${name}${suffix}`);
  const shares = actions.flatMap((action) => {
    const groups = groupsOf(action);
    const weigh = (of: typeof groups): number => of.reduce((total, g) => total + (g.Weight ?? 0), 0);
    const sum = weigh(groups);
    return sum > 0 ? [(100 * weigh(groups.filter((g) => wanted.includes(services.get(g.TargetGroupArn ?? "") ?? "")))) / sum] : [];
  });
  if (shares.length === 0) return unknown("no rule of the load balancer forwards anything for the application's hosts");
  // All rules must show it: the lowest of what they show.
  return known(Math.round(Math.min(...shares) * 100) / 100);
}

/** What each target group was made for, by its ARN: NAMESPACE/INGRESS-SERVICE, without the port. */
export async function servicesOf({ elb }: AwsClients, arns: string[]): Promise<Map<string, string>> {
  const services = new Map<string, string>();
  for (let i = 0; i < arns.length; i += 20) {
    const { TagDescriptions = [] } = await elb.send(new DescribeTagsCommand({ ResourceArns: arns.slice(i, i + 20) }));
    for (const { ResourceArn = "", Tags = [] } of TagDescriptions) {
      const resource = Tags.find((t) => FAMILIES.some((f) => t.Key === `${f}/resource`))?.Value ?? "";
      services.set(ResourceArn, resource.replace(/:[^:]*$/, ""));
    }
  }
  return services;
}

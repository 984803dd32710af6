import {
  DescribeRulesCommand,
  DescribeTagsCommand,
  DescribeTargetHealthCommand,
  type ElasticLoadBalancingV2Client,
  type LoadBalancer,
  paginateDescribeLoadBalancers as loadBalancerPages,
  type Rule,
  type Tag,
  type TargetGroup,
  type TargetHealthDescription,
  paginateDescribeTargetGroups as targetGroupPages,
} from "@aws-sdk/client-elastic-load-balancing-v2";

/** Most resources whose tags one call describes. */
const TAGS_A_CALL = 20;
const PAGE = 100;

/** Every load balancer with its tags, which come from calls of their own. */
export async function* allLoadBalancers(elb: ElasticLoadBalancingV2Client): AsyncGenerator<{ balancer: LoadBalancer; tags: Tag[] }> {
  for await (const page of loadBalancerPages({ client: elb, pageSize: PAGE }, {})) {
    const balancers = page.LoadBalancers ?? [];
    for (let i = 0; i < balancers.length; i += TAGS_A_CALL) {
      const some = balancers.slice(i, i + TAGS_A_CALL);
      const { TagDescriptions = [] } = await elb.send(new DescribeTagsCommand({ ResourceArns: some.map((b) => b.LoadBalancerArn ?? "") }));
      const tags = new Map(TagDescriptions.map((d) => [d.ResourceArn, d.Tags ?? []]));
      for (const balancer of some) yield { balancer, tags: tags.get(balancer.LoadBalancerArn) ?? [] };
    }
  }
}

export async function* allTargetGroups(elb: ElasticLoadBalancingV2Client, loadBalancerArn?: string): AsyncGenerator<TargetGroup> {
  const filter = loadBalancerArn === undefined ? {} : { LoadBalancerArn: loadBalancerArn };
  for await (const page of targetGroupPages({ client: elb, pageSize: PAGE }, filter)) yield* page.TargetGroups ?? [];
}

export async function targetHealth(elb: ElasticLoadBalancingV2Client, targetGroupArn: string): Promise<TargetHealthDescription[]> {
  const { TargetHealthDescriptions = [] } = await elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: targetGroupArn }));
  return TargetHealthDescriptions;
}

/** Every rule of a listener, all pages. */
export async function rulesOf(elb: ElasticLoadBalancingV2Client, ListenerArn: string | undefined): Promise<Rule[]> {
  const rules: Rule[] = [];
  let Marker: string | undefined;
  do {
    const page = await elb.send(new DescribeRulesCommand({ ListenerArn, ...(Marker === undefined ? {} : { Marker }) }));
    rules.push(...(page.Rules ?? []));
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  return rules;
}

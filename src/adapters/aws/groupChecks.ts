import {
  DescribeAccountLimitsCommand,
  DescribeListenersCommand,
  DescribeTargetGroupAttributesCommand,
  DescribeTargetGroupsCommand,
  type ElasticLoadBalancingV2Client,
  type Rule,
  type TargetGroup,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { servingBalancerOf } from "../../config/oldSide.js";
import type { StackConfig } from "../../config/schema.js";
import type { TargetGroups } from "../../config/shift.js";
import { Terminal } from "../../errors.js";
import type { Evidence } from "../../ports/target.js";
import { unlessMissing } from "./clients.js";
import { conditionsOf, forwardOf, numberOf, othersToOldGroup, type RuleStanding, ruleStanding, tuplesOf } from "./groups.js";
import { rulesOf } from "./pages.js";

/** What stands at the listener, what cutover's rule can take over, and what it cannot, each with what to do instead. */
export interface GroupStanding extends RuleStanding {
  refused: string[];
  /** What is kept in mind of the old group. */
  noted: string[];
  /** Rules of others that send to the old group too. */
  others: string[];
}

export async function groupStanding(elb: ElasticLoadBalancingV2Client, config: StackConfig): Promise<GroupStanding> {
  const standing = await ruleStanding(elb, config);
  const { groups } = standing;
  const found = await unlessMissing(
    elb.send(new DescribeTargetGroupsCommand({ TargetGroupArns: [groups.oldTargetGroupArn] })),
    "TargetGroupNotFoundException",
    "TargetGroupNotFound",
  );
  const group = found?.TargetGroups?.[0];
  const attributes = group === undefined ? new Map<string, string>() : await attributesOf(elb, groups.oldTargetGroupArn);
  return {
    ...standing,
    refused: [
      ...refusedByRule(standing),
      ...refusedByHost(standing, config.ingress?.host ?? ""),
      ...refusedByPlace(standing),
      ...refusedByGroup(groups, group, servingBalancerOf(config)),
      ...(await refusedByQuota(elb, config, standing)),
    ],
    noted: [...notedOf(attributes), ...keptByRule(standing)],
    others: standing.serving === undefined ? [] : await othersToOldGroup(elb, config, standing),
  };
}

async function attributesOf(elb: ElasticLoadBalancingV2Client, TargetGroupArn: string): Promise<Map<string, string>> {
  const { Attributes = [] } = await elb.send(new DescribeTargetGroupAttributesCommand({ TargetGroupArn }));
  return new Map(Attributes.map((a) => [a.Key ?? "", a.Value ?? ""]));
}

/** The rule of today must do nothing but send to the old group: what else it does, a second rule could only guess at. */
function refusedByRule({ serving, groups }: RuleStanding): string[] {
  if (serving === undefined)
    return [
      `There is no rule ${groups.ruleArn ?? ""} in the listener ${groups.listenerArn}: name the one that serves the application in traffic.ruleArn.`,
    ];
  const found: string[] = [];
  const { Actions = [] } = serving;
  const other = Actions.find((a) => a.Type !== "forward");
  if (other !== undefined)
    found.push(
      other.Type?.startsWith("authenticate") === true
        ? `The rule signs users in before it forwards (${other.Type}), which no second rule can do without its secret: move by the name instead (traffic.kind dns).`
        : forwardOf(serving) === undefined
          ? `The rule's action is ${other.Type}, not a target group: name the rule that forwards to the old instances in traffic.ruleArn.`
          : `The rule does more than forward (${other.Type}), which cutover's own would leave out: move by the name instead (traffic.kind dns).`,
    );
  const tuples = tuplesOf(forwardOf(serving));
  if (tuples.length > 1)
    found.push(`The rule sends to ${tuples.length} target groups: give all of its weight to one of them first, and take the others out.`);
  else if (other === undefined && tuples[0]?.TargetGroupArn !== groups.oldTargetGroupArn)
    found.push(`The rule sends to ${tuples[0]?.TargetGroupArn ?? "no target group"}: name that one in traffic.oldTargetGroupArn.`);
  else if (tuples[0]?.Weight === 0)
    found.push("The rule gives its target group no weight, so nobody is served by it: give it a weight, or name the rule that serves.");
  if (((serving as { Transforms?: unknown[] }).Transforms ?? []).length > 0)
    found.push("The rule rewrites hosts or URLs (transforms), which cutover's own does not: move by the name instead (traffic.kind dns).");
  return found;
}

/** Whether a rule takes requests for a host, as far as hosts go. */
function takes({ Conditions = [] }: Rule, host: string): boolean {
  const asked = Conditions.filter((c) => c.Field === "host-header");
  return asked.every(({ HostHeaderConfig, Values }) => {
    const patterns = (HostHeaderConfig?.Values ?? Values ?? []).map(
      (v) =>
        new RegExp(
          `^${v
            .replace(/[.+^${}()|[\]\\]/g, "\\$&")
            .replaceAll("*", ".*")
            .replaceAll("?", ".")}$`,
          "i",
        ),
    );
    // What a regular expression of Elastic Load Balancing's own kind takes, it alone can tell.
    return (HostHeaderConfig?.RegexValues ?? []).length > 0 || patterns.some((p) => p.test(host));
  });
}

/** The rule must be the one that serves the application's host: another one's users are not to be moved. */
function refusedByHost({ rules, serving }: RuleStanding, host: string): string[] {
  if (serving === undefined) return [];
  if (!takes(serving, host))
    return [
      `The rule is for ${conditionsOf(serving)}, and not for ${host} (ingress.host): name the rule that serves it in traffic.ruleArn.`,
    ];
  const before = rules.find((r) => numberOf(r) < numberOf(serving) && isForWholeHost(r) && takes(r, host) && serving.IsDefault === true);
  if (before === undefined) return [];
  return [
    `The listener's default action serves nobody who asks for ${host}, since rule ${before.Priority} does: name that one (${before.RuleArn}) in traffic.ruleArn.`,
  ];
}

const isForWholeHost = ({ Conditions = [] }: Rule): boolean => Conditions.length > 0 && Conditions.every((c) => c.Field === "host-header");

/** No rule of anybody else's may come between cutover's and the one of today, or what it serves would be served by cutover's. */
function refusedByPlace({ rules, serving, own, groups }: RuleStanding): string[] {
  if (serving === undefined) return [];
  const { priority } = groups;
  if (priority >= numberOf(serving))
    return [`traffic.priority ${priority} comes after the rule that serves today (${serving.Priority}): choose a free number below it.`];
  const between = rules.filter((r) => r !== serving && r !== own && numberOf(r) >= priority && numberOf(r) < numberOf(serving));
  if (between.length === 0) return [];
  const said = between.map((r) => `${r.Priority} ${conditionsOf(r)}`).join(", ");
  const highest = Math.max(...between.map(numberOf));
  return [
    `Rules of others stand between traffic.priority ${priority} and the rule that serves today (${serving.Priority}): ${said}. Choose a free number above ${highest}; where there is none, give the rule that serves today a higher one (aws elbv2 set-rule-priorities), which changes nothing for its users.`,
  ];
}

function refusedByGroup({ oldTargetGroupArn }: TargetGroups, group: TargetGroup | undefined, balancer: string | undefined): string[] {
  if (group === undefined) return [`There is no target group ${oldTargetGroupArn}: name the old instances' in traffic.oldTargetGroupArn.`];
  const { ProtocolVersion = "HTTP1", LoadBalancerArns = [] } = group;
  const found: string[] = [];
  if (ProtocolVersion !== "HTTP1")
    found.push(`The old target group speaks ${ProtocolVersion}, and the new one HTTP/1.1: move by the name instead (traffic.kind dns).`);
  if (balancer !== undefined && LoadBalancerArns.length > 0 && !LoadBalancerArns.includes(balancer))
    found.push(
      `The target group ${oldTargetGroupArn} belongs to ${LoadBalancerArns.join(", ")}, not to the listener's load balancer ${balancer}.`,
    );
  return found;
}

/** A load balancer has room for so many rules beside its default actions: the account's quota. */
async function refusedByQuota(elb: ElasticLoadBalancingV2Client, config: StackConfig, { own }: RuleStanding): Promise<string[]> {
  if (own !== undefined) return [];
  const { Limits = [] } = await elb.send(new DescribeAccountLimitsCommand({ PageSize: 400 }));
  const most = Number(Limits.find((l) => l.Name === "rules-per-application-load-balancer")?.Max ?? Number.POSITIVE_INFINITY);
  const { Listeners = [] } = await elb.send(new DescribeListenersCommand({ LoadBalancerArn: servingBalancerOf(config) }));
  let count = 0;
  for (const { ListenerArn } of Listeners) count += (await rulesOf(elb, ListenerArn)).filter((r) => r.IsDefault !== true).length;
  if (count < most) return [];
  return [
    `The load balancer has ${count} rules, and the account's quota is ${most}, so none can be put before the one that serves today: ask for more (aws service-quotas request-service-quota-increase --service-code elasticloadbalancing).`,
  ];
}

/** A cookie of the rule's own names a group that users go on being sent to, for as long as it lasts. */
function keptByRule({ serving }: RuleStanding): string[] {
  const { Enabled, DurationSeconds } = forwardOf(serving)?.ForwardConfig?.TargetGroupStickinessConfig ?? {};
  if (Enabled !== true) return [];
  return [
    `the rule keeps users with their group by a cookie (AWSALBTG) of ${DurationSeconds} s, which may hold them on the old side for as long after each change of weights: with one group it does nothing else, so take it off the rule that long before`,
  ];
}

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html */
function notedOf(attributes: ReadonlyMap<string, string>): string[] {
  const sticky = attributes.get("stickiness.enabled") === "true";
  const slow = Number(attributes.get("slow_start.duration_seconds") ?? "0");
  return [
    ...(sticky
      ? [
          "its targets are sticky, so a rule of several groups must be too: for one second, so that users follow each change of weights and an emergency brings back everybody; a user may meet both sides while both serve",
        ]
      : []),
    ...(slow > 0
      ? [
          `it starts targets slowly (${slow} s), which touches only targets that come newly; the new group has no slow start, since weights ramp`,
        ]
      : []),
  ];
}

/** Only looks: the rule is never changed. Its facts say what stood there. */
export async function inspectRule(elb: ElasticLoadBalancingV2Client, config: StackConfig): Promise<Evidence> {
  return inspected(await groupStanding(elb, config));
}

/** The same, of what was looked at. */
export function inspected({ serving, own, groups, refused, noted, others }: GroupStanding): Evidence {
  if (refused.length > 0) throw new Terminal(refused.join(" "), { next: "Then begin this step again; cutover doctor looks beforehand." });
  const conditions = serving === undefined ? "" : conditionsOf(serving);
  const notes = noted.length === 0 ? "" : ` Of the old target group: ${noted.join("; ")}.`;
  const said = others.length === 0 ? "" : ` ${staying(others)}`;
  return {
    summary: `Rule ${serving?.Priority} sends what asks for ${conditions} to ${groups.oldTargetGroupArn.split("/").at(-2)} and stays as it is; cutover's own comes before it as rule ${groups.priority}${own === undefined ? "" : ", and is there already"}.${notes}${said}`,
    facts: { rule: serving?.RuleArn, priority: serving?.Priority, conditions, actions: serving?.Actions, noted, others },
  };
}

/** Whose users no step moves. */
export const staying = (others: readonly string[]): string =>
  `Others send to the old target group too, and their users stay on the old side: ${others.join("; ")}.`;

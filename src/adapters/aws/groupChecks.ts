import {
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
import { conditionsOf, forwardOf, type RuleStanding, ruleStanding, tuplesOf } from "./groups.js";

/** What stands at the listener, what cutover's rule can take over, and what it cannot, each with what to do instead. */
export interface GroupStanding extends RuleStanding {
  refused: string[];
  /** What is kept in mind of the old group. */
  noted: string[];
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
    refused: [...refusedByRule(standing), ...refusedByPlace(standing), ...refusedByGroup(groups, group, servingBalancerOf(config))],
    noted: notedOf(attributes),
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
        : `The rule's action is ${other.Type}, not a target group: name the rule that forwards to the old instances in traffic.ruleArn.`,
    );
  const tuples = tuplesOf(forwardOf(serving));
  if (tuples.length > 1)
    found.push(`The rule sends to ${tuples.length} target groups: give all of its weight to one of them first, and take the others out.`);
  else if (other === undefined && tuples[0]?.TargetGroupArn !== groups.oldTargetGroupArn)
    found.push(`The rule sends to ${tuples[0]?.TargetGroupArn ?? "no target group"}: name that one in traffic.oldTargetGroupArn.`);
  if (((serving as { Transforms?: unknown[] }).Transforms ?? []).length > 0)
    found.push("The rule rewrites hosts or URLs (transforms), which cutover's own does not: move by the name instead (traffic.kind dns).");
  return found;
}

/** No rule of anybody else's may come between cutover's and the one of today, or what it serves would be served by cutover's. */
function refusedByPlace({ rules, serving, own, groups }: RuleStanding): string[] {
  if (serving === undefined) return [];
  const numberOf = (r: Rule): number => (r.IsDefault === true ? Number.POSITIVE_INFINITY : Number(r.Priority));
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
  const { serving, own, groups, refused, noted } = await groupStanding(elb, config);
  if (refused.length > 0) throw new Terminal(refused.join(" "), { next: "Then begin this step again; cutover doctor looks beforehand." });
  const conditions = serving === undefined ? "" : conditionsOf(serving);
  const notes = noted.length === 0 ? "" : ` Of the old target group: ${noted.join("; ")}.`;
  return {
    summary: `Rule ${serving?.Priority} sends what asks for ${conditions} to ${groups.oldTargetGroupArn.split("/").at(-2)} and stays as it is; cutover's own comes before it as rule ${groups.priority}${own === undefined ? "" : ", and is there already"}.${notes}`,
    facts: { rule: serving?.RuleArn, priority: serving?.Priority, conditions, actions: serving?.Actions, noted },
  };
}

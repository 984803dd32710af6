import {
  type Action,
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeTagsCommand,
  type ElasticLoadBalancingV2Client,
  ModifyRuleCommand,
  type Rule,
  type TargetGroupTuple,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { servingBalancerOf } from "../../config/oldSide.js";
import { STACK_TAG, type StackConfig, stackName } from "../../config/schema.js";
import { groupsOf, type TargetGroups } from "../../config/shift.js";
import { Terminal } from "../../errors.js";
import { known, type Reading, unknown } from "../../ports/observations.js";
import type { Evidence } from "../../ports/target.js";
import type { AwsClients } from "./clients.js";
import { rulesOf } from "./pages.js";

/**
 * Weighted target groups of the load balancer that users keep. The rule that serves today is never changed: cutover's own, made by
 * the program with the same conditions, stands right before it, and only that one's weights are set here.
 */
export interface RuleStanding {
  groups: TargetGroups;
  rules: Rule[];
  /** The rule that serves today. */
  serving?: Rule | undefined;
  /** Cutover's own, by the stack's tag. */
  own?: Rule;
}

/** A condition that every request meets: in front of a default action. */
export const EVERY_PATH = "*";

export async function ruleStanding(elb: ElasticLoadBalancingV2Client, config: StackConfig): Promise<RuleStanding> {
  const groups = groupsOf(config);
  if (groups === undefined) throw new Terminal("The stack config has no traffic section of kind target-groups.");
  const rules = await rulesOf(elb, groups.listenerArn);
  const serving = rules.find((r) => (groups.ruleArn === undefined ? r.IsDefault === true : r.RuleArn === groups.ruleArn));
  const own = await ownRule(elb, rules, groups, stackName(config));
  return { groups, rules, ...(serving === undefined ? {} : { serving }), ...(own === undefined ? {} : { own }) };
}

/** Where it is expected first, so that an emergency takes two calls; then wherever somebody has put it. */
async function ownRule(
  elb: ElasticLoadBalancingV2Client,
  rules: Rule[],
  { priority }: TargetGroups,
  stack: string,
): Promise<Rule | undefined> {
  const others = rules.filter((r) => r.IsDefault !== true);
  const expected = others.filter((r) => r.Priority === String(priority));
  for (const some of [expected, others.filter((r) => !expected.includes(r))]) {
    for (let i = 0; i < some.length; i += TAGS_A_CALL) {
      const ResourceArns = some.slice(i, i + TAGS_A_CALL).flatMap((r) => r.RuleArn ?? []);
      const { TagDescriptions = [] } = await elb.send(new DescribeTagsCommand({ ResourceArns }));
      const found = TagDescriptions.find((d) => d.Tags?.some((t) => t.Key === STACK_TAG && t.Value === stack));
      if (found !== undefined) return some.find((r) => r.RuleArn === found.ResourceArn);
    }
  }
  return undefined;
}
const TAGS_A_CALL = 20;

export const forwardOf = (rule: Rule | undefined): Action | undefined => rule?.Actions?.find((a) => a.Type === "forward");

/** An action names one group in one of two ways. */
export function tuplesOf(action: Action | undefined): TargetGroupTuple[] {
  const named = action?.ForwardConfig?.TargetGroups ?? [];
  if (named.length > 0) return named;
  return action?.TargetGroupArn === undefined ? [] : [{ TargetGroupArn: action.TargetGroupArn, Weight: 1 }];
}

/** The new side's group: the one that cutover's rule names beside the old one. */
export const newGroupOf = ({ own, groups }: RuleStanding): string | undefined =>
  tuplesOf(forwardOf(own)).find((t) => t.TargetGroupArn !== groups.oldTargetGroupArn)?.TargetGroupArn;

/** Somebody put a further group into cutover's rule: which of them is the new side's, nobody can tell. */
function strangersIn(tuples: TargetGroupTuple[], { oldTargetGroupArn }: TargetGroups): string | undefined {
  const others = tuples.filter((t) => t.TargetGroupArn !== oldTargetGroupArn);
  if (others.length < 2) return undefined;
  const names = others.map((t) => t.TargetGroupArn?.split("/").at(-2)).join(", ");
  return `cutover's rule sends to ${others.length} target groups beside the old one (${names}): take out those that it was not made with`;
}

/** What a rule asks of a request, in one order, to compare two. */
export function conditionsOf({ IsDefault, Conditions = [] }: Rule): string {
  if (IsDefault === true) return JSON.stringify([["path-pattern", EVERY_PATH]]);
  return JSON.stringify(
    Conditions.map((c) => {
      const { Field } = c;
      const config =
        c.HostHeaderConfig ??
        c.PathPatternConfig ??
        c.HttpHeaderConfig ??
        c.QueryStringConfig ??
        c.HttpRequestMethodConfig ??
        c.SourceIpConfig;
      const { Values, RegexValues, HttpHeaderName } = (config ?? {}) as {
        Values?: (string | { Key?: string; Value?: string })[];
        RegexValues?: string[];
        HttpHeaderName?: string;
      };
      const values = (Values ?? c.Values ?? []).map((v) => (typeof v === "string" ? v : `${v.Key ?? ""}=${v.Value ?? ""}`));
      return [Field, HttpHeaderName, [...values].sort(), [...(RegexValues ?? [])].sort()]
        .filter((p) => p !== undefined && p.length > 0)
        .flat();
    }).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
  );
}

/** Percent that the rule sends to the new group (promise 11); without cutover's rule, the one of today serves everybody. */
export async function groupWeight(elb: ElasticLoadBalancingV2Client, config: StackConfig): Promise<Reading> {
  const { own, serving, groups } = await ruleStanding(elb, config);
  if (own === undefined) return serving === undefined ? unknown(noRule(groups)) : known(0);
  const changed = changedSince({ own, serving, groups });
  if (changed !== undefined) return unknown(changed);
  const tuples = tuplesOf(forwardOf(own));
  const strangers = strangersIn(tuples, groups);
  if (strangers !== undefined) return unknown(strangers);
  const weigh = (of: TargetGroupTuple[]): number => of.reduce((total, t) => total + (t.Weight ?? 1), 0);
  const all = weigh(tuples);
  if (all === 0) return unknown("no target group of cutover's rule has a weight");
  return known(Math.round((10_000 * weigh(tuples.filter((t) => t.TargetGroupArn !== groups.oldTargetGroupArn))) / all) / 100);
}

/** Where a rule comes among the others; the default action comes last. */
export const numberOf = (r: Rule): number => (r.IsDefault === true ? Number.POSITIVE_INFINITY : Number(r.Priority));

const noRule = ({ ruleArn, listenerArn }: TargetGroups): string => `there is no rule ${ruleArn ?? `in the listener ${listenerArn}`}`;

/** What somebody changed after cutover's rule was made: it is said, and never overwritten. */
function changedSince({ own, serving, groups }: Pick<RuleStanding, "own" | "serving" | "groups">): string | undefined {
  if (own === undefined || groups.records === "new") return undefined;
  if (serving === undefined) return `${noRule(groups)} any more: nothing serves what cutover's own rule does not`;
  if (numberOf(own) > numberOf(serving))
    return `cutover's rule (${own.Priority}) comes after the rule that serves today (${serving.Priority}), which takes its requests`;
  if (conditionsOf(serving) !== conditionsOf(own))
    return `the rule that serves today asks for other requests (${conditionsOf(serving)}) than cutover's rule before it, which was made when it asked for ${conditionsOf(own)}`;
  return undefined;
}

/** Sets both weights in one call, and nothing but weights: the emergency path, past the engine. */
export async function setGroupWeights(
  elb: ElasticLoadBalancingV2Client,
  config: StackConfig,
  weights: { old: number; new: number },
): Promise<Evidence> {
  const { own, serving, groups } = await ruleStanding(elb, config);
  if (weights.old + weights.new <= 0) throw new Terminal("promise 2: no side would have a weight above 0.");
  if (own === undefined) {
    if (weights.new > 0 || serving === undefined)
      throw new Terminal(`The listener has no rule of cutover's (${STACK_TAG}=${stackName(config)}): there is nothing to set weights of.`);
    return { summary: "Cutover's rule does not stand: the rule of today sends everybody to the old side.", facts: { ...weights } };
  }
  const forward = forwardOf(own);
  const tuples = tuplesOf(forward);
  const isOld = (t: TargetGroupTuple): boolean => t.TargetGroupArn === groups.oldTargetGroupArn;
  const strangers = weights.new > 0 ? strangersIn(tuples, groups) : undefined;
  if (strangers !== undefined) throw new Terminal(`${strangers}.`);
  for (const [side, there] of [
    ["old", tuples.some(isOld)],
    ["new", tuples.some((t) => !isOld(t))],
  ] as const)
    if (weights[side] > 0 && !there)
      throw new Terminal(`promise 2: cutover's rule has no target group of the ${side} side, and would get all of its weight.`, {
        ...(side === "old" && groups.records === "both"
          ? { next: `Delete it, so that the rule of today serves everybody: aws elbv2 delete-rule --rule-arn ${own.RuleArn}` }
          : {}),
      });
  const wanted = tuples.map((t) => ({ ...t, Weight: isOld(t) ? weights.old : weights.new }));
  if (wanted.some((t, i) => t.Weight !== tuples[i]?.Weight)) {
    const { TargetGroupStickinessConfig } = forward?.ForwardConfig ?? {};
    const changed: Action = {
      Type: "forward",
      ...(forward?.Order === undefined ? {} : { Order: forward.Order }),
      ForwardConfig: { TargetGroups: wanted, ...(TargetGroupStickinessConfig === undefined ? {} : { TargetGroupStickinessConfig }) },
    };
    await elb.send(new ModifyRuleCommand({ RuleArn: own.RuleArn, Actions: (own.Actions ?? []).map((a) => (a === forward ? changed : a)) }));
  }
  return {
    summary: `Rule ${own.Priority} of the listener: old target group ${weights.old}, new target group ${weights.new}.`,
    facts: { ...weights },
  };
}

/**
 * Rules of the load balancer, in any of its listeners, that send to the old target group beside the one that serves today: their users
 * stay on the old side.
 */
export async function othersToOldGroup(elb: ElasticLoadBalancingV2Client, config: StackConfig, standing: RuleStanding): Promise<string[]> {
  const { groups, serving, own } = standing;
  const kept = [serving?.RuleArn, own?.RuleArn];
  const { Listeners = [] } = await elb.send(new DescribeListenersCommand({ LoadBalancerArn: servingBalancerOf(config) }));
  const found: string[] = [];
  for (const { ListenerArn, Port } of Listeners) {
    const rules = ListenerArn === groups.listenerArn ? standing.rules : await rulesOf(elb, ListenerArn);
    for (const rule of rules)
      if (!kept.includes(rule.RuleArn) && tuplesOf(forwardOf(rule)).some((t) => t.TargetGroupArn === groups.oldTargetGroupArn))
        found.push(`rule ${rule.Priority} ${conditionsOf(rule)} of port ${Port}`);
  }
  return found;
}

/** The old security groups without those of a load balancer that users keep. */
export async function removableGroups({ elb }: AwsClients, config: StackConfig): Promise<string[]> {
  const ids = config.old?.securityGroupIds ?? [];
  const arn = servingBalancerOf(config);
  if (arn === undefined || ids.length === 0) return ids;
  const { LoadBalancers = [] } = await elb.send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [arn] }));
  const kept = LoadBalancers.flatMap((b) => b.SecurityGroups ?? []);
  return ids.filter((id) => !kept.includes(id));
}

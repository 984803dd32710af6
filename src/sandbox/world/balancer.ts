import type { StackConfig } from "../../config/schema.js";
import { groupsOf } from "../../config/shift.js";
import type { Properties } from "../backend.js";
import { afterWeight } from "../faults.js";
import type { Outcome } from "./outcome.js";
import type { Stored, WorldState } from "./state.js";

/**
 * The listener of a load balancer that users keep, as Elastic Load Balancing would answer. Limits:
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
 */
export const TARGET_GROUP = "aws:lb/targetGroup:TargetGroup";
export const RULE = "aws:lb/listenerRule:ListenerRule";
const MOST_GROUPS_AN_ACTION = 5;
const HIGHEST_WEIGHT = 999;

interface Tuple {
  arn: string;
  weight?: number;
}

const tuplesOf = ({ actions }: Properties): Tuple[] =>
  ((actions ?? []) as { forward?: { targetGroups?: Tuple[] } }[]).flatMap((a) => a.forward?.targetGroups ?? []);
const stickyOf = ({ actions }: Properties): boolean =>
  ((actions ?? []) as { forward?: { stickiness?: { enabled?: boolean } } }[]).some((a) => a.forward?.stickiness?.enabled === true);

/** The rule that serves today: the world has no other of its listener. */
export function servingRule(config: StackConfig): Properties | undefined {
  const groups = groupsOf(config);
  if (groups === undefined) return undefined;
  return {
    arn: groups.ruleArn,
    listenerArn: groups.listenerArn,
    priority: groups.priority + 1,
    conditions: [{ hostHeaders: [{ values: [config.ingress?.host ?? ""], regexValues: [] }] }],
    actions: [{ type: "forward", order: 1, targetGroupArn: groups.oldTargetGroupArn }],
    tags: {},
  };
}

/** The provider's function for a rule. @throws Error where there is none */
export function shownRule(state: WorldState, config: StackConfig, { arn, listenerArn, priority }: Properties): Properties {
  const serving = servingRule(config);
  if (serving !== undefined && (arn === serving.arn || (listenerArn === serving.listenerArn && priority === serving.priority)))
    return { ...serving, transforms: [], region: "us-east-2" };
  const own = ruleIn(state);
  if (own === undefined || own.inputs.listenerArn !== listenerArn || own.inputs.priority !== priority)
    throw new Error("reading ELBv2 Listener Rule: couldn't find resource");
  const conditions = (own.inputs.conditions ?? []) as Record<string, unknown>[];
  return {
    arn: own.id,
    listenerArn,
    priority,
    // Blocks that the resource has one of are lists here.
    conditions: conditions.map((c) =>
      Object.fromEntries(
        Object.entries(c).map(([key, value]) => (Array.isArray(value) ? [key, [{ values: value }]] : [`${key}s`, [value]])),
      ),
    ),
    actions: own.inputs.actions,
    tags: own.inputs.tags ?? {},
    transforms: [],
    region: "us-east-2",
  };
}

/** Cutover's own rule. */
export const ruleIn = ({ resources }: WorldState): Stored | undefined => Object.values(resources).find((r) => r.type === RULE);

/** Percent of the new group, as the rule has it now. */
function newWeight(rule: Properties, config: StackConfig): number {
  const tuples = tuplesOf(rule);
  const all = tuples.reduce((sum, t) => sum + (t.weight ?? 1), 0);
  const fresh = tuples.filter((t) => t.arn !== groupsOf(config)?.oldTargetGroupArn).reduce((sum, t) => sum + (t.weight ?? 1), 0);
  return all === 0 ? 0 : (100 * fresh) / all;
}

export function targetGroup(plain: Outcome, id: string): Outcome {
  return { ...plain, outputs: { ...plain.outputs, arn: id, arnSuffix: id.split(":").at(-1), name: id.split("/").at(-2) }, restarts: false };
}

export function listenerRule(plain: Outcome, id: string, inputs: Properties, state: WorldState, config: StackConfig): Outcome {
  const tuples = tuplesOf(inputs);
  if (tuples.length > MOST_GROUPS_AN_ACTION)
    throw new Error(`TooManyTargetGroups: The maximum number of target groups in a forward action is ${MOST_GROUPS_AN_ACTION}`);
  for (const { weight = 1 } of tuples)
    if (!Number.isInteger(weight) || weight < 0 || weight > HIGHEST_WEIGHT)
      throw new Error(`ValidationError: Target group weight ${weight} must be between 0 and ${HIGHEST_WEIGHT}`);
  const serving = servingRule(config);
  if (serving !== undefined && inputs.priority === serving.priority)
    throw new Error(`PriorityInUse: Priority '${inputs.priority}' is currently in use`);
  for (const { arn } of tuples) {
    const isOld = arn === groupsOf(config)?.oldTargetGroupArn;
    if (!isOld && state.resources[`${TARGET_GROUP}|${arn}`] === undefined)
      throw new Error(`TargetGroupNotFound: Target groups '${arn}' not found`);
  }
  if (tuples.length > 1 && state.old.stickyGroup === true && !stickyOf(inputs))
    throw new Error(
      "InvalidConfigurationRequest: You must enable group stickiness on a rule if you enabled target stickiness on one of its target groups",
    );
  moved(state, newWeight(inputs, config));
  return { ...plain, outputs: { ...plain.outputs, arn: id }, restarts: false };
}

/** The next request follows. */
function moved(state: WorldState, weight: number): void {
  state.dns.push({ at: state.now, value: weight });
  state.faults = afterWeight(state.faults, weight);
}

/** What a removal does, or refuses to. */
export function removed(type: string, id: string, state: WorldState): void {
  if (type === RULE) moved(state, 0);
  if (type === TARGET_GROUP && Object.values(state.resources).some((r) => r.type === RULE && tuplesOf(r.inputs).some((t) => t.arn === id)))
    throw new Error(`ResourceInUse: Target group '${id}' is currently in use by a listener or a rule`);
}

/** ModifyRule past the engine: both weights, and nothing else. @returns false without a rule of cutover's */
export function modifyRule(state: WorldState, config: StackConfig, weights: { old: number; new: number }): boolean {
  const rule = ruleIn(state);
  if (rule === undefined) return false;
  const old = groupsOf(config)?.oldTargetGroupArn;
  const actions = (rule.inputs.actions as { forward: { targetGroups: Tuple[] } }[]).map((action) => ({
    ...action,
    forward: {
      ...action.forward,
      targetGroups: action.forward.targetGroups.map((t) => ({ ...t, weight: t.arn === old ? weights.old : weights.new })),
    },
  }));
  Object.assign(rule, { inputs: { ...rule.inputs, actions }, outputs: { ...rule.outputs, actions } });
  moved(state, weights.new);
  return true;
}

/** Whether some side of the listener has a weight and something behind it. */
export function balancerAnswers(state: WorldState, config: StackConfig, oldStands: boolean): boolean {
  const rule = ruleIn(state);
  if (rule === undefined) return oldStands;
  const old = groupsOf(config)?.oldTargetGroupArn;
  return tuplesOf(rule.inputs).some((t) => (t.weight ?? 1) > 0 && (t.arn !== old || oldStands));
}

import * as aws from "@pulumi/aws";
import type { TargetGroups } from "../config/shift.js";

/** What a rule asks of a request. */
export type RuleCondition = aws.types.input.lb.ListenerRuleCondition;

/** A condition that every request meets: in front of a default action. */
const EVERY_REQUEST: RuleCondition[] = [{ pathPattern: { values: ["*"] } }];

/**
 * The conditions of cutover's own rule: those that it was made with, once it stands, so that nobody's change of the rule of today
 * moves users that no step has moved; before that, those of the rule of today.
 */
export async function keptConditions({ listenerArn, ruleArn, priority }: TargetGroups, isOwn: (tags: Record<string, string>) => boolean) {
  if (ruleArn === undefined) return EVERY_REQUEST;
  const own = await aws.lb.getListenerRule({ listenerArn, priority }).catch(() => undefined);
  if (own !== undefined && isOwn(own.tags ?? {})) return conditionsOf(own);
  return conditionsOf(await aws.lb.getListenerRule({ arn: ruleArn }));
}

/** The provider's function has lists where its resource has single blocks. */
function conditionsOf({ conditions = [] }: aws.lb.GetListenerRuleResult): RuleCondition[] {
  return conditions.flatMap((c): RuleCondition[] => [
    ...(c.hostHeaders ?? []).map((h) => ({ hostHeader: matching(h) })),
    ...(c.pathPatterns ?? []).map((p) => ({ pathPattern: matching(p) })),
    ...(c.httpHeaders ?? []).map((h) => ({ httpHeader: { httpHeaderName: h.httpHeaderName, ...matching(h) } })),
    ...(c.httpRequestMethods ?? []).map((m) => ({ httpRequestMethod: { values: m.values } })),
    ...(c.sourceIps ?? []).map((s) => ({ sourceIp: { values: s.values } })),
    ...(c.queryStrings ?? []).map((q) => ({
      queryStrings: (q.values ?? []).map(({ key, value }) => ({ ...((key ?? "") === "" ? {} : { key }), value })),
    })),
  ]);
}

const matching = ({ values = [], regexValues = [] }: { values?: string[]; regexValues?: string[] }) =>
  regexValues.length > 0 ? { regexValues } : { values };

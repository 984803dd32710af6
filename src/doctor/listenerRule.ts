import type { AwsClients } from "../adapters/aws/clients.js";
import { type GroupStanding, groupStanding, inspected, staying } from "../adapters/aws/groupChecks.js";
import type { StackConfig } from "../config/schema.js";
import { groupsOf } from "../config/shift.js";
import { examine, type Finding, refusalOf } from "./check.js";

const CHECK = "listener rule";

/** What stands at the load balancer's rule that serves today, and what keeps users from being moved by it; nothing is changed. */
export async function listenerRule(stack: string, config: StackConfig, { elb }: AwsClients): Promise<Finding[]> {
  if (groupsOf(config) === undefined) return [];
  let standing: GroupStanding | undefined;
  const read = await examine(CHECK, stack, "See that traffic.listenerArn and traffic.ruleArn are there and may be read.", async () => {
    standing = await groupStanding(elb, config);
    return standing.refused.length > 0 ? standing.refused.join(" ") : inspected(standing).summary;
  });
  if (read.standing !== "ok" || standing === undefined) return [read];
  const { refused, others } = standing;
  return [
    ...(refused.length === 0 ? [read] : refused.map((why) => refusalOf(CHECK, stack, why))),
    ...(others.length === 0
      ? []
      : [
          {
            check: CHECK,
            of: stack,
            standing: "warning" as const,
            detail: staying(others),
            mend: "Move each by a migration of its own, or take it off the old target group: the clean-up ends no instance while one sends there.",
          },
        ]),
  ];
}

import type { AwsClients } from "../adapters/aws/clients.js";
import { groupStanding, inspectRule } from "../adapters/aws/groupChecks.js";
import type { StackConfig } from "../config/schema.js";
import { groupsOf } from "../config/shift.js";
import { examine, type Finding, refusalOf } from "./check.js";

const CHECK = "listener rule";

/** What stands at the load balancer's rule that serves today, and what keeps users from being moved by it; nothing is changed. */
export async function listenerRule(stack: string, config: StackConfig, { elb }: AwsClients): Promise<Finding[]> {
  if (groupsOf(config) === undefined) return [];
  let refused: string[] = [];
  const read = await examine(CHECK, stack, "See that traffic.listenerArn and traffic.ruleArn are there and may be read.", async () => {
    refused = (await groupStanding(elb, config)).refused;
    return refused.length > 0 ? refused.join(" ") : (await inspectRule(elb, config)).summary;
  });
  if (read.standing !== "ok" || refused.length === 0) return [read];
  return refused.map((why) => refusalOf(CHECK, stack, why));
}

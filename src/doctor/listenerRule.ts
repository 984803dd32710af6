import type { AwsClients } from "../adapters/aws/clients.js";
import { groupStanding, inspectRule } from "../adapters/aws/groupChecks.js";
import type { StackConfig } from "../config/schema.js";
import { examine, type Finding } from "./check.js";

const CHECK = "listener rule";

/** What stands at the load balancer's rule that serves today, and what keeps users from being moved by it; nothing is changed. */
export async function listenerRule(stack: string, config: StackConfig, { elb }: AwsClients): Promise<Finding[]> {
  if (config.traffic === undefined) return [];
  let refused: string[] = [];
  const read = await examine(CHECK, stack, "See that traffic.listenerArn and traffic.ruleArn are there and may be read.", async () => {
    refused = (await groupStanding(elb, config)).refused;
    return refused.length > 0 ? refused.join(" ") : (await inspectRule(elb, config)).summary;
  });
  if (read.standing !== "ok" || refused.length === 0) return [read];
  return refused.map((detail) => ({ check: CHECK, of: stack, standing: "failed", detail, mend: mendOf(detail) }));
}

/** What the refusal itself says to do. */
const mendOf = (refused: string): string => {
  const said = refused.slice(refused.lastIndexOf(": ") + 2);
  return `${said.slice(0, 1).toUpperCase()}${said.slice(1)}`;
};

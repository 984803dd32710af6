import type { StackConfig } from "../../config/schema.js";
import { groupsOf } from "../../config/shift.js";
import { balancerAnswers } from "./balancer.js";
import { fileViolations } from "./files.js";
import { onceViolations } from "./once.js";
import type { WorldState } from "./state.js";

/** What must never be true of a far side, whoever caused it: the report and the tests read it, nothing acts on it. */
export function violationsOf(state: WorldState, config: StackConfig): string[] {
  const found: string[] = [];
  if (groupsOf(config) !== undefined && !balancerAnswers(state, config, oldStands(state, config)))
    found.push("promise 2: no target group of the rule has a weight and something behind it");
  if (config.dns !== undefined && !answers(state, oldStands(state, config)))
    found.push("promise 2: no side of the name has a weight and something behind it");
  if (state.writes.old && state.writes.new && state.old.database) found.push("promise 3: both databases accept writes");
  if (state.writes.new && !state.old.maintenance && state.old.uses === "old" && state.old.instances.length > 0)
    found.push("promise 3: the old fleet serves users from the old database");
  return [...found, ...onceViolations(state.once, state.now), ...fileViolations(state, config)];
}

/** Instances that the stack config does not name cannot be terminated by it: the addresses go on answering. */
const oldStands = (state: WorldState, { old }: StackConfig): boolean =>
  state.old.instances.length > 0 || (old !== undefined && old.instanceIds.length === 0);

function answers(state: WorldState, oldStands: boolean): boolean {
  if (state.old.plainRecord) return true;
  return Object.values(state.resources).some((r) => {
    if (r.type !== "aws:route53/record:Record" || r.inputs.setIdentifier === undefined) return false;
    const weight = (r.inputs.weightedRoutingPolicies as { weight: number }[] | undefined)?.[0]?.weight ?? 0;
    return weight > 0 && (r.inputs.setIdentifier === "new-infra" || oldStands);
  });
}

import type { FleetCommand } from "../../config/fleetCommands.js";
import { balancerName, oldBalancerOf } from "../../config/oldSide.js";
import { ownGateOf } from "../../config/ownGates.js";
import type { StackConfig } from "../../config/schema.js";
import { type CountedName, sourceOf, whyNeverAnswered } from "../../config/sources.js";
import type { TargetConfig } from "../../config/targets.js";
import { COMPARED, type MeasuredName } from "../../ports/comparison.js";
import { type BuiltInName, isOwn, type OwnName, type Side } from "../../ports/observations.js";
import { type GateName, gateNamed, isKnownGate } from "./catalogue.js";

/** Who is asked for a gate's observation on real targets; or why nothing ever can answer, and what to do about it. */
export type Answer = { by: string } | { nobody: string };

/** What else than the config decides about it; what is absent is not known, and taken to be there. */
export interface Surroundings {
  target?: Pick<TargetConfig, "fleet">;
  /** Stacks of the folder. */
  stacks?: readonly string[];
}

type Ask = (config: StackConfig, side: Side | undefined, around: Surroundings) => Answer;

const by =
  (who: string): Ask =>
  () => ({ by: who });
const cluster = by("the cluster's API server");
const rds = by("RDS");
const databases = by("the databases themselves");
const balancer = by("the load balancer, through AWS");
const network = by("AWS: what leads to it, and what it counts");

/** What a command of the old fleet prints; without the targets file it is taken to be there. */
const fleet =
  (command: FleetCommand, prints: string): Ask =>
  (_, __, { target }) =>
    target !== undefined && target.fleet?.[command] === undefined
      ? { nobody: `the targets file has no command fleet.${command}: it prints ${prints}` }
      : { by: `fleet.${command} of the targets file` };

/** Who of the sources in `src/adapters/sources` answers what. */
const ANSWERS: Record<MeasuredName, Ask> = {
  "error-rate": counted("error-rate"),
  "latency-p95": counted("latency-p95"),
  "request-count": counted("request-count"),
  "traffic-share": (config) => both(["new", "old"], (side) => requests(config, "request-count", side)),
  "replica-available": rds,
  "replica-lag": databases,
  "database-primary": databases,
  "backup-retention": rds,
  "database-protected": rds,
  "backup-age": rds,
  "writes-stopped": databases,
  "comparison-pause": databases,
  "reverse-lag": databases,
  "pods-ready": cluster,
  "green-ready": cluster,
  "rollout-healthy": cluster,
  "rollout-weight": cluster,
  "rollout-share": balancer,
  "green-weight": balancer,
  "targets-healthy": balancer,
  "old-targets-healthy": balancer,
  "load-balancer-ready": cluster,
  "dns-weight-new": by("the authoritative name servers"),
  "group-weight-new": balancer,
  "dns-ttl": by("the authoritative name servers"),
  "dns-resolvers": by("resolvers"),
  "hpa-active": cluster,
  "spot-nodes-ready": cluster,
  "snapshot-available": rds,
  "workers-ready": cluster,
  "queue-age": queues,
  "dead-letters": queues,
  "old-once-running": fleet("onceRunning", "how many of them run on the old side"),
  "files-differing": fleet("filesDiffering", "how many files differ"),
  "new-once-running": cluster,
  "once-ready": cluster,
  "open-connections": network,
  "old-load-balancer-users": network,
  "old-instances-users": network,
  "old-database-users": databases,
  "security-groups-users": by("EC2"),
};

/** Who answers a gate on real targets. Pure: nothing is asked. */
export function answerOf(gate: GateName, config: StackConfig, around: Surroundings = {}): Answer {
  if (!isKnownGate(gate)) return { nobody: `this version of cutover has no gate ${gate}` };
  const { observation, side } = gateNamed(gate);
  return isOwn(observation) ? ofOwn(observation, config) : answer(observation, config, side, around);
}

function answer(name: BuiltInName, config: StackConfig, side: Side | undefined, around: Surroundings): Answer {
  if (name === "staging-verified") return ofStaging(config, around);
  const compares = COMPARED[name];
  if (compares !== undefined) return both(["new", "old"], (of) => answer(compares, config, of, around));
  return ANSWERS[name as MeasuredName](config, side, around);
}

/** Of several questions: who answers each, or the first that nobody does. */
function both(sides: readonly Side[], ask: (side: Side) => Answer): Answer {
  const answers = sides.map((side) => ({ side, of: ask(side) }));
  for (const { side, of } of answers) if ("nobody" in of) return { nobody: `${side} side: ${of.nobody}` };
  const names = new Set(answers.flatMap(({ of }) => ("by" in of ? [of.by] : [])));
  return { by: [...names].join("; ") };
}

function counted(name: CountedName): Ask {
  return (config, side = "new") => requests(config, name, side);
}

function requests(config: StackConfig, name: CountedName, side: Side): Answer {
  const never = whyNeverAnswered(config, name, side);
  if (never !== undefined) return { nobody: never };
  const source = config.sources[side];
  if (sourceOf(config, side) === "load-balancer")
    return { by: `CloudWatch, ${side === "new" ? "the new load balancer" : `load balancer ${balancerName(oldBalancerOf(config) ?? "")}`}` };
  const { convention = "guide", expressions } = source?.kind === "prometheus" ? source : {};
  return { by: `Prometheus, ${expressions === undefined ? `convention ${convention}` : `sources.${side}.expressions`}` };
}

function queues({ handover }: StackConfig): Answer {
  if (handover.queues.length === 0) return { nobody: "name the queues in handover.queues" };
  return { by: [...new Set(handover.queues.map((q) => (q.kind === "sqs" ? "SQS and CloudWatch" : "Prometheus")))].join(" and ") };
}

function ofStaging({ application }: StackConfig, { stacks }: Surroundings): Answer {
  const staging = `${application.name}-staging`;
  return stacks !== undefined && !stacks.includes(staging)
    ? { nobody: `there is no stack ${staging}, whose migration would say that the version has passed` }
    : { by: `the journal of ${staging}` };
}

function ofOwn(name: OwnName, config: StackConfig): Answer {
  const own = ownGateOf(config, name);
  if (own === undefined) return { nobody: `gates.own has no ${name} any more` };
  return {
    by: own.source === "prometheus" ? `Prometheus: ${own.expression}` : `CloudWatch: ${own.namespace} ${own.metric}, ${own.statistic}`,
  };
}

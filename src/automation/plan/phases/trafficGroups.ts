import { webMovesOnce } from "../../../config/processes.js";
import type { StackConfig } from "../../../config/schema.js";
import type { TargetGroups } from "../../../config/shift.js";
import type { Step } from "../step.js";
import { earlierConfig, gate, healthy, NOTHING_TO_UNDO, noWorse, streaming } from "./build.js";
import { emergencyExit } from "./emergencyExit.js";
import { moveOnce } from "./handover.js";

/**
 * Phase 5 where users keep the load balancer that they have: a rule of cutover's own stands before the one that serves today, with
 * the same conditions, and sends to the old target group and to a new one. The rule of today is never changed: going back to
 * before is removing cutover's own. No name changes, so there is nothing that resolvers keep, and nothing to tell third parties.
 */
export function trafficGroups(config: StackConfig, { steps, holdSeconds }: TargetGroups): Step[] {
  const once = webMovesOnce(config);
  return [
    {
      id: "traffic.rule",
      phase: "traffic",
      kind: "action",
      title: "Read the load balancer's rule that serves today, and what a rule before it can take over",
      seed: "aws elbv2 describe-rules",
      wayBack: NOTHING_TO_UNDO,
      run: ({ target, effect }) => target.cloud.adoptRecord(effect),
    },
    {
      id: "traffic.new-group",
      phase: "traffic",
      kind: "config",
      title: "Put a rule before it that sends nothing to a new target group of the cluster's pods",
      seed: "SetIdentifier new-infra",
      wayBack: earlierConfig("The rule and the new target group are removed; the rule of today serves as it always did."),
      change: () => ({ "traffic.records": "both", "traffic.weights": { old: 100, new: 0 } }),
      gates: [gate("group-weight", 0, { expect: 0 })],
    },
    // It has no pod before the web process has moved.
    ...(once ? [] : [newTargets(config)]),
    emergencyExit(config, "the rule's weights"),
    ...(once
      ? moveOnce(config, "traffic", [])
      : steps.map(
          (w): Step => ({
            id: `traffic.groups-${w}`,
            phase: "traffic",
            kind: "config",
            title: `Send ${w} % of requests to the new target group`,
            seed: "Gradually increase new-infra weight: 10%, 25%, 50%, 75%, 100%",
            wayBack: earlierConfig("The earlier weights are set; the next request follows."),
            change: () => ({ "traffic.weights": { old: 100 - w, new: w } }),
            gates: [
              gate("group-weight", holdSeconds, { expect: w }),
              gate("traffic-share", holdSeconds, { expect: w }),
              gate("targets-healthy", holdSeconds),
              ...healthy(holdSeconds),
              ...noWorse(config, w, holdSeconds),
            ],
          }),
        )),
  ];
}

const newTargets = (config: StackConfig): Step => ({
  id: "traffic.new-targets",
  phase: "traffic",
  kind: "gate",
  title: "Wait until the load balancer finds every pod of the new target group healthy",
  seed: "curl -H 'Host: api.example.com' http://$ALB_DNS/health",
  wayBack: NOTHING_TO_UNDO,
  gates: [gate("targets-healthy", 60), ...streaming(config, 60)],
});

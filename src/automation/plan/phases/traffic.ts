import { webMovesOnce } from "../../../config/processes.js";
import type { StackConfig } from "../../../config/schema.js";
import { groupsOf } from "../../../config/shift.js";
import type { Step } from "../step.js";
import { earlierConfig, gate, healthy, NOTHING_TO_UNDO, need, noWorse, streaming } from "./build.js";
import { ALIAS_TTL_SECONDS, dnsPreparation } from "./dnsPreparation.js";
import { emergencyExit } from "./emergencyExit.js";
import { handover, moveOnce } from "./handover.js";
import { trafficGroups } from "./trafficGroups.js";

/**
 * Phase 5: traffic cutover through weighted DNS, or through weighted target groups of the load balancer that stays; then what works
 * without users.
 */
export function traffic(config: StackConfig): Step[] {
  const groups = groupsOf(config);
  return [...(groups === undefined ? users(config) : trafficGroups(config, groups)), ...handover(config)];
}

const probe: Step = {
  id: "traffic.probe",
  phase: "traffic",
  kind: "action",
  title: "Ask the new load balancer for /health with the application's host name",
  seed: "curl -H 'Host: api.example.com' http://$ALB_DNS/health",
  wayBack: NOTHING_TO_UNDO,
  run: ({ target }) => target.cluster.probeLoadBalancer(),
};

function users(config: StackConfig): Step[] {
  if (config.dns === undefined) return [];
  const { steps, holdSeconds } = config.dns;
  const once = webMovesOnce(config);
  return [
    ...(config.database === undefined ? dnsPreparation(config, "traffic") : []),
    {
      id: "traffic.load-balancer",
      phase: "traffic",
      kind: "gate",
      title: "Wait until the new load balancer is ready",
      seed: "kubectl get ingress",
      wayBack: NOTHING_TO_UNDO,
      gates: [gate("load-balancer-ready", 60), ...(once ? [] : [gate("targets-healthy", 60)]), ...streaming(config, 60)],
    },
    // Nothing answers before the web process has moved.
    ...(once ? [] : [probe]),
    {
      id: "traffic.webhooks",
      phase: "traffic",
      kind: "approval",
      title: "Confirm that third parties know the new endpoints",
      seed: "Update webhooks to new endpoints",
      wayBack: NOTHING_TO_UNDO,
      asks: "Are webhooks and other third-party integrations ready for the new endpoints?",
      secondPerson: false,
      gates: [],
    },
    {
      id: "traffic.new-record",
      phase: "traffic",
      kind: "config",
      title: "Create the new side's DNS record with weight 0",
      seed: "SetIdentifier new-infra",
      wayBack: earlierConfig("The new record is removed; it carried no weight."),
      // Answers that resolvers keep for longer than the other side's would be asked for more often than their weight says.
      change: (c) => ({
        "dns.records": "both",
        "dns.weights": { old: 100, new: 0 },
        ...(need(c.dns, "dns").ttlSeconds > ALIAS_TTL_SECONDS ? { "dns.ttlSeconds": ALIAS_TTL_SECONDS } : {}),
      }),
      gates: [gate("dns-weight", 0, { expect: 0 })],
    },
    emergencyExit(config, "the weights"),
    ...(once
      ? moveOnce(config, "dns", [gate("dns-resolvers")])
      : steps.map(
          (w): Step => ({
            id: `traffic.dns-${w}`,
            phase: "traffic",
            kind: "config",
            title: `Answer ${w} % of DNS queries with the new side`,
            seed: "Gradually increase new-infra weight: 10%, 25%, 50%, 75%, 100%",
            wayBack: earlierConfig("The earlier weights are set; clients follow within one TTL."),
            change: () => ({ "dns.weights": { old: 100 - w, new: w } }),
            gates: [
              gate("dns-weight", holdSeconds, { expect: w }),
              gate("traffic-share", holdSeconds, { expect: w }),
              gate("targets-healthy", holdSeconds),
              ...healthy(holdSeconds),
              ...noWorse(config, w, holdSeconds),
              // At the last weight nobody may be left who was told of the old side.
              ...(w === 100 ? [gate("dns-resolvers")] : []),
            ],
          }),
        )),
  ];
}

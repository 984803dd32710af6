import type { StackConfig } from "../../../config/schema.js";
import { costDocument } from "../costs.js";
import { STEP } from "../ids.js";
import type { ConfigStep, Step, WayBack } from "../step.js";
import { earlierConfig, gate, hasOld, NOTHING_TO_UNDO, need } from "./build.js";

type MadeStep = (step: Omit<ConfigStep, "phase" | "kind" | "wayBack"> & { wayBack?: WayBack }) => Step;

/** Of the web process: the others have the numbers that their share says. */
const scaling = (config: StackConfig, configStep: MadeStep): Step[] => [
  configStep({
    id: STEP.hpa,
    title: `Scale between ${config.autoscaling.hpa.minReplicas} and ${config.autoscaling.hpa.maxReplicas} pods at ${config.autoscaling.hpa.cpuPercent} % CPU`,
    seed: "kubectl autoscale deployment",
    change: () => ({ "autoscaling.hpa.enabled": true }),
    gates: [gate("hpa-active"), gate("pods-ready", 60)],
  }),
  ...(config.cluster.provides.includes("vpa")
    ? []
    : [
        configStep({
          id: "optimize.vpa-install",
          title: `Install the Vertical Pod Autoscaler, chart ${config.cluster.vpaChartVersion}`,
          seed: "kubectl apply -f vertical-pod-autoscaler.yaml",
          wayBack: { summary: "Stays installed: other applications may use it, and it does nothing on its own.", loses: "nothing" },
          change: () => ({ "cluster.vpa": true }),
          gates: [],
        }),
      ]),
  configStep({
    id: "optimize.vpa",
    title: "Let the Vertical Pod Autoscaler take memory",
    seed: "web-api-vpa",
    change: () => ({ "autoscaling.vpa.enabled": true }),
    gates: [gate("pods-ready", 60)],
  }),
];

/** Phase 6: monitoring and optimization. */
export function optimize(config: StackConfig): Step[] {
  if (!hasOld(config)) return [];
  const configStep = (step: Omit<ConfigStep, "phase" | "kind" | "wayBack"> & { wayBack?: WayBack }): Step => ({
    phase: "optimize",
    kind: "config",
    wayBack: earlierConfig(),
    ...step,
  });
  return [
    configStep({
      id: STEP.alerts,
      title: "Set up alerts for error rate and latency",
      seed: "prometheus-rules.yaml",
      change: () => ({ "alerts.enabled": true }),
      gates: [],
    }),
    ...(config.workload.web && !config.workload.once ? scaling(config, configStep) : []),
    {
      id: STEP.usage,
      phase: "optimize",
      kind: "action",
      title: "Compare usage with requests",
      seed: "kubectl top pods; kubectl top nodes; kubectl resource-capacity --pods --util",
      wayBack: NOTHING_TO_UNDO,
      run: ({ target }) => target.cluster.usage(),
    },
    ...(config.spot === undefined
      ? []
      : [
          configStep({
            id: STEP.spot,
            title: "Run on Spot capacity",
            seed: "Use Spot instances for non-critical workloads",
            change: () => ({ "spot.enabled": true }),
            gates: [gate("spot-nodes-ready"), gate("pods-ready", 60)],
          }),
        ]),
    ...(config.dns === undefined
      ? []
      : [
          configStep({
            id: "optimize.restore-ttl",
            title: `Restore the DNS TTL of ${config.dns.normalTtlSeconds} s`,
            seed: "Reduce TTL to 60s one week before migration",
            change: (c) => ({ "dns.ttlSeconds": need(c.dns, "dns").normalTtlSeconds }),
            gates: [gate("dns-ttl", 0, { expect: config.dns.normalTtlSeconds })],
          }),
        ]),
    {
      id: STEP.cost,
      phase: "optimize",
      kind: "action",
      title: "Review the cost before and after, by service and month",
      seed: "aws ce get-cost-and-usage",
      wayBack: NOTHING_TO_UNDO,
      run: costDocument,
    },
  ];
}

import { allReady, EVERY_MINUTE, type GateDefinitions, reached } from "../definition.js";

/** Pods, nodes and releases in the cluster. */
export const workloadGates = {
  "pods-ready": { ...allReady("pods-ready", "all wanted pods ready"), everySeconds: EVERY_MINUTE },
  "green-ready": allReady("green-ready", "all wanted green pods ready"),
  "rollout-healthy": reached("rollout-healthy", "the Argo Rollout is Healthy on the wanted image"),
  "staging-verified": reached("staging-verified", "the same image passed its rollout in staging"),
  "hpa-active": reached("hpa-active", "the autoscaler reads its metric"),
  "spot-nodes-ready": allReady("spot-nodes-ready", "all wanted Spot nodes ready"),
} satisfies GateDefinitions;

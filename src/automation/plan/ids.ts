import type { Phase } from "./step.js";

/** Steps that something else than their own phase asks about, by what they do. */
export const STEP = {
  risks: "assess.risks",
  promote: "database.promote",
  canary: "rollout.canary",
  hpa: "optimize.hpa",
  alerts: "optimize.alerts",
  usage: "optimize.usage",
  spot: "optimize.spot",
  cost: "optimize.cost",
  soak: "cleanup.soak",
  approveCleanup: "cleanup.approve",
  close: "cleanup.close",
  documents: "cleanup.documents",
} as const satisfies Record<string, `${Phase}.${string}`>;

import { createHash } from "node:crypto";
import type { StackConfig } from "../../config/schema.js";
import { withOwnGates } from "./own.js";
import { assess } from "./phases/assess.js";
import { cleanup } from "./phases/cleanup.js";
import { containerize } from "./phases/containerize.js";
import { database } from "./phases/database.js";
import { optimize } from "./phases/optimize.js";
import { rollout } from "./phases/rollout.js";
import { traffic } from "./phases/traffic.js";
import type { Step } from "./step.js";

/** All steps of one application's migration in one environment, in order. */
export type Plan = readonly Step[];

/**
 * The plan that a stack config asks for. Only the user's part of the config decides (which sections there are, the
 * strategy, the ramps), so it stays the same while steps change the config.
 */
export function buildPlan(config: StackConfig): Plan {
  return [assess, containerize, database, rollout, traffic, optimize, cleanup].flatMap((phase) =>
    phase(config).map((step) => withOwnGates(step, config)),
  );
}

/** Identifies a plan's shape. A migration goes on with the one that it began with: see `edition.ts`. */
export function planDigest(plan: Plan): string {
  const shape = plan.map((s) => [s.id, s.kind, "gates" in s ? s.gates : []]);
  return createHash("sha256").update(JSON.stringify(shape)).digest("hex");
}

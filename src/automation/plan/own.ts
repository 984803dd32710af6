import type { OwnPhase } from "../../config/ownGates.js";
import type { StackConfig } from "../../config/schema.js";
import { ownName } from "../../ports/observations.js";
import type { GateName } from "../gates/catalogue.js";
import { gate } from "./phases/build.js";
import type { Step } from "./step.js";

/** The steps of a phase in which the user's own gates are judged: those with one of these, which watch pods, workers or users. */
const WATCHED: Record<OwnPhase, readonly GateName[]> = {
  // Not while writes are stopped: nothing of the users' is to be measured then.
  database: ["old-error-rate"],
  rollout: ["error-rate", "pods-ready"],
  traffic: ["error-rate", "workers-ready", "queue-age"],
  optimize: ["pods-ready"],
  cleanup: ["error-rate", "pods-ready"],
};

/** A step with the user's own gates beside cutover's, where the config asks for them in its phase. */
export function withOwnGates(step: Step, config: StackConfig): Step {
  const { phase } = step;
  const watched: readonly GateName[] = phase in WATCHED ? WATCHED[phase as OwnPhase] : [];
  if (!("gates" in step) || !step.gates.some((g) => watched.includes(g.gate))) return step;
  const own = config.gates.own.filter((g) => g.phases.some((p) => p === phase));
  if (own.length === 0) return step;
  return { ...step, gates: [...step.gates, ...own.map(({ name, holdSeconds }) => gate(ownName(name), holdSeconds))] };
}

import { webMovesOnce } from "../../../config/processes.js";
import type { StackConfig } from "../../../config/schema.js";
import type { Step } from "../step.js";

/** The step whose undoing sends users back without engine, preview or cluster. */
export const EMERGENCY_EXIT = "traffic.emergency-exit";

/** What the exit cannot do by itself. */
const SERVED_AGAIN = " There they are served once the web process has stopped here and started there.";

/** @param weights what it sets, in words */
export const emergencyExit = (config: StackConfig, weights: string): Step => ({
  id: EMERGENCY_EXIT,
  phase: "traffic",
  kind: "action",
  title: `Try the emergency exit: set ${weights} directly, past the engine, as they are`,
  seed: "Immediate rollback via DNS",
  wayBack: {
    summary: `Users go to the old side at once: ${weights} are set directly, past the engine.${webMovesOnce(config) ? SERVED_AGAIN : ""}`,
    loses: "nothing",
  },
  run: ({ target, effect }) => target.cloud.setWeights({ old: 100, new: 0 }, effect),
  undo: ({ target, effect }) => target.cloud.setWeights({ old: 100, new: 0 }, effect),
});

/** The steps that change nothing but weights, of DNS records or of target groups: `traffic.dns-25`, `traffic.groups-25`. */
export const changesWeightsAlone = (id: string): boolean => /^traffic\.(dns|groups)-/.test(id);

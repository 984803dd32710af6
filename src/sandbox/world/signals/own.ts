import { ownGateOf } from "../../../config/ownGates.js";
import { known, type OwnName, type Reading, unknown } from "../../../ports/observations.js";
import { isActive } from "../../faults.js";
import { carrier } from "../find.js";
import { requests } from "./requests.js";
import type { AskedWorld } from "./signal.js";

/**
 * A gate of the user's own: nothing here has its metric, so its expression is not evaluated, and a verdict says so. It reads its
 * limit, the last value that passes, once pods are there that could be measured; a fault reads beyond it, or nothing. All requests
 * of the world are the most samples that could be counted.
 */
export function ownSignal(name: OwnName, { state, config, windowSeconds }: AskedWorld): Reading {
  const gate = ownGateOf(config, name);
  if (gate === undefined) return unknown(`gates.own has no ${name} any more`);
  const { limit, direction, leastSamples } = gate;
  if (isActive(state.faults, "own-unknown")) return unknown("a fault of the rehearsal: it gives no value");
  if (carrier(state, config) === undefined) return unknown("no pod runs that could be measured");
  const samples = Math.round(requests(state, config, "old", windowSeconds) + requests(state, config, "new", windowSeconds));
  if (leastSamples !== undefined && samples < leastSamples) return unknown(`only ${samples} samples in the window`);
  if (!isActive(state.faults, "own-gates")) return known(limit);
  const beyond = Math.max(1, Math.abs(limit));
  return known(direction === "at-most" ? limit + beyond : limit - beyond);
}

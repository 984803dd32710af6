import { ownGateOf } from "../../config/ownGates.js";
import type { OwnName } from "../../ports/observations.js";
import { EVERY_MINUTE, type GateDefinition } from "./definition.js";

const WORDS = { "at-most": "at most", "at-least": "at least" } as const;

/** What the gate asks now; one that the config has no more, and a plan still has, never passes. */
const NO_MORE = "what gates.own said of it, which the stack config has no more";

/** A gate of the user's own: what it asks stands in the config. */
export const ownGate = (name: OwnName): GateDefinition => ({
  observation: name,
  accepts: (config) => {
    const own = ownGateOf(config, name);
    if (own === undefined) return NO_MORE;
    const enough = own.leastSamples === undefined ? "" : `, of at least ${own.leastSamples} samples`;
    return `${WORDS[own.direction]} ${own.limit}${enough}${own.whenUnknown === "fail" ? "; unknown is bad" : ""}`;
  },
  judge: (value, config) => {
    const own = ownGateOf(config, name);
    if (own === undefined) return "pending";
    return (own.direction === "at-most" ? value <= own.limit : value >= own.limit) ? "pass" : "fail";
  },
  unknownIsBad: (config) => ownGateOf(config, name)?.whenUnknown === "fail",
  everySeconds: EVERY_MINUTE,
  format: (value) => `${Number(value.toPrecision(6))}`,
});

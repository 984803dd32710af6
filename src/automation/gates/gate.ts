import type { StackConfig } from "../../config/schema.js";
import type { Observation } from "../../ports/observations.js";
import type { Gate, GateName } from "./catalogue.js";
import type { Verdict } from "./definition.js";

/** A gate in a plan: with the value it expects, where the gate compares with one. */
export interface GateUse {
  gate: GateName;
  expect?: number;
  /** How long it must pass without a break, in seconds; 0 is one passing sample. All gates of a step hold together: the longest counts. */
  holdSeconds: number;
  /** The gate gives up after this long without passing. @default gates.timeoutSeconds */
  timeoutSeconds?: number;
}

/** Judges one observation: unknown, stale or mismatched ones are `unknown` whatever their value. */
export function judge(gate: Gate, use: GateUse, observation: Observation, config: StackConfig, now: number): Verdict {
  if (!observation.reading.known) return "unknown";
  const { delaySeconds = 0 } = observation;
  if (now - observation.at > (config.gates.maxSampleAgeSeconds + delaySeconds) * 1_000) return "unknown";
  return gate.judge(observation.reading.value, config, use.expect);
}

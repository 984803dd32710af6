import type { StackConfig } from "../../config/schema.js";
import type { ObservationName, Side } from "../../ports/observations.js";

/**
 * What one sample says about a gate. `pending` is "not yet": waiting is right. `fail` is "this is bad": waiting longer
 * hurts. `unknown` never passes (promise 10) and is waited for until the gate's timeout.
 */
export type Verdict = "pass" | "pending" | "fail" | "unknown";

/** A condition over one observation; its name is its key in a file of `kinds/`. */
export interface GateDefinition {
  observation: ObservationName;
  side?: Side;
  /** What passes, for people: `at most 5 %`. */
  accepts: (config: StackConfig, expect: number | undefined) => string;
  /** Pure: judges a known value. */
  judge: (value: number, config: StackConfig, expect: number | undefined) => Exclude<Verdict, "unknown">;
  /** Whether what is unknown counts as a bad sample. @default it is waited for */
  unknownIsBad?: (config: StackConfig) => boolean;
  /** Longest time between two looks, in seconds, where a look says the less the longer ago the last one was. @default by the hold */
  everySeconds?: number;
  /** Prints a value with its unit. */
  format: (value: number) => string;
}

/** Several by their names. */
export type GateDefinitions = Record<string, GateDefinition>;

/** Users are behind these: nothing of a soak goes by unseen. */
export const EVERY_MINUTE = 60;

export const percent = (v: number): string => `${Math.round(v * 1_000) / 10} %`;
export const seconds = (v: number): string => `${Math.round(v * 100) / 100} s`;

/** Reached or not yet: waiting is right. */
export const reached = (observation: ObservationName, accepts: string): GateDefinition => ({
  observation,
  accepts: () => accepts,
  judge: (value) => (value >= 1 ? "pass" : "pending"),
  format: (v) => (v >= 1 ? "yes" : "no"),
});

/** A share of wanted things that are ready: all of them, or not yet. */
export const allReady = (observation: ObservationName, accepts: string): GateDefinition => ({
  ...reached(observation, accepts),
  format: percent,
});

/** Nothing of it is left, or not yet. @param things what is counted, as `format` says it */
export const noneLeft = (observation: ObservationName, accepts: string, things = ""): GateDefinition => ({
  observation,
  accepts: () => accepts,
  judge: (value) => (value === 0 ? "pass" : "pending"),
  format: (v) => `${v} ${things}`.trim(),
});

/** A weight as the far side shows it, not as it was asked for (promise 11). */
export const weightShown = (observation: ObservationName, where: string): GateDefinition => ({
  observation,
  accepts: (_, expect) => `${expect} % shown by ${where}`,
  judge: (value, _, expect) => (value === expect ? "pass" : "pending"),
  everySeconds: EVERY_MINUTE,
  format: (v) => `${v} %`,
});

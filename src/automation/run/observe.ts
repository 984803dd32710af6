import type { StackConfig } from "../../config/schema.js";
import { isOwn, type Observation, unknown } from "../../ports/observations.js";
import type { Target } from "../../ports/target.js";
import { gateNamed, isKnownGate } from "../gates/catalogue.js";
import { type GateUse, judge } from "../gates/gate.js";

/** Who answers a gate's observation. */
export interface Observers {
  target: Target;
  /** Answers what only the service knows (whether staging has passed). */
  observeLocal: (name: Observation["name"], config: StackConfig, now: number) => Promise<Observation | undefined>;
  /** Called after each round. */
  onRound?: () => void;
}

/** What is taken over `gates.windowSeconds`; the user's own may be. */
const RATES: Observation["name"][] = ["error-rate", "latency-p95", "error-rate-over-old", "latency-over-old"];
const isRate = (name: Observation["name"]): boolean => RATES.includes(name) || isOwn(name);
/** As short a window as a config may name. */
const SHORTEST_WINDOW_SECONDS = 30;

/** Since when things are as they are: a window that reaches back before that is no reason to fail. */
export interface Since {
  at: number;
  /** The step was tried before: what was bad until then may be that attempt's, and is no reason to end this one. */
  again: boolean;
}

/**
 * One observation a gate, in their order. A source that fails leaves its gate unknown.
 * @param since @default not said: the whole window counts
 */
export async function round(
  observers: Observers,
  uses: GateUse[],
  config: StackConfig,
  since?: Since,
): Promise<{ now: number; observations: Observation[] }> {
  const observations = await Promise.all(uses.map((use) => observe(observers, use, config, since)));
  observers.onRound?.();
  return { now: observers.target.clock.now(), observations };
}

async function observe({ target, observeLocal }: Observers, use: GateUse, config: StackConfig, since?: Since): Promise<Observation> {
  const gate = gateNamed(use.gate);
  const { observation: name, side } = gate;
  const now = target.clock.now();
  if (!isKnownGate(use.gate)) return { name, at: now, source: "none", reading: unknown(`this version of cutover has no gate ${use.gate}`) };
  try {
    const { windowSeconds } = config.gates;
    const observed = (await observeLocal(name, config, now)) ?? (await target.observer.observe(name, side, windowSeconds));
    const { at = 0, again = false } = since ?? {};
    const sinceSeconds = Math.floor((observed.at - at) / 1_000);
    const ownSeconds = Math.max(SHORTEST_WINDOW_SECONDS, sinceSeconds);
    if (!isRate(name) || ownSeconds >= windowSeconds || judge(gate, use, observed, config, now) !== "fail") return observed;
    // Errors of an earlier attempt would end this one too.
    const own = await target.observer.observe(name, side, ownSeconds);
    const early = !own.reading.known || (sinceSeconds < ownSeconds && judge(gate, use, own, config, now) === "fail");
    if (!early) return own;
    // At a first attempt what was bad before counts on. Tried again, no user may be back yet, for as long as resolvers keep answers.
    return again
      ? { ...observed, reading: unknown("too little came since the step was tried again, and before that it was bad") }
      : observed;
  } catch (error) {
    return failed({ name, ...(side === undefined ? {} : { side }) }, error as Error, now);
  }
}

/** What a source that failed says (promise 10). */
export const failed = (wanted: Pick<Observation, "name" | "side">, { message }: Error, at: number): Observation => ({
  ...wanted,
  reading: unknown(`the source failed: ${message}`),
  at,
  source: "none",
});

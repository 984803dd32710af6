import type { StackConfig } from "../../config/schema.js";
import { type Observation, unknown } from "../../ports/observations.js";
import type { Target } from "../../ports/target.js";
import { gateNamed, isKnownGate } from "../gates/catalogue.js";
import type { GateUse } from "../gates/gate.js";

/** Who answers a gate's observation. */
export interface Observers {
  target: Target;
  /** Answers what only the service knows (whether staging has passed). */
  observeLocal: (name: Observation["name"], config: StackConfig, now: number) => Promise<Observation | undefined>;
  /** Called after each round. */
  onRound?: () => void;
}

/** One observation a gate, in their order. A source that fails leaves its gate unknown. */
export async function round(
  observers: Observers,
  uses: GateUse[],
  config: StackConfig,
): Promise<{ now: number; observations: Observation[] }> {
  const observations = await Promise.all(uses.map((use) => observe(observers, use, config)));
  observers.onRound?.();
  return { now: observers.target.clock.now(), observations };
}

async function observe({ target, observeLocal }: Observers, use: GateUse, config: StackConfig): Promise<Observation> {
  const { observation: name, side } = gateNamed(use.gate);
  const now = target.clock.now();
  if (!isKnownGate(use.gate)) return { name, at: now, source: "none", reading: unknown(`this version of cutover has no gate ${use.gate}`) };
  try {
    return (await observeLocal(name, config, now)) ?? (await target.observer.observe(name, side, config.gates.windowSeconds));
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

import type { StackConfig } from "../config/schema.js";
import type { Observation } from "../ports/observations.js";
import { gateNamed } from "./gates/catalogue.js";
import { type GateName, judge } from "./gates/gate.js";
import type { Migration } from "./migrations.js";
import { currentConfig } from "./state.js";

/** The gates that guard users on the new side between steps. */
export const GUARD_GATES: GateName[] = ["error-rate", "latency-p95"];
export const GUARD = "the watch between steps";

/**
 * Users do not stop when a step ends: between steps, and while a person is waited for, the new side's gates are watched
 * too, for as long as it serves users. What a step under way watches itself is left to it.
 */
export function isGuarded({ state }: Migration): boolean {
  const between = state.status === "ready" || state.status === "approval" || state.status === "paused" || state.status === "held";
  // A person who was told already decides.
  return between && state.alarmHeld !== true && servesUsers(currentConfig(state));
}

function servesUsers({ dns, strategy, old }: StackConfig): boolean {
  if (old !== undefined) return (dns?.weights.new ?? 0) > 0;
  // Without an old side, all users are here from the first version on.
  return strategy.kind === "blue-green" && strategy.greenWeight > 0;
}

/** Bad rounds in a row, and what was bad in the last one. Unknown is not healthy, but no trouble that going back mends. */
export class GuardRounds {
  private bad = 0;

  /** @returns what is wrong once it has been so for as many rounds as fail a gate */
  next(observed: Partial<Record<GateName, Observation>>, config: StackConfig, now: number): string | undefined {
    const wrong = GUARD_GATES.flatMap((name) => {
      const observation = observed[name];
      const gate = gateNamed(name);
      if (observation === undefined || judge(gate, { gate: name, holdSeconds: 0 }, observation, config, now) !== "fail") return [];
      const value = observation.reading.known ? gate.format(observation.reading.value) : "";
      return [`${name} ${value} (accepted: ${gate.accepts(config, undefined)})`];
    });
    this.bad = wrong.length === 0 ? 0 : this.bad + 1;
    return this.bad >= config.gates.failAfterSamples ? wrong.join("; ") : undefined;
  }
}

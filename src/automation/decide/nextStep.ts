import type { RawConfig } from "../../config/rawConfig.js";
import { Conflict } from "../../errors.js";
import type { Plan } from "../plan/plan.js";
import type { ConfigStep, Step } from "../plan/step.js";
import { configAfter, type MigrationState } from "../state/state.js";
import { lossWithoutReverse } from "./streamBack.js";
import { type Way, wayBackBefore } from "./wayBack.js";

/**
 * What is shown of the step at the position. It depends on the state alone, so it is worked out once for all who look until the
 * next entry.
 */
const shown = new WeakMap<MigrationState, { config?: RawConfig; way?: Way | undefined }>();

/** The config that the step at the position leads to. To be looked at: whoever changes it changes it for all. */
export function configOfNext(state: MigrationState, step: ConfigStep): RawConfig {
  const config = shown.get(state)?.config ?? configAfter(state, step);
  shown.set(state, { ...shown.get(state), config });
  return config;
}

/** The way back from the step at the position; undefined where there is none. @param now for what is lost */
export function wayBackOfNext(plan: Plan, state: MigrationState, step: Step, now: number): Way | undefined {
  const known = shown.get(state);
  if (known !== undefined && "way" in known) return known.way;
  const way = wayBackOf(plan, state, step, now);
  // A loss that grows with the clock is worked out at each look.
  if (lossWithoutReverse(state, now) === undefined) shown.set(state, { ...known, way });
  return way;
}

function wayBackOf(plan: Plan, state: MigrationState, step: Step, now: number): Way | undefined {
  try {
    return wayBackBefore(plan, state, step.undoFrom ?? step.id, now);
  } catch (error) {
    if (error instanceof Conflict) return undefined;
    throw error;
  }
}

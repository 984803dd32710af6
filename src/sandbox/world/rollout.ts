import type { StackConfig } from "../../config/schema.js";
import { find, ROLLOUT } from "./find.js";
import type { Stored, WorldState } from "./state.js";

const SECOND = 1_000;
/** Until the pods of a release are ready. */
const STARTUP = 40 * SECOND;

interface RolloutSpec {
  strategy: { canary: { steps: { setWeight?: number; pause?: { duration: string } }[] } };
}

export function rolloutHealthy(state: WorldState, config: StackConfig): boolean {
  const rollout = find(state, ROLLOUT, config);
  if (rollout === undefined || state.rolloutAborted === true) return false;
  if (state.rollout?.walks !== true) return state.now - rollout.changedAt >= STARTUP;
  return state.now - rollout.changedAt >= pausesOf(rollout) + STARTUP;
}

/** Where a canary stands: percent of its weight, and what is left of the pause that it is in. */
export function rolloutStage(state: WorldState, config: StackConfig): { weight: number; pauseLeftMs: number } {
  const rollout = find(state, ROLLOUT, config);
  const over = { weight: 100, pauseLeftMs: 0 };
  if (rollout === undefined) return over;
  if (state.rolloutAborted === true) return { weight: 0, pauseLeftMs: 0 };
  if (state.rollout?.walks !== true) return over;
  let left = state.now - rollout.changedAt;
  let weight = 0;
  for (const step of (rollout.inputs.spec as RolloutSpec).strategy.canary.steps) {
    if (step.setWeight !== undefined) weight = step.setWeight;
    else {
      left -= Number.parseInt(step.pause?.duration ?? "0", 10) * SECOND;
      if (left < 0) return { weight, pauseLeftMs: -left };
    }
  }
  return over;
}

/** Ends the pause that a canary is in. @returns its weight, or undefined when there was no pause */
export function skipPause(state: WorldState, config: StackConfig): number | undefined {
  const rollout = find(state, ROLLOUT, config);
  const { weight, pauseLeftMs } = rolloutStage(state, config);
  if (rollout === undefined || pauseLeftMs === 0) return undefined;
  // As if it had begun earlier by what was left.
  rollout.changedAt -= pauseLeftMs;
  return weight;
}

/** Begins an aborted canary again. @returns false when none was aborted */
export function retryRollout(state: WorldState, config: StackConfig): boolean {
  const rollout = find(state, ROLLOUT, config);
  if (rollout === undefined || state.rolloutAborted !== true) return false;
  delete state.rolloutAborted;
  rollout.changedAt = state.now;
  return true;
}

const pausesOf = (rollout: Stored): number =>
  (rollout.inputs.spec as RolloutSpec).strategy.canary.steps.reduce((sum, s) => sum + Number.parseInt(s.pause?.duration ?? "0", 10), 0) *
  SECOND;

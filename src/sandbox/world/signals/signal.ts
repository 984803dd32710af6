import type { StackConfig } from "../../../config/schema.js";
import { known, type ObservationName, type Reading, type Side } from "../../../ports/observations.js";
import type { WorldState } from "../state.js";

export const SECOND = 1_000;

/** One question to the world. */
export interface AskedWorld {
  state: WorldState;
  config: StackConfig;
  side: Side | undefined;
  windowSeconds: number;
}

/** What the far side would show now. Pure; never kinder than what the real source shows. */
export type Signal = (asked: AskedWorld) => Reading;
/** Several by the observations that they answer. */
export type Signals = Partial<Record<ObservationName, Signal>>;

export const yes = (so: boolean): Reading => known(so ? 1 : 0);

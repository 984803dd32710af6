import type { StackConfig } from "../../config/schema.js";
import { noise, type WorldState } from "./state.js";

/** Both sides read at once, as fast as one connection goes: measured, see docs/performance.md. */
const SECONDS_A_GB = 20;
/** With writes stopped, of catalogues and of what changed in the last minute, on a server that is not idle. */
const OVERHEAD_SECONDS = 3;
/** Of what changed in a minute, by how many users the application has. */
const CHANGED_SECONDS = { high: 4, medium: 2, low: 1 } as const;

export const tablesOf = (state: WorldState): number => 24 + Math.floor(noise(state.seed, "tables", 0) * 16);

const sizeGb = ({ database }: StackConfig): number => database?.source.sizeGb ?? 0;

/** Of the comparison while the application runs: half of the time it rests. */
export const aheadSeconds = (config: StackConfig): number => Math.round(sizeGb(config) * SECONDS_A_GB * 2);

/** Of the comparison with writes stopped: of everything, where nothing was compared ahead or could be. */
export const pauseToCompare = (state: WorldState, config: StackConfig): number =>
  OVERHEAD_SECONDS +
  (state.comparedAheadAt === undefined || wholeInPause(state)
    ? Math.round(sizeGb(config) * SECONDS_A_GB)
    : CHANGED_SECONDS[config.application.criticality]);

/** Whether what changed cannot be read from the log. */
export const wholeInPause = ({ faults }: WorldState): boolean => faults.some((f) => f.name === "no-change-log");

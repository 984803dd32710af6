import { oldOnceRunning } from "../fleet.js";
import type { Measure, SourceParts } from "./source.js";

/** What the old fleet's own command counts. */
export const fleetSource = ({ target }: SourceParts) => {
  const once: Measure = async ({ config }) => ({ reading: await oldOnceRunning(config, target.fleet), source: "fleet.onceRunning" });
  return { "old-once-running": once };
};

import { movedFoldersOf } from "../../config/movedFolders.js";
import { unknown } from "../../ports/observations.js";
import { filesDiffering, oldOnceRunning } from "../fleet.js";
import type { Measure, SourceParts } from "./source.js";

/** What the old fleet's own commands count. */
export const fleetSource = ({ target }: SourceParts) => {
  const once: Measure = async ({ config }) => ({ reading: await oldOnceRunning(config, target.fleet), source: "fleet.onceRunning" });
  const files: Measure = async ({ config, side = "old" }) => ({
    reading:
      movedFoldersOf(config).length === 0 ? unknown("no volume has files that move") : await filesDiffering(config, target.fleet, side),
    source: "fleet.filesDiffering",
  });
  return { "old-once-running": once, "files-differing": files };
};

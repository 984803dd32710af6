import { movedFoldersOf } from "./movedFolders.js";
import { onceOf, workersOf } from "./processes.js";
import type { StackConfig } from "./schema.js";
import type { TargetConfig } from "./targets.js";

/** What the old fleet's owners tell it by. */
export type FleetCommand = Exclude<keyof NonNullable<TargetConfig["fleet"]>, "timeoutSeconds" | "copySeconds">;

/** The commands that a stack's plan has steps for. */
export function fleetCommandsOf(config: StackConfig): FleetCommand[] {
  const moves = config.old !== undefined;
  return [
    ...(config.database === undefined ? [] : (["maintenanceOn", "maintenanceOff", "useDatabase"] as const)),
    ...(movedFoldersOf(config).length === 0 ? [] : (["copyFiles", "filesDiffering", "useFiles"] as const)),
    ...(moves && workersOf(config).length > 0 ? (["setWorkers"] as const) : []),
    ...(moves && onceOf(config).length > 0 ? (["stopOnce", "startOnce", "onceRunning"] as const) : []),
  ];
}

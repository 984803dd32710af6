import { existsSync } from "node:fs";
import { engineMemory } from "../../automation/engine/memory.js";
import type { Metrics } from "./metrics.js";

const MIB = 1_024 * 1_024;

/** The engines that this process runs, with their plugins, and their memory; undefined where the system has no /proc. */
export async function engines(): Promise<{ count: number; bytes: number } | undefined> {
  if (!existsSync("/proc/self")) return undefined;
  const sizes = await engineMemory();
  return { count: sizes.length, bytes: sizes.reduce((sum, size) => sum + size * MIB, 0) };
}

export function watchEngines(metrics: Metrics): void {
  metrics.onCollect(async () => {
    const found = await engines();
    metrics.set("cutover_engines", found === undefined ? [] : [[{}, found.count]]);
    metrics.set("cutover_engine_memory_bytes", found === undefined ? [] : [[{}, found.bytes]]);
  });
}

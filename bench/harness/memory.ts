import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { memoryField, treeOf } from "../../src/automation/engine/memory.js";

/** Memory by /proc, in MiB; pages that several processes share count once. */
export interface Memory {
  total: number;
  /** By the program's name. */
  by: Record<string, number>;
}

/** Of one process: what is resident. */
export const residentMemory = (pid: number): Promise<number> => memoryField(pid, "status", "VmRSS");

/** Of processes and all that they started. */
export async function memoryOf(roots: number[]): Promise<Memory> {
  const by: Record<string, number> = {};
  for (const pid of (await Promise.all(roots.map(treeOf))).flat()) {
    // As it was started, not as its main thread calls itself: that of Node.js 24 has a name of its own.
    const name = basename((await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0")[0] ?? "");
    const size = await memoryField(pid, "smaps_rollup", "Pss");
    if (name !== "" && size > 0) by[name] = (by[name] ?? 0) + size;
  }
  return { total: Object.values(by).reduce((a, b) => a + b, 0), by };
}

const EVERY_MS = 100;

/** The largest memory of process trees while something runs, looked at ten times a second. */
export async function peakWhile<T>(roots: () => number[], operation: () => Promise<T>): Promise<{ result: T; peak: Memory }> {
  let peak: Memory = { total: 0, by: {} };
  let running = true;
  const watching = (async () => {
    while (running) {
      const now = await memoryOf(roots());
      if (now.total > peak.total) peak = now;
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  })();
  try {
    return { result: await operation(), peak };
  } finally {
    running = false;
    await watching;
  }
}

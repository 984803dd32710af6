import { readdir, readFile } from "node:fs/promises";
import type { Metrics } from "./metrics.js";

/** Engines below this process, and their resident memory; undefined where the system has no /proc. */
export async function engines(parent = process.pid): Promise<{ count: number; bytes: number } | undefined> {
  const names = await readdir("/proc").catch(() => undefined);
  if (names === undefined) return undefined;
  const all = (await Promise.all(names.filter((n) => /^\d+$/.test(n)).map(processOf))).filter((p) => p !== undefined);
  const below = new Set([parent]);
  // A child has not always the higher id: look again until nothing is added.
  for (let before = 0; before !== below.size; ) {
    before = below.size;
    for (const p of all) if (below.has(p.parent)) below.add(p.pid);
  }
  const found = all.filter((p) => below.has(p.pid) && p.name.startsWith("pulumi"));
  return { count: found.length, bytes: found.reduce((sum, p) => sum + p.bytes, 0) };
}

async function processOf(pid: string) {
  // One that has just ended is none.
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => undefined);
  if (status === undefined) return undefined;
  const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, "m").exec(status)?.[1];
  return { pid: Number(pid), parent: Number(field("PPid")), name: field("Name") ?? "", bytes: Number(field("VmRSS") ?? 0) * 1_024 };
}

export function watchEngines(metrics: Metrics): void {
  metrics.onCollect(async () => {
    const found = await engines();
    metrics.set("cutover_engines", found === undefined ? [] : [[{}, found.count]]);
    metrics.set("cutover_engine_memory_bytes", found === undefined ? [] : [[{}, found.bytes]]);
  });
}

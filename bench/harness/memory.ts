import { readdir, readFile } from "node:fs/promises";

/** Memory by /proc, in MiB. Pages that several processes share count once (proportional set size). */
export interface Memory {
  total: number;
  /** By the program's name. */
  by: Record<string, number>;
}

/** Process ids of a process and all that it started. */
async function treeOf(root: number): Promise<number[]> {
  const children = new Map<number, number[]>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => undefined);
    // The program's name stands in parentheses and may hold anything; the parent comes two fields later.
    const parent = Number(stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (stat !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found = [root];
  for (let i = 0; i < found.length; i += 1) found.push(...(children.get(found[i] as number) ?? []));
  return found;
}

const MIB = 1_024;

async function kilobytes(file: string, field: string): Promise<number> {
  const text = await readFile(file, "utf8").catch(() => "");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
}

/** Of one process: what is resident. */
export const residentMemory = async (pid: number): Promise<number> => (await kilobytes(`/proc/${pid}/status`, "VmRSS")) / MIB;

/** The most that one process ever had resident. */
export const peakResidentMemory = async (pid: number): Promise<number> => (await kilobytes(`/proc/${pid}/status`, "VmHWM")) / MIB;

export async function treeMemory(root: number): Promise<Memory> {
  const by: Record<string, number> = {};
  for (const pid of await treeOf(root)) {
    const name = (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
    const size = await kilobytes(`/proc/${pid}/smaps_rollup`, "Pss");
    if (name !== "" && size > 0) by[name] = (by[name] ?? 0) + size / MIB;
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
      const by: Record<string, number> = {};
      for (const root of roots()) {
        for (const [name, size] of Object.entries((await treeMemory(root)).by)) by[name] = (by[name] ?? 0) + size;
      }
      const total = Object.values(by).reduce((a, b) => a + b, 0);
      if (total > peak.total) peak = { total, by };
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

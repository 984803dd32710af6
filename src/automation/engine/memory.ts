import { readdir, readFile } from "node:fs/promises";

/**
 * Memory of processes by /proc, in MiB; nothing where there is no /proc. Pages that several processes share count in
 * proportion (proportional set size), so that the sizes of many processes may be added.
 */

const KIB_A_MIB = 1_024;

/** Ids of the processes that a process started and that still run. */
export async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(threads.map((t) => readFile(`/proc/${pid}/task/${t}/children`, "utf8").catch(() => "")));
  return lists.flatMap((l) => l.split(" ").filter((id) => id.trim() !== "")).map(Number);
}

/**
 * Engines of a stack that this process runs now, by the arguments that the Automation API gives them; those that somebody
 * only looks with, whose config file says so, are left out.
 */
export async function enginesOf(stack: string): Promise<number[]> {
  const engines: number[] = [];
  for (const pid of await childrenOf(process.pid)) {
    const args = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
    const named = args.some((arg, i) => arg === `--stack=${stack}` || (arg === "--stack" && args[i + 1] === stack));
    if (named && !args.some((arg) => arg.includes(VIEW_MARK))) engines.push(pid);
  }
  return engines;
}
/** In the names of config files of what is only looked at. */
export const VIEW_MARK = ".view-";

/** A process and all that it started, directly or not. */
export async function treeOf(root: number): Promise<number[]> {
  const found = [root];
  for (let i = 0; i < found.length; i += 1) found.push(...(await childrenOf(found[i] as number)));
  return found;
}

/** A field of a process's status files. 0 when the process is gone. */
export async function memoryField(pid: number, file: "status" | "smaps_rollup", field: string): Promise<number> {
  const text = await readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) / KIB_A_MIB;
}

/** Of a process and all that it started. */
export async function treeMemory(root: number): Promise<number> {
  const sizes = await Promise.all((await treeOf(root)).map((pid) => memoryField(pid, "smaps_rollup", "Pss")));
  return sizes.reduce((a, b) => a + b, 0);
}

/** Of each engine that this process runs now, with its provider plugins. */
export async function engineMemory(): Promise<number[]> {
  const engines: number[] = [];
  for (const pid of await childrenOf(process.pid)) {
    const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
    if (name.trim() === "pulumi") engines.push(await treeMemory(pid));
  }
  return engines;
}

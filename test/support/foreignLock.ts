import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Another host holds a stack's lock, as a laptop's `pulumi up` does.
 * @param backend the engine's folder
 * @returns gives it back
 */
export async function foreignLock(backend: string, stack: string): Promise<() => Promise<void>> {
  const folder = join(backend, ".pulumi", "locks", "organization", "cutover", stack);
  const file = join(folder, "foreign.json");
  await mkdir(folder, { recursive: true });
  await writeFile(file, JSON.stringify({ pid: 7, username: "ops", hostname: "a-laptop", timestamp: new Date().toISOString() }));
  return () => rm(file);
}

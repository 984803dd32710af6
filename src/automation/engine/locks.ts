import { readdir, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Engine locks on a folder backend are files under `.pulumi/locks/organization/PROJECT/STACK/` that name user, host,
 * process and time. They have no lease: a killed CLI leaves its lock behind and every later update fails until
 * somebody clears it (pulumi#9148, #9253). A lock is cleared here only when its process is proven dead.
 */
export interface EngineLock {
  file: string;
  pid: number;
  host: string;
  user: string;
  since: string;
  /** Whether the process is proven dead: it ran on this host and its id is free. A lock of another host never is. */
  dead: boolean;
}

/** Locks of one stack; none for a backend that is no folder. */
export async function engineLocks(backendUrl: string, project: string, stack: string): Promise<EngineLock[]> {
  if (!backendUrl.startsWith("file://")) return [];
  const root = backendUrl.startsWith("file:///") ? fileURLToPath(backendUrl) : backendUrl.slice("file://".length);
  const folder = join(root, ".pulumi", "locks", "organization", project, stack);
  const names = await readdir(folder).catch(() => []);
  const locks = await Promise.all(names.filter((n) => n.endsWith(".json")).map((n) => readLock(join(folder, n))));
  return locks.filter((l) => l !== undefined);
}

async function readLock(file: string): Promise<EngineLock | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const lock = JSON.parse(text) as { pid: number; username: string; hostname: string; timestamp: string };
    return {
      file,
      pid: lock.pid,
      host: lock.hostname,
      user: lock.username,
      since: lock.timestamp,
      dead: lock.hostname === hostname() && !isAlive(lock.pid),
    };
  } catch {
    // Cut off while it was written: nobody can say whose it is, so nobody is proven dead.
    return { file, pid: 0, host: "unknown", user: "unknown", since: "unknown", dead: false };
  }
}

export const clearLock = (lock: EngineLock): Promise<void> => rm(lock.file, { force: true });

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

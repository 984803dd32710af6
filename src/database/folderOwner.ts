import { randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { isAlive } from "../automation/engine/locks.js";
import { writeAtomically } from "../config/stackFile.js";
import { Conflict } from "../errors.js";

/** Tells this process from an earlier one that had the same id, as after the restart of a container. */
const INSTANCE = randomUUID();
const OWNER = ".owner.json";

/** The process that something on disk belongs to. */
export interface Owner {
  pid: number;
  instance: string;
  host: string;
}

export const thisProcess = (): Owner => ({ pid: process.pid, instance: INSTANCE, host: hostname() });

export const isThisProcess = ({ instance }: Owner): boolean => instance === INSTANCE;

/** Whether it is another process than this one, and not proven dead. */
export function livesElsewhere(owner: Owner): boolean {
  if (isThisProcess(owner)) return false;
  // The same id on this host is this process: the other one had it before a restart.
  return owner.host !== hostname() || (owner.pid !== process.pid && isAlive(owner.pid));
}

/**
 * Makes a folder this process's own, until it is given up or the process ends.
 * @throws Conflict naming the process that has it
 */
export async function ownFolder(folder: string, what: string): Promise<void> {
  const file = join(folder, OWNER);
  const text = await readFile(file, "utf8").catch(() => undefined);
  const owner = text === undefined ? undefined : parsed(text);
  if (owner !== undefined && livesElsewhere(owner))
    throw new Conflict(`The ${what} in ${folder} is written by process ${owner.pid} on ${owner.host}.`, {
      holder: `${owner.host} process ${owner.pid}`,
      next: "End it, or let several processes share a PostgreSQL through DATABASE_URL.",
    });
  await writeAtomically(file, JSON.stringify(thisProcess()));
}

export const giveUpFolder = (folder: string): Promise<void> => rm(join(folder, OWNER), { force: true });

/** A file that a crash cut off names nobody. */
function parsed(text: string): Owner | undefined {
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined;
  }
}

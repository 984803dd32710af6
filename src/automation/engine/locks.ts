import { hostname } from "node:os";
import type { LockPlace } from "../../ports/providers.js";
import type { EngineStart } from "../journal/records.js";

import { containerStart, thisSystem } from "./system.js";

/**
 * Engine locks on folder and bucket backends are files under `.pulumi/locks/organization/PROJECT/STACK/` that name user,
 * host, process and time. They have no lease: a killed CLI leaves its lock behind and every later update fails until
 * somebody clears it (pulumi#9148, #9253). A lock is cleared here only when its process is proven dead.
 */
export interface EngineLock {
  /** Below the backend's root. */
  path: string;
  pid: number;
  host: string;
  user: string;
  /** ISO 8601, by the clock of its host. */
  since: string;
  /** Whether the process is proven dead; see `isProvenDead`. */
  dead: boolean;
}

/** Locks of one stack. @param begun where cutover last began an engine of the stack whose end it does not know */
export async function engineLocks(place: LockPlace, project: string, stack: string, begun?: EngineStart): Promise<EngineLock[]> {
  const folder = `.pulumi/locks/organization/${project}/${stack}`;
  const names = (await place.list(folder)).filter((n) => n.endsWith(".json"));
  const locks = await Promise.all(names.map((name) => readLock(place, `${folder}/${name}`, begun)));
  return locks.filter((l) => l !== undefined);
}

/**
 * Removes those that are proven dead, and what their engines left cut off.
 * @returns them, one that is not, if there is any, and the files that were cut off
 */
export async function clearLocks(
  place: LockPlace,
  project: string,
  stack: string,
  begun?: EngineStart,
): Promise<{ cleared: EngineLock[]; live: EngineLock | undefined; cutOff: string[] }> {
  const locks = await engineLocks(place, project, stack, begun);
  const cleared = locks.filter((l) => l.dead);
  for (const { path } of cleared) await place.remove(path);
  const live = locks.find((l) => !l.dead);
  // Only an engine whose end nobody saw can have left something so.
  const killed = begun !== undefined || cleared.length > 0;
  return { cleared, live, cutOff: killed && live === undefined ? await removeCutOff(place, project, stack) : [] };
}

/** Of the files of the engine's history: a killed engine was at one of the last. */
const NEWEST = 6;

/**
 * A folder has the attributes of each file beside it, in a file that is opened first and written then. An engine that is
 * killed in between leaves it empty, and every later call fails with "EOF". What it says is only what is assumed without it.
 */
async function removeCutOff(place: LockPlace, project: string, stack: string): Promise<string[]> {
  if (place.kind !== "folder") return [];
  const state = `.pulumi/stacks/${project}/${stack}.json`;
  const history = `.pulumi/history/${project}/${stack}`;
  const newest = (await place.list(history))
    .filter((name) => name.endsWith(ATTRIBUTES))
    .sort()
    .slice(-NEWEST);
  const found: string[] = [];
  for (const path of [`${state}${ATTRIBUTES}`, `${state}.bak${ATTRIBUTES}`, ...newest.map((name) => `${history}/${name}`)]) {
    if ((await place.read(path)) !== "") continue;
    await place.remove(path);
    found.push(path);
  }
  return found;
}
const ATTRIBUTES = ".attrs";

async function readLock(place: LockPlace, path: string, begun: EngineStart | undefined): Promise<EngineLock | undefined> {
  const text = await place.read(path);
  if (text === undefined) return undefined;
  try {
    const { pid, hostname: host, username, timestamp } = JSON.parse(text) as Record<string, unknown>;
    if (typeof pid !== "number" || typeof host !== "string" || typeof timestamp !== "string") throw new Error("no lock");
    const lock = { path, pid, host, user: String(username), since: timestamp };
    return { ...lock, dead: isProvenDead(lock, place.kind, begun, whereabouts()) };
  } catch {
    // Cut off while it was written: nobody can say whose it is, so nobody is proven dead.
    return { path, pid: 0, host: "unknown", user: "unknown", since: "unknown", dead: false };
  }
}

/** What the proof needs to know of where it is made. */
export interface Whereabouts {
  host: string;
  system: string | undefined;
  /** When this Pod's container began, in milliseconds since the epoch; undefined outside a Pod. */
  container: number | undefined;
  alive: (pid: number) => boolean;
}

const whereabouts = (): Whereabouts => ({ host: hostname(), system: thisSystem(), container: containerStart(), alive: isAlive });

/**
 * Whether the process that wrote a lock has certainly ended.
 *
 * A folder is this machine's: the lock names this host, and no process has its number.
 *
 * In a bucket a host's name proves less, since two machines may have the same. There the lock must be of an engine that
 * cutover began on this very system, whose end it does not know: the engine takes one lock at a time for a stack, so the
 * lock that came after that beginning is that engine's, and a free number then says that it has ended. Or the lock names
 * this Pod (names of Pods are not given twice at a time) and is older than its container: with the first process of a
 * container the kernel ends all of them.
 *
 * A lost lease proves nothing: an engine goes on when its service has died, and a machine that slept wakes up.
 */
export function isProvenDead(
  { pid, host, since }: Pick<EngineLock, "pid" | "host" | "since">,
  kind: LockPlace["kind"],
  begun: EngineStart | undefined,
  here: Whereabouts,
): boolean {
  if (host !== here.host) return false;
  if (kind === "folder") return !here.alive(pid);
  const at = Date.parse(since);
  if (here.container !== undefined && at < here.container) return true;
  const ours = begun?.system !== undefined && begun.system === here.system && at >= Date.parse(begun.at);
  return ours && !here.alive(pid);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

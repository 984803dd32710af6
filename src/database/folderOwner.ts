import { randomUUID } from "node:crypto";
import { link, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { isAlive } from "../automation/engine/locks.js";
import { writeAtomically } from "../config/stackFile.js";
import { Conflict } from "../errors.js";

/** Tells this process from an earlier one that had the same id, as after the restart of a container. */
const INSTANCE = randomUUID();
/** Who owns the folder, for people and for earlier versions, which know no claims. */
const OWNER = ".owner.json";
const CLAIM = /^\.owner\.(\d+)\.json$/;
const claimFile = (folder: string, number: number): string => join(folder, `.owner.${number}.json`);

/** The process that something on disk belongs to. */
export interface Owner {
  pid: number;
  instance: string;
  host: string;
  /** It gave the folder up. */
  released?: boolean;
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
 *
 * A claim is a file `.owner.N.json` that only one process can create: whoever creates the next number owns the folder, and
 * may do so only when the owner of the highest one gave it up or is proven dead. The highest claim always stays, so that
 * numbers never come again and a process that looked earlier cannot win later.
 * @throws Conflict naming the process that has it
 */
export async function ownFolder(
  folder: string,
  what: string,
  next = "End it, or let several processes share a PostgreSQL through DATABASE_URL.",
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const refuse = (owner: Owner): never => {
    throw new Conflict(`The ${what} in ${folder} is written by process ${owner.pid} on ${owner.host}.`, {
      holder: `${owner.host} process ${owner.pid}`,
      next,
    });
  };
  for (;;) {
    const [number, holder] = await newestClaim(folder);
    for (const owner of [holder, await ownerIn(join(folder, OWNER))])
      if (owner !== undefined && owner.released !== true && livesElsewhere(owner)) refuse(owner);
    if (holder !== undefined && holder.released !== true && isThisProcess(holder)) return;
    if (!(await claim(folder, number + 1))) continue;
    const [newest] = await newestClaim(folder);
    if (newest === number + 1) break;
    // Somebody went on from a later claim than the one that was seen here.
    await rm(claimFile(folder, number + 1), { force: true });
  }
  await writeAtomically(join(folder, OWNER), JSON.stringify(thisProcess()));
  for (const { number } of (await claims(folder)).slice(0, -1)) await rm(claimFile(folder, number), { force: true });
}

export async function giveUpFolder(folder: string): Promise<void> {
  // A folder that is gone belongs to nobody.
  const [number, owner] = await newestClaim(folder).catch(() => [0, undefined] as const);
  if (owner === undefined || !isThisProcess(owner)) return;
  await rm(join(folder, OWNER), { force: true });
  await writeAtomically(claimFile(folder, number), JSON.stringify({ ...owner, released: true }));
}

/** Creates it with its content at once, so that nobody reads half of it. @returns false when somebody else has it */
async function claim(folder: string, number: number): Promise<boolean> {
  const whole = join(folder, `.owner.${randomUUID()}.tmp`);
  await writeFile(whole, JSON.stringify(thisProcess()), { mode: 0o600, flush: true });
  try {
    await link(whole, claimFile(folder, number));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    // A file system without links: exclusive creation is what it has.
    return writeFile(claimFile(folder, number), JSON.stringify(thisProcess()), { flag: "wx", mode: 0o600, flush: true }).then(
      () => true,
      (cause: NodeJS.ErrnoException) => {
        if (cause.code === "EEXIST") return false;
        throw cause;
      },
    );
  } finally {
    await rm(whole, { force: true });
  }
}

/** In order of their numbers. */
async function claims(folder: string): Promise<{ number: number }[]> {
  const found = (await readdir(folder)).flatMap((name) => {
    const number = CLAIM.exec(name)?.[1];
    return number === undefined ? [] : [{ number: Number(number) }];
  });
  return found.sort((a, b) => a.number - b.number);
}

async function newestClaim(folder: string): Promise<[number, Owner | undefined]> {
  const newest = (await claims(folder)).at(-1);
  if (newest === undefined) return [0, undefined];
  const file = claimFile(folder, newest.number);
  return [newest.number, (await ownerIn(file)) ?? (await beingWritten(file))];
}

/** How long a process may take between creating its claim and writing its name there, where that is not one act. */
const WRITING_MS = 10_000;

/** The process that has just created a claim and not yet written who it is; a crash left it so when it is older. */
async function beingWritten(file: string): Promise<Owner | undefined> {
  const made = await stat(file).catch(() => undefined);
  if (made === undefined || Date.now() - made.mtimeMs > WRITING_MS) return undefined;
  return { pid: 0, instance: "", host: "a host that has not yet said its name" };
}

/** A file that a crash cut off names nobody. */
async function ownerIn(file: string): Promise<Owner | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined;
  }
}

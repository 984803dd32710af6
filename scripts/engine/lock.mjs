// A lock between set-ups that run at once: a folder with its owner in it, moved into place as a whole.
//
// free --rename--> held (owner.json: pid, host, token; touched every few seconds) --release--> free
// held by a dead process of this machine, or untouched for a minute --moved aside--> free
//
// Breaking a lock wrongly costs a second build and nothing else: each build has a folder of its own and is renamed into place.
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";

const HEARTBEAT_MS = 5_000;
const SILENT_MS = 60_000;
const WAIT_MS = 500;

/** Is a process with this id alive on this machine? */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Who holds the lock; undefined when nobody does. A folder without a readable owner has only its age. */
async function readOwner(folder) {
  const file = join(folder, "owner.json");
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(file, "utf8"), stat(file)]);
    return { ...JSON.parse(text), touched: mtimeMs };
  } catch {
    const touched = (await stat(folder).catch(() => undefined))?.mtimeMs;
    return touched === undefined ? undefined : { touched };
  }
}

const isDead = (owner, now) => (owner.host === hostname() && !isAlive(owner.pid)) || now - owner.touched > SILENT_MS;

/** Removes the lock that `token` took, and no other that came in its place meanwhile. */
async function remove(folder, token) {
  const aside = `${folder}.${randomUUID()}.old`;
  await rename(folder, aside).catch((error) => {
    if (error.code !== "ENOENT") throw error;
  });
  const moved = await readOwner(aside);
  if (moved !== undefined && moved.token !== token) await rename(aside, folder).catch(() => {});
  await rm(aside, { recursive: true, force: true });
}

/**
 * Takes the lock, waiting while a living set-up holds it (`onWait` is called once with its owner; what it answers is stopped
 * when the wait is over).
 * Gives the function that releases it.
 */
export async function takeLock(folder, { onWait = () => {}, waitMs = WAIT_MS } = {}) {
  const token = randomUUID();
  const own = `${folder}.${token}.new`;
  await mkdir(dirname(folder), { recursive: true });
  let told = false;
  let waiting;
  try {
    await mkdir(own);
    await writeFile(join(own, "owner.json"), JSON.stringify({ pid: process.pid, host: hostname(), token }));
    for (;;) {
      try {
        await rename(own, folder);
        break;
      } catch (error) {
        if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
      }
      const owner = await readOwner(folder);
      if (owner !== undefined && isDead(owner, Date.now())) {
        await remove(folder, owner.token);
        continue;
      }
      if (!told && owner?.pid !== undefined) {
        told = true;
        waiting = onWait(owner);
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  } catch (error) {
    await rm(own, { recursive: true, force: true });
    throw error;
  } finally {
    waiting?.stop?.();
  }
  const beat = setInterval(() => void utimes(join(folder, "owner.json"), new Date(), new Date()).catch(() => {}), HEARTBEAT_MS);
  beat.unref();
  return async () => {
    clearInterval(beat);
    if ((await readOwner(folder))?.token === token) await remove(folder, token);
  };
}

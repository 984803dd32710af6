// What is made once for a machine: in a folder beside its place, moved there as a whole, under a lock between set-ups that run at once.
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { takeLock } from "./engine/lock.mjs";

export const exists = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );

/**
 * `folder`, made by `make(partial)` unless `done` (a file in it) is there already. What failed leaves nothing behind.
 * `onWait` is called once with the owner of the lock when another set-up is making it.
 */
export async function makeOnce(folder, { done, onWait, make }) {
  if (await exists(done)) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const release = await takeLock(`${folder}.lock`, { onWait });
  try {
    if (await exists(done)) return folder;
    const partial = await mkdtemp(`${folder}.partial-`);
    try {
      await make(partial);
      await rm(folder, { recursive: true, force: true });
      await rename(partial, folder);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
    return folder;
  } finally {
    await release();
  }
}

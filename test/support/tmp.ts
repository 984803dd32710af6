import { mkdtempSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterThisTest } from "./cleanup.js";

const existing = new Set<string>();

function make(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `cutover-${name}-`));
  existing.add(folder);
  return folder;
}

async function remove(folder: string): Promise<void> {
  // A process that was just ended may still be writing its last file.
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  existing.delete(folder);
}

/** A new folder that is removed after the running test (or after the next one, when called in a `before`). */
export function tempFolder(name = "test"): string {
  const folder = make(name);
  afterThisTest(() => remove(folder));
  return folder;
}

/** Call in a `describe`: a folder for all its tests. The function it gives returns the path once the tests run. */
export function tempFolderForSuite(name = "suite"): () => string {
  let folder = "";
  before("make a folder", () => {
    folder = make(name);
  });
  after("remove the folder", () => remove(folder));
  return () => folder;
}

// A crash skips the hooks.
process.on("exit", () => {
  for (const folder of existing) rmSync(folder, { recursive: true, force: true });
});

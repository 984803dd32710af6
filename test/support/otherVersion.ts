import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../../src/engine/engine.js";

const run = promisify(execFile);
const FOLDER = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "cutover", "versions");

/**
 * Another version of cutover, built from its commit with the packages of this checkout, and kept for the next time.
 * @returns its folder; undefined where the checkout does not have the commit, as one without history
 */
export async function versionAt(commit: string): Promise<string | undefined> {
  const root = projectRoot();
  const has = await run("git", ["-C", root, "cat-file", "-e", `${commit}^{commit}`]).then(
    () => true,
    () => false,
  );
  if (!has) return undefined;
  const folder = join(FOLDER, commit);
  if (!existsSync(join(folder, "dist"))) await build(root, commit, folder);
  // The packages may have been installed somewhere else since.
  const modules = join(folder, "node_modules");
  await rm(modules, { force: true });
  await symlink(join(root, "node_modules"), modules);
  return folder;
}

async function build(root: string, commit: string, folder: string): Promise<void> {
  const making = `${folder}.${process.pid}`;
  await mkdir(making, { recursive: true });
  const archive = join(making, "source.tar");
  await run("git", ["-C", root, "archive", "--output", archive, commit]);
  await run("tar", ["-xf", archive, "-C", making]);
  await rm(archive);
  await symlink(join(root, "node_modules"), join(making, "node_modules"));
  await run(process.execPath, [join(making, "scripts", "build.mjs")], { cwd: making });
  await rm(folder, { recursive: true, force: true });
  await rename(making, folder);
}

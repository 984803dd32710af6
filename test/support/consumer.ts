import { execFile } from "node:child_process";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../../src/engine/engine.js";

const exec = promisify(execFile);

/** Runs a command to its end. @returns its exit code, everything it printed, and what of it went to standard output */
export async function command(
  name: string,
  args: string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<{ code: number; output: string; stdout: string }> {
  try {
    const { stdout, stderr } = await exec(name, args, { ...options, maxBuffer: 64 * 1_024 * 1_024 });
    return { code: 0, output: stdout + stderr, stdout };
  } catch (error) {
    const { code, stdout = "", stderr = "" } = error as { code?: number; stdout?: string; stderr?: string };
    return { code: typeof code === "number" ? code : 1, output: `${stdout}${stderr}`, stdout };
  }
}

/**
 * Makes the folder a project of somebody else's: cutover as npm packs it, and beside it the packages that it asks its
 * users for (linked from this checkout, instead of fetched again).
 */
export async function makeConsumer(folder: string): Promise<void> {
  const root = projectRoot();
  const modules = join(folder, "node_modules");
  await mkdir(modules, { recursive: true });
  const declared = await command(join(root, "node_modules", ".bin", "tsc"), ["-p", "tsconfig.types.json"], { cwd: root });
  if (declared.code !== 0) throw new Error(declared.output);
  const packed = await command("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: root });
  const tarball = packed.output.trim().split("\n").at(-1) ?? "";
  await mkdir(join(modules, "cutover"));
  const unpacked = await command("tar", ["-xzf", tarball, "--strip-components=1", "-C", join(modules, "cutover")], { cwd: folder });
  if (unpacked.code !== 0) throw new Error(packed.output + unpacked.output);
  for (const name of await readdir(join(root, "node_modules"))) {
    if (!name.startsWith(".")) await symlink(join(root, "node_modules", name), join(modules, name));
  }
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "somebody-else", private: true, type: "module" }));
}

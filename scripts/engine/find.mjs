// Looks for an engine that is already on this machine: named by CUTOVER_ENGINE_BIN, on PATH, in PULUMI_HOME, or in our cache.
import { constants } from "node:fs";
import { access, readFile, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { run } from "../children.mjs";
import { whyNot } from "./version.mjs";

export const CLI = "pulumi";
export const LANGUAGE_HOST = "pulumi-language-nodejs";
const VERSION_DEADLINE_MS = 20_000;

const home = (env) => env.HOME ?? homedir();
const foldersOnPath = (env) => (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");

/** Where built and downloaded engines are kept: outside the checkout, a folder for each version. */
export function cacheFolder(env = process.env) {
  return join(env.CUTOVER_CACHE || env.XDG_CACHE_HOME || join(home(env), ".cache"), "cutover", "engine");
}

async function isProgram(file) {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

/** The first folder on PATH that holds this program. */
export async function firstOnPath(name, env) {
  for (const folder of foldersOnPath(env)) {
    if (await isProgram(join(folder, name))) return folder;
  }
  return undefined;
}

/** What the CLI in this folder answers to `pulumi version`, or the reason why it does not. */
async function askVersion(bin, env) {
  const quiet = { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" };
  const { code, stdout, failed, late } = await run(join(bin, CLI), ["version"], { env: quiet, deadlineMs: VERSION_DEADLINE_MS });
  if (code === 0) return { version: stdout.trim() };
  return { problem: late ? "it did not answer `pulumi version`" : `\`pulumi version\` failed (${failed ?? `exit code ${code}`})` };
}

/** Can the engine in this folder serve the SDK? Gives its version, or the reason against it; undefined when there is none. */
export async function examine(bin, sdkVersion, env) {
  if (!(await isProgram(join(bin, CLI)))) return undefined;
  const { version, problem } = await askVersion(bin, env);
  const against = problem ?? whyNot(version, sdkVersion);
  if (against !== undefined) return { bin, against };
  const host = (await isProgram(join(bin, LANGUAGE_HOST))) || (await firstOnPath(LANGUAGE_HOST, env)) !== undefined;
  return host ? { bin, version } : { bin, against: `no ${LANGUAGE_HOST} is beside it or on PATH` };
}

/** The person's own engine, in order; `say` gets one sentence for each that was passed over. */
export async function findInstalled(sdkVersion, { env, say }) {
  const named = env.CUTOVER_ENGINE_BIN ? [{ bin: env.CUTOVER_ENGINE_BIN, how: "named by CUTOVER_ENGINE_BIN" }] : [];
  const onPath = foldersOnPath(env).map((bin) => ({ bin, how: "found on PATH" }));
  const inHome = { bin: join(env.PULUMI_HOME || join(home(env), ".pulumi"), "bin"), how: "found in PULUMI_HOME" };
  const seen = new Set();
  for (const { bin, how } of [...named, ...onPath, inHome]) {
    if (seen.has(bin)) continue;
    seen.add(bin);
    const found = await examine(bin, sdkVersion, env);
    if (found === undefined) continue;
    if (found.against === undefined) return { bin, version: found.version, how };
    say(`The Pulumi CLI in ${bin} was passed over: ${found.against}.`);
  }
  return undefined;
}

const sizeOf = async (file) => (await stat(file).catch(() => undefined))?.size;

/** Written last, when the engine was seen to work: a folder without it was put there by hand and is examined first. */
export async function writeManifest(folder, facts) {
  const sizes = { [CLI]: await sizeOf(join(folder, "bin", CLI)), [LANGUAGE_HOST]: await sizeOf(join(folder, "bin", LANGUAGE_HOST)) };
  const manifest = { ...facts, platform: process.platform, arch: process.arch, at: new Date().toISOString(), sizes };
  await writeFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** The engine in our cache. A whole one with its manifest is taken without starting it, so that a warm start costs nothing. */
export async function findCached(sdkVersion, { env, say }) {
  const folder = join(cacheFolder(env), sdkVersion);
  const bin = join(folder, "bin");
  try {
    const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
    const here = manifest.platform === process.platform && manifest.arch === process.arch;
    const whole = (await Promise.all([CLI, LANGUAGE_HOST].map((name) => sizeOf(join(bin, name))))).join();
    if (here && whole === [manifest.sizes[CLI], manifest.sizes[LANGUAGE_HOST]].join()) {
      return { bin, version: manifest.versions.cli, how: "from the cache" };
    }
    say(`The engine in ${folder} is incomplete or made for another machine, and is replaced.`);
    return undefined;
  } catch {
    // No manifest: see whether a whole engine stands there all the same.
  }
  const found = await examine(bin, sdkVersion, { ...env, PATH: "" });
  if (found === undefined) return undefined;
  if (found.against !== undefined) {
    say(`The engine in ${folder} is replaced: ${found.against}.`);
    return undefined;
  }
  await writeManifest(folder, { versions: { cli: found.version }, how: "found in the cache" }).catch(() => {});
  return { bin, version: found.version, how: "from the cache" };
}

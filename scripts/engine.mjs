// Sees to a Pulumi engine that fits the SDK, in this order: one that is already here (CUTOVER_ENGINE_BIN, PATH, PULUMI_HOME),
// our cache, the Automation API's own installer, a build from the two Go modules under engine/.
import { rmSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { whenInterrupted } from "./children.mjs";
import { CLI, cacheFolder, examine, findCached, findInstalled, firstOnPath, writeManifest } from "./engine/find.mjs";
import { buildFromSource } from "./engine/goBuild.mjs";
import { installRelease, whyNoInstaller } from "./engine/installer.mjs";
import { isAlive, takeLock } from "./engine/lock.mjs";
import { Failure, runScript } from "./failure.mjs";
import { waitingFor } from "./progress.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const SOURCES = { whyNoInstaller, installRelease, buildFromSource };
const sayOnStderr = (line) => void process.stderr.write(`${line}\n`);

export async function readSdkVersion(root = ROOT) {
  try {
    // Where Node.js finds it: in a package that is installed somewhere, beside it and not below it.
    const file = createRequire(join(root, "package.json")).resolve("@pulumi/pulumi/package.json");
    return JSON.parse(await readFile(file, "utf8")).version;
  } catch {
    throw new Failure("The npm packages are not installed: run `npm ci --ignore-scripts` first.");
  }
}

/** An engine that needs no work to be used, or undefined. */
export async function findEngine({ env = process.env, sdkVersion, say = sayOnStderr } = {}) {
  const version = sdkVersion ?? (await readSdkVersion());
  return (await findInstalled(version, { env, say })) ?? (await findCached(version, { env, say }));
}

/** The engine, made when there is none. `sources` are the ways to make one; tests give their own. */
export async function ensureEngine({ env = process.env, root = ROOT, sdkVersion, say = sayOnStderr, sources = {} } = {}) {
  const version = sdkVersion ?? (await readSdkVersion(root));
  const found = await findEngine({ env, sdkVersion: version, say });
  if (found !== undefined) return found;

  const cache = cacheFolder(env);
  await mkdir(cache, { recursive: true });
  const onWait = (owner) => waitingFor(say, owner, "making the engine");
  const release = await takeLock(join(cache, `${version}.lock`), { onWait });
  try {
    // It may have been made while this one waited.
    const made = await findCached(version, { env, say: () => {} });
    if (made !== undefined) return made;
    return await make({ cache, version, env, root, say, sources: { ...SOURCES, ...sources } });
  } finally {
    await release();
  }
}

const partialPrefix = (version) => `${version}.partial-`;

/** What a set-up that was killed left behind: its folder carries its process id. */
async function removeLeftovers(cache, version) {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(partialPrefix(version))) continue;
    if (!isAlive(Number(name.slice(partialPrefix(version).length)))) await rm(join(cache, name), { recursive: true, force: true });
  }
}

/** Makes the engine in a folder of its own and moves it into place as a whole: there is never half an engine. */
async function make({ cache, version, env, root, say, sources }) {
  await removeLeftovers(cache, version);
  const partial = join(cache, `${partialPrefix(version)}${process.pid}`);
  const forget = whenInterrupted(() => rmSync(partial, { recursive: true, force: true }));
  try {
    await mkdir(join(partial, "bin"), { recursive: true });
    const facts = (await download({ partial, version, env, say, sources })) ?? {
      versions: await build({ partial, cache, version, env, root, say, sources }),
      how: "built from the Go modules under engine/",
    };
    const target = join(cache, version);
    await writeManifest(partial, facts);
    await rm(target, { recursive: true, force: true });
    await rename(partial, target);
    return { bin: join(target, "bin"), version: facts.versions.cli, how: facts.how };
  } finally {
    await rm(partial, { recursive: true, force: true });
    forget();
  }
}

async function download({ partial, version, env, say, sources }) {
  const why = (await sources.whyNoInstaller()) ?? (await sources.installRelease(version, partial, { env }));
  const got = why === undefined ? await examine(join(partial, "bin"), version, { ...env, PATH: "" }) : undefined;
  if (got?.version !== undefined) return { versions: { cli: got.version }, how: "installed by the Automation API" };
  say(`Pulumi's own installer is skipped: ${why ?? got?.against ?? "it left no CLI"}.`);
  await rm(partial, { recursive: true, force: true });
  await mkdir(join(partial, "bin"), { recursive: true });
  return undefined;
}

async function build({ partial, cache, version, env, root, say, sources }) {
  say(`Building Pulumi ${version} from Go modules, once for this machine: three to ten minutes on two cores.`);
  const versions = await sources.buildFromSource(partial, { root, env, cache, sdkVersion: version });
  const got = await examine(join(partial, "bin"), version, { ...env, PATH: "" });
  if (got?.version === undefined) throw new Failure(`The engine was built but does not work: ${got?.against ?? "there is no CLI"}.`);
  return { ...versions, cli: got.version };
}

/** The environment for everything that uses the engine: it is the first `pulumi` on PATH, and named by CUTOVER_ENGINE_BIN. */
export async function engineEnvironment(engine, env = process.env) {
  const folders = (env.PATH ?? "").split(delimiter);
  // A folder that has the first `pulumi` anyway stays where it is: it may hold other programs, and an older Node.js.
  const isFirst = (await firstOnPath(CLI, env)) === engine.bin;
  const path = isFirst ? folders : [engine.bin, ...folders.filter((folder) => folder !== engine.bin)];
  return { PATH: path.join(delimiter), CUTOVER_ENGINE_BIN: engine.bin };
}

// node scripts/engine.mjs: makes sure of the engine and says which one it is.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runScript(async () => {
    const { bin, version, how } = await ensureEngine();
    process.stdout.write(`Pulumi ${version} in ${bin}, ${how}\n`);
  });
}

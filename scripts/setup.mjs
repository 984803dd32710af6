// Everything between a fresh clone and a running program: Node.js version, npm packages, build, engine.
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { engineEnvironment, ensureEngine } from "./engine.mjs";
import { Failure, runScript } from "./failure.mjs";
import { isNewEnough, OLDEST_MAJOR } from "./node.mjs";
import { ensurePackages } from "./packages.mjs";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const say = (line) => void process.stderr.write(`${line}\n`);

export function checkNode(version = process.versions.node) {
  if (isNewEnough(version)) return;
  throw new Failure(
    `Node.js ${version} is too old: install ${OLDEST_MAJOR} or newer from https://nodejs.org; in a checkout, npm's scripts (npm start, npm test, npm run …) bring their own.`,
  );
}

async function buildProject() {
  const { build } = await import("./build.mjs");
  try {
    await build();
  } catch (error) {
    // esbuild names file, line and what is wrong; where in esbuild it was noticed helps nobody.
    if (error?.errors === undefined) throw error;
    throw new Failure(`The build failed: ${error.errors.map((e) => `${e.location?.file}:${e.location?.line}: ${e.text}`).join("; ")}.`);
  }
}

/** Commands that run updates or rehearsals of their own. All others talk to a service or read files, and wait for no engine. */
const NEED_ENGINE = new Set(["start", "serve", "sandbox", "rehearse", "doctor"]);

/** Whether a command line needs an engine: its first word that is neither an option nor an option's value says so. */
export function needsEngine(args) {
  if (args.some((arg) => ["--help", "-h", "--version", "-V"].includes(arg))) return false;
  for (let i = 0; i < args.length; i += 1) {
    if (["--stacks", "--state"].includes(args[i])) i += 1;
    else if (!args[i].startsWith("-")) return NEED_ENGINE.has(args[i]);
  }
  return false;
}

/** Makes this checkout, or this installed package, ready and puts the engine into this process's environment, for it and all its children. */
export async function setUp({ engine: withEngine = true } = {}) {
  checkNode();
  // A package that npm installed has its packages, and is built.
  if (existsSync(join(ROOT, "src", "program.ts"))) {
    await ensurePackages(ROOT, { say });
    await buildProject();
  }
  const engine = withEngine ? await ensureEngine({ root: ROOT, say }) : undefined;
  if (engine !== undefined) Object.assign(process.env, await engineEnvironment(engine));
  // The engine's language host, hooks and fleet commands start `node`: the same one, where the machine's own is older.
  const own = dirname(process.execPath);
  if (process.env.PATH?.split(delimiter)[0] !== own) process.env.PATH = [own, process.env.PATH].filter(Boolean).join(delimiter);
  return engine;
}

/**
 * npm passes SIGINT and SIGTERM on, but a `kill -9` of npm would leave the program behind, holding its state folder and port.
 * It is then asked to end, as npm's SIGTERM would have done.
 */
function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const npm = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === npm) return;
    clearInterval(watch);
    process.kill(process.pid, "SIGTERM");
  }, 500);
  watch.unref();
}

/**
 * Sets up and then becomes the program: it runs in this very process, so that a signal, a Ctrl-C or a `kill -9` reaches
 * the program itself and there is no parent to pass it on or to leave it behind.
 */
export function setUpAndRun(args) {
  endWithNpm();
  return runScript(async () => {
    await setUp({ engine: needsEngine(args) });
    const main = join(ROOT, "dist", "src", "cli", "main.js");
    process.setSourceMapsEnabled(true);
    process.argv = [process.execPath, main, ...args];
    await import(pathToFileURL(main).href);
  });
}

/**
 * The folder of the Pulumi CLI that this process uses. `npm start` and its sisters make the engine and name it in
 * CUTOVER_ENGINE_BIN; started in any other way, the program finds an engine that is already on the machine.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { UserError } from "../errors.js";

/** What `scripts/engine.mjs` gives. It is plain JavaScript because it runs before anything is installed or built. */
interface EngineScript {
  findEngine(options?: { env?: NodeJS.ProcessEnv; say?: (line: string) => void }): Promise<Engine | undefined>;
  engineEnvironment(engine: Engine, env?: NodeJS.ProcessEnv): Promise<{ PATH: string; CUTOVER_ENGINE_BIN: string }>;
}

export interface Engine {
  /** Folder that holds `pulumi`. */
  bin: string;
  /** As the CLI says it: `v3.259.0`. */
  version: string;
  /** How it was found, for people. */
  how: string;
}

/** The checkout, or the installed package: the nearest folder above this file that holds the scripts; the same from `src` and from `dist/src`. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "scripts", "engine.mjs"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("scripts/engine.mjs is not above this file: the checkout is incomplete");
    folder = parent;
  }
  return folder;
}

/** Finds the engine and puts it into this process's environment, for all its children. Never builds or downloads. */
export async function useEngine(say: (line: string) => void = () => {}): Promise<Engine> {
  const script = (await import(pathToFileURL(join(projectRoot(), "scripts", "engine.mjs")).href)) as EngineScript;
  const engine = await script.findEngine({ say });
  if (engine === undefined) {
    throw new UserError(
      { path: "engine", accepted: "a Pulumi CLI that fits @pulumi/pulumi" },
      { next: "Run `npm start` once: it makes one." },
    );
  }
  Object.assign(process.env, await script.engineEnvironment(engine));
  return engine;
}

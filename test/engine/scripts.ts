/** The set-up's scripts, typed for the tests. They are plain JavaScript because they run before anything is installed. */
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Engine, projectRoot } from "../../src/engine/engine.js";
import { tempFolder } from "../support/tmp.js";

export const ROOT = projectRoot();
export const scriptUrl = (name: string): string => pathToFileURL(join(ROOT, "scripts", name)).href;
const load = async <T>(name: string): Promise<T> => (await import(scriptUrl(name))) as T;

export interface Sources {
  whyNoInstaller: () => Promise<string | undefined>;
  installRelease: (version: string, folder: string) => Promise<string | undefined>;
  buildFromSource: (folder: string) => Promise<Record<string, string>>;
}

interface EngineOptions {
  env: NodeJS.ProcessEnv;
  sdkVersion: string;
  root?: string;
  say: (line: string) => void;
  sources: Partial<Sources>;
}

export const engineScript = await load<{
  ensureEngine(options: EngineOptions): Promise<Engine>;
  engineEnvironment(engine: Engine, env: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv>;
}>("engine.mjs");

export const lockScript = await load<{
  takeLock(folder: string, options?: { onWait?: (owner: { pid: number }) => void; waitMs?: number }): Promise<() => Promise<void>>;
}>("engine/lock.mjs");

export const goScript = await load<{
  buildFromSource(folder: string, options: { root: string; env: NodeJS.ProcessEnv; cache: string; sdkVersion: string }): Promise<unknown>;
  readPins(folder: string): Promise<{ tool: string; version: string; go: string }>;
}>("engine/goBuild.mjs");

export const setupScript = await load<{ checkNode(version: string): void; needsEngine(args: string[]): boolean }>("setup.mjs");
export const packagesScript = await load<{ packagesAreCurrent(root: string): Promise<boolean> }>("packages.mjs");

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  ended: boolean;
}

export const mochaScript = await load<{
  chooseSpecs(args: string[]): Promise<{ specs: string[]; options: string[] }>;
  runMocha(specs: string[], options: string[], settings: { env: NodeJS.ProcessEnv; output: "ignore"; graceMs: number }): Promise<Counts>;
  batchesOf(specs: string[]): Promise<{ name: string; specs: string[] }[]>;
  runBatches(
    batches: { name: string; specs: string[] }[],
    options: string[],
    settings: { env: NodeJS.ProcessEnv; jobs: number; print: { write(text: string | Uint8Array): unknown } },
  ): Promise<Counts>;
  wentWell(result: Counts): boolean;
}>("mocha.mjs");

/** Writes a shell script of this body as an executable program. */
export function writeProgram(folder: string, name: string, body: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(folder, name), 0o755);
}

/** A folder with a CLI that gives `version` and, unless told otherwise, a language host. */
export function writeEngine(bin: string, version: string, { languageHost = true } = {}): string {
  writeProgram(bin, "pulumi", `echo ${version}`);
  if (languageHost) writeProgram(bin, "pulumi-language-nodejs", "exit 0");
  return bin;
}

/** What the shell scripts of the tests use. */
const TOOLS = ["mkdir", "dirname", "chmod", "sleep"];

/** A machine of its own: home, cache and PATH in a temporary folder, so that no Pulumi or Go of the real one is found. */
export function machine() {
  const home = tempFolder("engine");
  const folder = (name: string) => join(home, name);
  mkdirSync(folder("tools"));
  for (const tool of TOOLS) symlinkSync(existsSync(`/bin/${tool}`) ? `/bin/${tool}` : `/usr/bin/${tool}`, folder(`tools/${tool}`));
  const cache = folder("cache/cutover/engine");
  const env = (...path: string[]): NodeJS.ProcessEnv => ({
    HOME: home,
    CUTOVER_CACHE: folder("cache"),
    PATH: [...path, folder("tools")].join(delimiter),
  });
  return { folder, cache, env };
}

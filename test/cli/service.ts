import { execFile } from "node:child_process";
import { join } from "node:path";
import { projectRoot } from "../../src/engine/engine.js";
import type { ServerOptions } from "../../src/server.js";
import type { ModelParts } from "../automation/modelService.js";
import { type ModelServer, openModelServer } from "../http/modelServer.js";

export const MAIN = join(projectRoot(), "dist", "src", "cli", "main.js");

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command line as a person does, without a terminal. */
export function cutover(args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string } = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const env = { ...process.env, ...options.env };
    const child = execFile(
      process.execPath,
      [MAIN, ...args],
      { cwd: options.cwd ?? projectRoot(), env, maxBuffer: 64 * 1_024 * 1_024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.end(options.input ?? "");
  });
}

/** The real service over the model of the far side, for one test, and a person at a terminal. */
export interface ModelService extends Pick<ModelServer, "world" | "migrations" | "close"> {
  url: string;
  token: string;
  /** Runs a command that talks to it. */
  run(args: string[], user?: string): Promise<Ran>;
}

export async function modelService(options: Pick<ServerOptions, "access"> = {}, parts?: ModelParts): Promise<ModelService> {
  const { server, world, migrations, close } = await openModelServer(options, parts);
  const { url, token = "" } = server;
  const run = (args: string[], user = "alice") => cutover(args, { env: { CUTOVER_SERVER: url, CUTOVER_TOKEN: token, CUTOVER_USER: user } });
  return { url, token, world, migrations, run, close };
}

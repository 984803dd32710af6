import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { Migrations } from "../../src/automation/migrations.js";
import { projectRoot } from "../../src/engine/engine.js";
import { type RunningServer, type ServerOptions, startServer } from "../../src/server.js";
import { ModelStore, ModelWorld, modelDriver, modelProject, modelTarget, RAW, STACK } from "../automation/model.js";
import { tempFolder } from "../support/tmp.js";

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

/** The real service over the model of the far side, for one test. */
export interface ModelService {
  url: string;
  token: string;
  world: ModelWorld;
  migrations: Migrations;
  /** Runs a command that talks to it. */
  run(args: string[], user?: string): Promise<Ran>;
  close(): Promise<void>;
}

export async function modelService(options: Pick<ServerOptions, "access"> = {}): Promise<ModelService> {
  const folder = tempFolder("cli");
  await writeFile(join(folder, `Pulumi.${STACK}.yaml`), stringify({ config: RAW }));
  const world = new ModelWorld();
  const migrations = new Migrations({
    store: new ModelStore(world),
    driver: modelDriver(world, folder),
    openTarget: async () => modelTarget(world),
    project: modelProject,
    stacksFolder: folder,
    holder: "this service",
  });
  const server: RunningServer = await startServer({ migrations, port: 0, log: () => undefined, ...options });
  return {
    url: server.url,
    token: server.token ?? "",
    world,
    migrations,
    run: (args, user = "alice") => cutover(args, { env: { CUTOVER_SERVER: server.url, CUTOVER_TOKEN: server.token, CUTOVER_USER: user } }),
    close: async () => {
      await server.close();
      await migrations.close();
    },
  };
}

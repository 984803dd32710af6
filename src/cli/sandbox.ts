import { spawn } from "node:child_process";
import { join } from "node:path";
import { useEngine } from "../engine/engine.js";
import { openSandbox, prepareStacks } from "../sandbox/open.js";
import { folderProject } from "./project.js";

export interface SandboxCommandOptions {
  root: string;
  stacks: string;
  state: string;
  command: string[];
}

/** Runs a command in the sandbox's project folder, with the environment that leads the engine to the sandbox. */
export async function sandboxCommand(options: SandboxCommandOptions): Promise<void> {
  await useEngine();
  const open = await openSandbox({
    root: options.root,
    stacks: options.stacks,
    state: join(options.state, "sandbox"),
    project: folderProject(options.stacks),
  });
  try {
    await prepareStacks(open.project);
    const [command, ...args] = options.command as [string, ...string[]];
    process.exitCode = await new Promise<number>((resolve, reject) => {
      const child = spawn(command, args, { cwd: open.project.folder, env: { ...process.env, ...open.env }, stdio: "inherit" });
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve(code ?? (signal === null ? 1 : 130)));
    });
  } finally {
    await open.close();
  }
}

import { spawn } from "node:child_process";
import { join } from "node:path";
import { useEngine } from "../engine/engine.js";
import { UserError } from "../errors.js";
import { openSandbox, prepareStacks } from "../sandbox/open.js";
import { createStack } from "../sandbox/project.js";
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
    for (const stack of await prepareStacks(open.project)) await createStack(open.project, stack);
    const [command, ...args] = options.command as [string, ...string[]];
    process.exitCode = await new Promise<number>((resolve, reject) => {
      const child = spawn(command, args, { cwd: open.project.folder, env: { ...process.env, ...open.env }, stdio: "inherit" });
      child.once("error", (cause: NodeJS.ErrnoException) =>
        reject(
          cause.code === "ENOENT"
            ? new UserError({ path: "command", got: command, accepted: "a program on PATH, for example pulumi" }, { cause })
            : cause,
        ),
      );
      child.once("exit", (code, signal) => resolve(code ?? (signal === null ? 1 : 130)));
    });
  } finally {
    await open.close();
  }
}

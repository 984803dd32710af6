import { spawn } from "node:child_process";
import { UserError } from "../errors.js";
import { createStack } from "../sandbox/project.js";
import type { CommandOptions } from "./project.js";
import { withSandbox } from "./withSandbox.js";

/** Runs a command in the sandbox's project folder, with the environment that leads the engine to the sandbox. */
export function sandboxCommand(options: CommandOptions & { command: string[] }): Promise<void> {
  return withSandbox(options, async (open, stacks) => {
    for (const stack of stacks) await createStack(open.project, stack);
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
  });
}

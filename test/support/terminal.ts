import { execFile } from "node:child_process";
import { join } from "node:path";
import { projectRoot } from "../../src/engine/engine.js";

const SCRIPT = join(projectRoot(), "test", "support", "terminal.py");

/** Runs a program in a real terminal of this width, and types each answer once its text was shown. */
export function inTerminal(
  args: string[],
  { columns = 80, answers = [], env = {} }: { columns?: number; answers?: [shown: string, typed: string][]; env?: NodeJS.ProcessEnv } = {},
): Promise<{ code: number; shown: string }> {
  return new Promise((resolve, reject) => {
    const task = JSON.stringify({ args, columns, answers });
    execFile("python3", [SCRIPT, task], { env: { ...process.env, ...env }, maxBuffer: 64 * 1_024 * 1_024 }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== "number") return reject(error);
      if (stderr !== "") return reject(new Error(stderr));
      resolve({ code: error === null ? 0 : Number(error.code), shown: stdout.replaceAll("\r\n", "\n") });
    });
  });
}

import { CommanderError } from "commander";
import { CutoverError, EXIT_CODES } from "../errors.js";
import { EXIT } from "./exitCodes.js";
import { buildProgram, globalsFirst } from "./program.js";

/** A user's mistake is its message; a bug says that it is one. */
function explain(error: unknown): { text: string; exitCode: number } {
  if (error instanceof CutoverError) {
    return {
      text: [`cutover: ${error.message}`, ...(error.next === undefined ? [] : [error.next])].join("\n"),
      exitCode: EXIT_CODES[error.code],
    };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { text: `cutover: this is a bug; please report it with the lines below.\n${stack}`, exitCode: EXIT.bug };
}

// A reader that has seen enough, such as head, ends the program quietly.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.bug));

try {
  await (await buildProgram()).parseAsync(globalsFirst(process.argv.slice(2)), { from: "user" });
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.user;
  else {
    const { text, exitCode } = explain(error);
    process.stderr.write(`${text}\n`);
    process.exitCode = exitCode;
  }
}

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { projectRoot } from "../engine/engine.js";
import { advanceCommand } from "./advance.js";
import { approveCommand, refuseCommand } from "./approve.js";
import { pauseCommand, promoteCommand, resumeCommand } from "./ask.js";
import { type Cli, serviceOf } from "./cli.js";
import { completionCommand } from "./completion.js";
import { containerizeCommand } from "./containerize.js";
import { doctorCommand } from "./doctor.js";
import { editCommand } from "./edit.js";
import { emergencyCommand } from "./emergency.js";
import { EXAMPLES } from "./examples.js";
import { initCommand } from "./init.js";
import { journalCommand } from "./journal.js";
import { discoverCommand, sandboxCommand, serveCommand, startCommand } from "./local.js";
import { planCommand } from "./plan.js";
import { previewCommand } from "./preview.js";
import type { CommandOptions } from "./project.js";
import { rehearseCommand } from "./rehearse.js";
import { reportCommand } from "./report.js";
import { abortCommand, rollbackCommand } from "./rollback.js";
import { statusCommand } from "./status.js";
import { tokenCommand } from "./tokens.js";
import { confirmCommand, tuneCommand } from "./tune.js";
import { verifyCommand } from "./verify.js";

/** Every command under the heading it has in the help, in the order in which a migration needs them. */
const COMMANDS: Record<string, ((cli: Cli) => Command)[]> = {
  "Prepare:": [initCommand, discoverCommand, planCommand, containerizeCommand, doctorCommand, rehearseCommand],
  "Migrate:": [
    previewCommand,
    advanceCommand,
    approveCommand,
    refuseCommand,
    promoteCommand,
    pauseCommand,
    resumeCommand,
    tuneCommand,
    editCommand,
    confirmCommand,
  ],
  "Go back:": [rollbackCommand, emergencyCommand, abortCommand],
  "Look:": [statusCommand, journalCommand, verifyCommand, reportCommand],
  "Run:": [startCommand, serveCommand, tokenCommand, sandboxCommand, completionCommand],
};

/** The folder with Pulumi.yaml: where one stands, or this checkout. */
const projectFolder = (): string => (existsSync("Pulumi.yaml") ? process.cwd() : projectRoot());

/** The command line, with every command. */
export async function buildProgram(): Promise<Command> {
  const { version } = JSON.parse(await readFile(join(projectRoot(), "package.json"), "utf8")) as { version: string };
  const program = new Command("cutover")
    .description("Moves applications from old infrastructure to EKS, phase by phase, and back again at any moment.")
    .version(version)
    .option("--stacks <folder>", "stack configs, one Pulumi.STACK.yaml each", "stacks")
    .option("--state <folder>", "journals, sandbox and reports", ".cutover")
    .commandsGroup("Run:")
    .showHelpAfterError("(cutover --help lists the commands)")
    .enablePositionalOptions()
    .exitOverride();
  const globals = (): CommandOptions => {
    const { stacks, state } = program.opts<Omit<CommandOptions, "root">>();
    return { root: projectFolder(), stacks: resolve(stacks), state: resolve(state) };
  };
  const cli: Cli = { globals, service: serviceOf(globals), program };
  for (const [heading, commands] of Object.entries(COMMANDS))
    for (const make of commands) program.addCommand(inheriting(make(cli), program).helpGroup(heading));
  for (const command of program.commands) withExamples(command, command.name());
  return program;
}

function withExamples(command: Command, path: string): void {
  const lines = EXAMPLES[path] ?? [];
  if (lines.length > 0)
    command.addHelpText("after", `\n${lines.length === 1 ? "Example" : "Examples"}:\n${lines.map((l) => `  cutover ${l}`).join("\n")}`);
  for (const child of command.commands) withExamples(child, `${path} ${child.name()}`);
}

const GLOBALS = ["--stacks", "--state"];

/**
 * Brings the options of every command to the front, wherever they stand: people type them last. What is passed through to
 * another program stays as it is.
 */
export function globalsFirst(args: readonly string[]): string[] {
  const globals: string[] = [];
  const rest: string[] = [];
  for (let i = 0; i < args.length; i += 1) {
    const arg = args[i] as string;
    if (arg === "--" || (arg === "sandbox" && rest.length === 0)) return [...globals, ...rest, ...args.slice(i)];
    if (GLOBALS.includes(arg) && i + 1 < args.length) {
      globals.push(arg, args[i + 1] as string);
      i += 1;
    } else if (GLOBALS.some((g) => arg.startsWith(`${g}=`))) globals.push(arg);
    else rest.push(arg);
  }
  return [...globals, ...rest];
}

/** Commands made on their own take over how the program reports mistakes. */
function inheriting(command: Command, program: Command): Command {
  command.copyInheritedSettings(program).exitOverride();
  for (const child of command.commands) inheriting(child, command);
  return command;
}

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { projectRoot } from "../engine/engine.js";
import { CutoverError, EXIT_CODES } from "../errors.js";
import { discoverCommand } from "./discover.js";
import { emergency } from "./emergency.js";
import { exportJournals, importJournals, verifyJournals } from "./journal.js";
import type { CommandOptions } from "./project.js";
import { sandboxCommand } from "./sandbox.js";
import { serve } from "./serve.js";
import { start } from "./start.js";

const wholeNumber = (text: string): number => {
  if (!/^\d+$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError("accepted: a whole number from 0 to 65535");
  return Number(text);
};

async function build(): Promise<Command> {
  const root = projectRoot();
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  const program = new Command("cutover")
    .description("Moves applications from old infrastructure to EKS, phase by phase, and back again at any moment.")
    .version(version)
    .option("--stacks <folder>", "stack configs, one Pulumi.STACK.yaml each", join(root, "stacks"))
    .option("--state <folder>", "journals, sandbox and reports", join(root, ".cutover"))
    .showHelpAfterError("(cutover --help lists the commands)")
    .enablePositionalOptions()
    .exitOverride();
  const globals = (): CommandOptions => {
    const { stacks, state } = program.opts<Omit<CommandOptions, "root">>();
    return { root, stacks: resolve(stacks), state: resolve(state) };
  };
  program
    .command("start")
    .description("rehearse every application through all phases in the sandbox, report, then serve until Ctrl-C")
    .option("--exit", "end after the report instead of serving")
    .option("--fresh", "begin a new rehearsal even when one was interrupted")
    .option("--fault <stack:fault...>", "faults to inject", ["web-api-production:errors@25%"])
    .option("--port <port>", "port to serve on; 0 takes a free one", wholeNumber, 8_080)
    .action((options) => start({ ...globals(), ...options }));
  program
    .command("serve")
    .description("serve the HTTP API and the status page, over the sandbox as it is or over real environments")
    .option("--targets <file>", "how real environments are reached (docs/targets.md); without it, the sandbox")
    .option("--host <host>", "address to listen on", "127.0.0.1")
    .option("--port <port>", "port to listen on; 0 takes a free one", wholeNumber, 8_080)
    .action((options) => serve({ ...globals(), ...options }));
  program
    .command("emergency")
    .description("send a stack's users to the old side at once, past the engine")
    .argument("<stack>", "for example: web-api-production")
    .option("--server <url>", "the running service", "http://127.0.0.1:8080")
    .option("--why <text>", "the reason, for the journal", "an emergency")
    .option("--wait <seconds>", "how long to watch", wholeNumber, 300)
    .action((stack: string, options) => emergency(stack, options));
  program
    .command("discover")
    .description("list instances, databases, load balancers, zones and certificates, and which application each belongs to")
    .option("--region <region...>", "regions to look in (default: AWS_REGION)", [])
    .option("--profile <profile...>", "profiles of the shared AWS configuration, one account each", [])
    .option("--role <arn...>", "roles to assume, one account each", [])
    .option("--endpoint <url>", "another endpoint for every service")
    .addOption(new Option("--output <form>", "how to print it").choices(["table", "markdown", "csv", "json", "yaml"]).default("table"))
    .action((options) => discoverCommand({ ...globals(), ...options }));
  const journal = program
    .command("journal")
    .description("verify, export and import journals: of DATABASE_URL, or of the state folder")
    .option("--sandbox", "the sandbox's journals instead of the real environments'");
  const journals = () => ({ ...globals(), ...journal.opts<{ sandbox?: boolean }>() });
  journal
    .command("verify")
    .description("check the hash chains; ends with 7 when an entry was changed, removed or reordered")
    .argument("[stack...]", "default: all")
    .action((stacks: string[]) => verifyJournals(stacks, journals()));
  journal
    .command("export")
    .description("copy journals and evidence into a folder")
    .argument("<folder>", "a new folder")
    .argument("[stack...]", "default: all")
    .action((folder: string, stacks: string[]) => exportJournals(resolve(folder), stacks, journals()));
  journal
    .command("import")
    .description("take over journals and evidence from such a folder")
    .argument("<folder>", "as export wrote it")
    .argument("[stack...]", "default: all")
    .action((folder: string, stacks: string[]) => importJournals(resolve(folder), stacks, journals()));
  program
    .command("sandbox")
    .description("run a command, such as pulumi, against the sandbox")
    .argument("<command...>", "for example: pulumi preview --stack web-api-staging")
    .passThroughOptions()
    .allowUnknownOption()
    .action((command: string[]) => sandboxCommand({ ...globals(), command }));
  return program;
}

/** A user's mistake is its message; a bug says that it is one. */
export function explain(error: unknown): { text: string; exitCode: number } {
  if (error instanceof CutoverError) {
    return {
      text: [`cutover: ${error.message}`, ...(error.next === undefined ? [] : [error.next])].join("\n"),
      exitCode: EXIT_CODES[error.code],
    };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { text: `cutover: this is a bug; please report it with the lines below.\n${stack}`, exitCode: 1 };
}

try {
  await (await build()).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_CODES.user;
  else {
    const { text, exitCode } = explain(error);
    process.stderr.write(`${text}\n`);
    process.exitCode = exitCode;
  }
}

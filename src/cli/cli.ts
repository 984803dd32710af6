import { userInfo } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type ServiceAddress, ServiceClient, tokenIn } from "./client.js";
import { FORMS, type Form } from "./output.js";
import type { CommandOptions } from "./project.js";

/** What a command is made with. Each file of a command exports `(cli: Cli) => Command`. */
export interface Cli {
  /** For completion, which knows every command. */
  program: Command;
  /** The options before the command's name. */
  globals(): CommandOptions;
  /** The running service. */
  service(options: ServiceOptions): Promise<ServiceClient>;
}

export type ServiceOptions = Omit<ServiceAddress, "token">;
export interface OutputOptions {
  output: Form;
}

export const STACK = ["<stack>", "for example: web-api-production"] as const;

const COMMON = "Common options:";
const common = (flags: string, description: string): Option => new Option(flags, description).helpGroup(COMMON);

/** Options of every command that talks to the running service. */
export function talks<T extends Command>(command: T): T {
  return command
    .addOption(common("--server <url>", "the running service").env("CUTOVER_SERVER").default("http://127.0.0.1:8080"))
    .addOption(common("--user <name>", "who asks, for the journal").env("CUTOVER_USER").default(userInfo().username, "your login name"));
}

/** The option of every command that prints a result. */
export function prints<T extends Command>(command: T): T {
  return command.addOption(common("--output <form>", "how to print the result").choices(FORMS).default("table"));
}

export const serviceOf =
  (globals: () => CommandOptions): Cli["service"] =>
  async ({ server, user }) => {
    const token = await tokenIn(globals().state);
    return new ServiceClient({ server, user, ...(token === undefined ? {} : { token }) });
  };

/** A parser of whole numbers for an option. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    if (!/^\d+$/.test(text) || Number(text) < least || Number(text) > most)
      throw new InvalidArgumentError(`accepted: a whole number from ${least} to ${most}`);
    return Number(text);
  };

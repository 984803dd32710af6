import { userInfo } from "node:os";
import { type Argument, type Command, InvalidArgumentError, Option } from "commander";
import { UserError } from "../errors.js";
import { nearest } from "../lib/nearest.js";
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

/** Values that completion offers for an option or an argument, asked for when the completion is printed. */
const VALUES = new WeakMap<object, () => readonly string[] | Promise<readonly string[]>>();

export function withValues<T extends Option | Argument>(of: T, values: () => readonly string[] | Promise<readonly string[]>): T {
  VALUES.set(of, values);
  return of;
}
export const valuesOf = async (of: Option | Argument): Promise<readonly string[]> => of.argChoices ?? (await VALUES.get(of)?.()) ?? [];

/** Ids of the steps in the plans of the project's stacks; none where there is no project. */
export async function stepsIn(cli: Cli): Promise<string[]> {
  const { StackFile } = await import("../config/stackFile.js");
  const { buildPlan } = await import("../automation/plan/plan.js");
  const { stacks } = cli.globals();
  const ids = new Set<string>();
  // One that is no stack config offers nothing.
  for (const stack of await StackFile.list(stacks).catch(() => []))
    for (const { id } of await StackFile.read(stacks, stack).then(
      (f) => buildPlan(f.shape()),
      () => [],
    ))
      ids.add(id);
  return [...ids];
}

/** @throws UserError with the nearest name */
export function requireOneOf(path: string, got: string, names: readonly string[]): void {
  const all = [...new Set(names)];
  if (all.includes(got)) return;
  const meant = nearest(got, all);
  throw new UserError(
    { path, got: JSON.stringify(got), accepted: `one of ${all.join(", ")}` },
    meant === undefined ? {} : { next: `Did you mean ${meant}?` },
  );
}

/** A parser of whole numbers for an option. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    if (!/^\d+$/.test(text) || Number(text) < least || Number(text) > most)
      throw new InvalidArgumentError(`accepted: a whole number from ${least} to ${most}`);
    return Number(text);
  };

import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { UserError } from "../errors.js";
import { say } from "./output.js";

/**
 * Makes a person write a name where something cannot be undone. A script says it with the option instead.
 * @throws UserError when it is another name, or nobody can be asked
 */
export async function requireName(name: string, given: string | undefined, what: string): Promise<void> {
  if (given === name) return;
  if (given !== undefined) throw new UserError({ path: "--confirm", got: JSON.stringify(given), accepted: name });
  say(what);
  if (process.stdin.isTTY !== true)
    throw new UserError({ path: "--confirm", accepted: `${name}, because this cannot be undone and nobody can be asked here` });
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = (await ask.question(`Write ${name} to go on: `)).trim();
    if (answer !== name)
      throw new UserError({ path: "answer", got: JSON.stringify(answer), accepted: name }, { next: "Nothing was done." });
  } finally {
    ask.close();
  }
}

export interface YesOption {
  yes?: boolean;
}

/** The option of every command that moves users, data or infrastructure. */
export const asksFirst = <T extends Command>(command: T): T => command.option("-y, --yes", "do not ask; a script is not asked either");

/**
 * Asks y/N on a terminal before anything moves; anything but y or yes is no. Whoever says `--yes`, or is no terminal, has said so.
 * @returns whether to go on; "nothing was done" is said otherwise
 */
export async function agreed(question: string, { yes }: YesOption): Promise<boolean> {
  if (yes === true || process.stdin.isTTY !== true) return true;
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await ask.question(`${question} [y/N] `);
    if (/^\s*y(es)?\s*$/i.test(answer)) return true;
    say("Nothing was done.");
    return false;
  } finally {
    ask.close();
  }
}

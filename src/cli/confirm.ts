import { createInterface } from "node:readline/promises";
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

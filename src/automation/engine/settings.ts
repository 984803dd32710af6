import { UserError } from "../../errors.js";

/** A setting of the environment that is a whole number from 1 to 9,999,999. @throws UserError for anything else; undefined when it is not set */
export function wholeNumber(name: string, accepted: string, text = process.env[name]): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new UserError({ path: name, got: JSON.stringify(text.slice(0, 40)), accepted });
  return Number(text);
}

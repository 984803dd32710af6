import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import type { z } from "zod";
import { UserError } from "../errors.js";
import { issuesOf } from "./schema.js";

/**
 * Reads a file of settings and checks it.
 * @param about what the file is, as in "a file that says …", and the page that shows one
 * @throws UserError naming each wrong value
 */
export async function readYamlFile<T extends z.ZodType>(
  file: string,
  schema: T,
  about: { what: string; docs: string },
): Promise<z.output<T>> {
  const text = await readFile(file, "utf8").catch((cause: Error) => {
    throw new UserError({ path: file, got: cause.message, accepted: about.what }, { cause, next: `${about.docs} shows one.` });
  });
  return parseYaml(text, file, schema);
}

/** Checks a text of settings. @throws UserError naming each wrong value, in the file */
export function parseYaml<T extends z.ZodType>(text: string, file: string, schema: T): z.output<T> {
  const document = parseDocument(text);
  const broken = document.errors[0];
  if (broken !== undefined) throw new UserError({ path: file, got: broken.message.split("\n")[0] ?? "", accepted: "a YAML map" });
  const input: unknown = document.toJS() ?? {};
  const result = schema.safeParse(input);
  if (!result.success) throw new UserError(issuesOf(result.error, input), { summary: `${file} is not valid.` });
  return result.data;
}

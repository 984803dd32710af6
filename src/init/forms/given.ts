import { readFile, realpath, stat } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
import { UserError } from "../../errors.js";
import { decoded } from "../../inventory/decode.js";

/** A file that somebody named. */
export interface GivenFile {
  /** As it was named. */
  path: string;
  text: string;
}

/** No file that people write by hand is larger: one that is would only be read for minutes. */
const MOST_BYTES = 1_024 * 1_024;
export const ACCEPTED = "a docker-compose file, a Procfile, systemd units, or a Helm chart's values.yaml";

/** @throws UserError for what cannot be read as text */
export async function readGiven(path: string): Promise<GivenFile> {
  const refuse = (got: string, cause?: unknown): UserError => new UserError({ path, got, accepted: ACCEPTED }, { cause });
  const about = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw refuse(cause.code === "ENOENT" ? "no such file" : cause.message, cause);
  });
  if (about.isDirectory()) throw refuse("a folder");
  if (!about.isFile()) throw refuse("something else than a file");
  if (about.size > MOST_BYTES) throw refuse(`${Math.ceil(about.size / MOST_BYTES)} MiB, more than 1 MiB`);
  const content = await readFile(path).catch((cause: Error) => {
    throw refuse(cause.message, cause);
  });
  const { text } = decoded(content);
  if (text.includes("\0")) throw refuse("binary content");
  if (text.trim() === "") throw refuse("an empty file");
  return { path, text: text.replaceAll("\r\n", "\n") };
}

/**
 * The text of a file that another one names, by a path relative to it.
 * @returns undefined for what is not there, is not a text, or lies outside the other's folder: nobody named that
 */
export async function readBeside(path: string, relative: string): Promise<string | undefined> {
  try {
    const folder = await realpath(dirname(path));
    const file = await realpath(resolve(folder, relative));
    if (!file.startsWith(folder + sep)) return undefined;
    return (await readGiven(file)).text;
  } catch {
    return undefined;
  }
}

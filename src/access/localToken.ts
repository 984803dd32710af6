import { randomBytes } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { writeAtomically } from "../config/stackFile.js";

/**
 * The way in on this machine: a token made again at each start of the service, for whoever may read its terminal or its
 * state folder. It ends with the process.
 */
export interface LocalToken {
  token: string;
  /** Who it stands for when it names nobody. */
  name: string;
  /** Whether the header `x-cutover-user` names the person: a rehearsal needs two. */
  namesPeople: boolean;
}

const PREFIX = "cutover_local_";
const fileIn = (state: string): string => join(state, "token");

export const isLocalToken = (given: string): boolean => given.startsWith(PREFIX);

export function makeLocalToken({ namesPeople }: Pick<LocalToken, "namesPeople">): LocalToken {
  return { token: `${PREFIX}${randomBytes(32).toString("base64url")}`, name: userInfo().username, namesPeople };
}

/** Keeps it where the command line of the same user finds it, and nobody else. */
export const keepLocalToken = (state: string, { token }: LocalToken): Promise<void> => writeAtomically(fileIn(state), token);

/** Takes it away again, unless another service has put its own there since. */
export async function forgetLocalToken(state: string, { token }: LocalToken): Promise<void> {
  const there = await readFile(fileIn(state), "utf8").catch(() => undefined);
  if (there === token) await rm(fileIn(state), { force: true });
}

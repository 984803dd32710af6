import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../config/stackFile.js";
import { UserError } from "../errors.js";
import { type StoredToken, storedTokenSchema, type TokenStore } from "./tokens.js";

const ENDING = ".json";

/** Tokens in a folder, one file each that only its owner reads: what changes there counts at once, for every process. */
export class TokenFolder implements TokenStore {
  constructor(private readonly folder: string) {}

  async list(): Promise<StoredToken[]> {
    const names = (await readdir(this.folder).catch(() => [])).filter((n) => n.endsWith(ENDING));
    const tokens = await Promise.all(names.map((n) => this.find(n.slice(0, -ENDING.length))));
    return tokens.filter((t) => t !== undefined).sort((a, b) => compare(a.name, b.name) || compare(a.createdAt, b.createdAt));
  }

  async find(id: string): Promise<StoredToken | undefined> {
    const file = this.fileOf(id);
    const text = await readFile(file, "utf8").catch(() => undefined);
    return text === undefined ? undefined : parsed(file, text);
  }

  add(token: StoredToken): Promise<void> {
    return writeAtomically(this.fileOf(token.id), `${JSON.stringify(token, undefined, 2)}\n`);
  }

  async revoke(id: string): Promise<boolean> {
    if ((await this.find(id)) === undefined) return false;
    await rm(this.fileOf(id));
    return true;
  }

  async close(): Promise<void> {}

  private fileOf(id: string): string {
    // Ids come from outside: nothing but hexadecimal digits names a file.
    return join(this.folder, `${/^[0-9a-f]+$/.test(id) ? id : "none"}${ENDING}`);
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function parsed(path: string, text: string): StoredToken {
  try {
    return storedTokenSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UserError(
      { path, got: "another content", accepted: "a token as cutover token create writes it" },
      { cause, next: "Remove the file, and make another token." },
    );
  }
}

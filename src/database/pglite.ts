import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { PGlite, type Transaction } from "@electric-sql/pglite";
import type { QueryResultRow } from "pg";
import { Conflict, UserError } from "../errors.js";
import type { Database, Query } from "./database.js";
import { giveUpFolder, ownFolder } from "./folderOwner.js";

/** Folders open in this process: a second server over the same files would destroy them. */
const OPEN = new Set<string>();

/**
 * PostgreSQL in this process, with its files in a folder. One process at a time; a killed one loses nothing that was
 * answered, a power failure may: PGlite cannot sync to disk (docs/decisions).
 */
export class PgliteDatabase implements Database {
  readonly shared = false;

  private constructor(
    readonly where: string,
    readonly server: PGlite,
  ) {}

  /** @throws UserError when the folder cannot be used, Conflict when another process has it */
  static async open(folder: string): Promise<PgliteDatabase> {
    const where = resolve(folder);
    const refused = (cause: Error): never => {
      throw new UserError(
        { path: "DATABASE_URL", got: `pglite:${where} (${cause.message})`, accepted: "a folder that cutover can write" },
        { cause },
      );
    };
    if (folder === "") refused(new Error("no folder"));
    // Beside the data, since PGlite makes its own folder only where there is none.
    await mkdir(where, { recursive: true }).catch(refused);
    if (OPEN.has(where)) throw new Conflict(`The database in ${where} is open in this process already.`);
    await ownFolder(where, "database");
    OPEN.add(where);
    return new PgliteDatabase(
      where,
      await PGlite.create(`${where}/data`).catch((error: Error) => {
        OPEN.delete(where);
        return refused(error);
      }),
    );
  }

  query: Query = (text, values) => run(this.server, text, values);

  transaction<T>(use: (query: Query) => Promise<T>): Promise<T> {
    return this.server.transaction((tx) => use((text, values) => run(tx, text, values)));
  }

  /** There is no other process. */
  async listen(): Promise<void> {}

  async close(): Promise<void> {
    if (this.server.closed) return;
    await this.server.close();
    OPEN.delete(this.where);
    await giveUpFolder(this.where);
  }
}

/** Several statements at once go without values only. */
async function run<R extends QueryResultRow>(on: PGlite | Transaction, text: string, values?: unknown[]): Promise<R[]> {
  return values === undefined ? (await on.exec(text)).flatMap((r) => r.rows as R[]) : (await on.query<R>(text, values)).rows;
}

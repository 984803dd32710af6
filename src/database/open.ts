import { UserError } from "../errors.js";
import type { Database } from "./database.js";
import { PostgresDatabase } from "./postgres.js";

const ACCEPTED = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or pglite:FOLDER for one process";

/**
 * Opens what `DATABASE_URL` names.
 * @param connections at most, on a server
 * @throws UserError for an address that is none, Transient when the server does not answer
 */
export async function openDatabase(url: string, connections = 8): Promise<Database> {
  if (url.startsWith("pglite:")) {
    const { PgliteDatabase } = await import("./pglite.js");
    return PgliteDatabase.open(url.slice("pglite:".length).replace(/^\/\//, ""));
  }
  if (!/^postgres(ql)?:\/\/[^\s]+$/.test(url)) throw new UserError({ path: "DATABASE_URL", got: "something else", accepted: ACCEPTED });
  // Neither here nor by the driver is it ever shown: it holds a password.
  if (!URL.canParse(url))
    throw new UserError(
      { path: "DATABASE_URL", got: "an address that cannot be read", accepted: ACCEPTED },
      { next: "Write / # ? and @ in the password as %2F %23 %3F and %40." },
    );
  return new PostgresDatabase(url, connections);
}

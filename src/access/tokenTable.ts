import type { Database } from "../database/database.js";
import { openDatabase } from "../database/open.js";
import type { StoredToken, TokenStore } from "./tokens.js";

const COLUMNS = 'id, name, hash, grants, created_at AS "createdAt", expires_at AS "expiresAt"';
/** Name of an advisory lock: two processes that start at once make the table once. */
const LOCK = 7_261_002;

/** Tokens in PostgreSQL, for service processes on any number of machines. */
export class TokenTable implements TokenStore {
  private constructor(private readonly database: Database) {}

  static async open(url: string): Promise<TokenTable> {
    const database = await openDatabase(url, 2);
    try {
      await database.transaction(async (query) => {
        await query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
        await query(
          `CREATE SCHEMA IF NOT EXISTS cutover;
           CREATE TABLE IF NOT EXISTS cutover.token (
             id text PRIMARY KEY,
             name text NOT NULL,
             hash text NOT NULL,
             grants jsonb NOT NULL,
             created_at timestamptz NOT NULL,
             expires_at timestamptz
           )`,
        );
      });
    } catch (error) {
      await database.close();
      throw error;
    }
    return new TokenTable(database);
  }

  async list(): Promise<StoredToken[]> {
    return (await this.database.query<Row>(`SELECT ${COLUMNS} FROM cutover.token ORDER BY name, created_at`)).map(read);
  }

  async find(id: string): Promise<StoredToken | undefined> {
    const [row] = await this.database.query<Row>(`SELECT ${COLUMNS} FROM cutover.token WHERE id = $1`, [id]);
    return row === undefined ? undefined : read(row);
  }

  async add({ id, name, hash, grants, createdAt, expiresAt }: StoredToken): Promise<void> {
    await this.database.query("INSERT INTO cutover.token VALUES ($1, $2, $3, $4, $5, $6)", [
      id,
      name,
      hash,
      JSON.stringify(grants),
      createdAt,
      expiresAt ?? null,
    ]);
  }

  async revoke(id: string): Promise<boolean> {
    return (await this.database.query("DELETE FROM cutover.token WHERE id = $1 RETURNING 1", [id])).length > 0;
  }

  close(): Promise<void> {
    return this.database.close();
  }
}

/** The driver reads times as dates. */
type Row = Omit<StoredToken, "createdAt" | "expiresAt"> & { createdAt: Date; expiresAt: Date | null };

const read = ({ createdAt, expiresAt, ...row }: Row): StoredToken => ({
  ...row,
  createdAt: createdAt.toISOString(),
  ...(expiresAt === null ? {} : { expiresAt: expiresAt.toISOString() }),
});

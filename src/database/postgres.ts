import { Client, Pool, type PoolClient, type QueryResult } from "pg";
import { Transient, UserError } from "../errors.js";
import { isOfNetwork } from "../lib/network.js";
import type { Database, Query } from "./database.js";

const STATEMENT_MS = 30_000;
const CONNECT_MS = 10_000;
const RECONNECT_MS = 2_000;
const CONNECTION = {
  connectionTimeoutMillis: CONNECT_MS,
  application_name: "cutover",
  // One that only listens says nothing by itself: nothing else finds out that its other end is gone.
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
};

/** The rows of the last statement, where there are several. */
const rowsOf = (result: QueryResult | QueryResult[]): never => [result].flat().flatMap((r) => r.rows ?? []) as never;

export class PostgresDatabase implements Database {
  readonly shared = true;
  private readonly pool: Pool;
  private listening: Client | undefined;
  private closed = false;
  readonly where: string;

  constructor(
    private readonly url: string,
    connections: number,
  ) {
    const { hostname, port, pathname } = new URL(url);
    this.where = `${hostname}:${port || 5_432}${pathname}`;
    this.pool = new Pool({
      connectionString: url,
      max: connections,
      statement_timeout: STATEMENT_MS,
      ...CONNECTION,
    });
    // A connection that breaks while it is idle says so here; the next query gets a new one.
    this.pool.on("error", () => undefined);
  }

  query: Query = async (text, values) => {
    try {
      return rowsOf(await this.pool.query(text, values));
    } catch (error) {
      throw this.described(error);
    }
  };

  async transaction<T>(use: (query: Query) => Promise<T>): Promise<T> {
    let client: PoolClient | undefined;
    try {
      const connected = await this.pool.connect();
      client = connected;
      await connected.query("BEGIN");
      const result = await use(async (text, values) => rowsOf(await connected.query(text, values)));
      await connected.query("COMMIT");
      connected.release();
      return result;
    } catch (error) {
      // A connection in doubt is not given back.
      client?.release(true);
      throw this.described(error);
    }
  }

  async listen(channel: string, onPayload: (payload: string) => void, onReconnect: () => Promise<void>): Promise<void> {
    const client = new Client({ connectionString: this.url, ...CONNECTION });
    client.on("notification", ({ payload }) => onPayload(payload ?? ""));
    const again = (): void => {
      client.removeAllListeners("end");
      if (this.closed) return;
      const timer = setTimeout(() => {
        this.listen(channel, onPayload, onReconnect).then(onReconnect).catch(again);
      }, RECONNECT_MS);
      timer.unref();
    };
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
    } catch (error) {
      throw this.described(error);
    }
    client.once("end", again);
    this.listening = client;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.listening?.end().catch(() => undefined);
    await this.pool.end();
  }

  /** A server's error as ours, naming where but never the password. */
  private described(error: unknown): unknown {
    const { code = "", message } = error as { code?: string; message: string };
    // Five letters or digits are PostgreSQL's own codes; others are the system's.
    if (!/^([0-9A-Z]{5}|E[A-Z]+)$/.test(code) && !isOfNetwork(error) && !/terminated|timeout|closed/i.test(message)) return error;
    if (code === "28P01" || code === "28000" || code === "3D000")
      return new UserError(
        { path: "DATABASE_URL", got: `${this.where}: ${message}`, accepted: "a user and a database that exist" },
        { cause: error },
      );
    return new Transient(`PostgreSQL at ${this.where}: ${message}`, { cause: error });
  }
}

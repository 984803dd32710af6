import type { QueryResultRow } from "pg";

/** The rows of the statement; of several without values, the rows of all of them, in order. */
export type Query = <T extends QueryResultRow>(text: string, values?: unknown[]) => Promise<T[]>;

/** A database that speaks PostgreSQL's dialect: a server, or PGlite in a folder. */
export interface Database {
  /** For people, without the password. */
  readonly where: string;
  /** Whether other processes may use it too. */
  readonly shared: boolean;
  query: Query;
  /** All or nothing, on one connection. */
  transaction<T>(use: (query: Query) => Promise<T>): Promise<T>;
  /**
   * Hears of other processes' notifications.
   * @param onPayload gets what `pg_notify` was given
   * @param onReconnect called after a break, in which anything may have been missed
   */
  listen(channel: string, onPayload: (payload: string) => void, onReconnect: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

import { Client, type ClientConfig, type QueryResultRow } from "pg";
import { CutoverError, Terminal, Transient } from "../../../errors.js";
import { isOfNetwork } from "../../../lib/network.js";
import type { DatabaseEndpoint } from "../engine.js";

/** One database, and the user that administers it: its owner, or a member of the owner's role. */
export type SqlEndpoint = DatabaseEndpoint;

/** A connection as the adapters use it. */
export interface Session {
  rows<T extends QueryResultRow>(sql: string, values?: unknown[]): Promise<T[]>;
  /** The only value of the only row. */
  value<T>(sql: string, values?: unknown[]): Promise<T>;
}

const CONNECT_MS = 10_000;
const STATEMENT_MS = 60_000;
/** No statement that changes something stands in front of the application's for longer, whatever long query it waits for. */
const LOCK_MS = 5_000;
/**
 * A database or a role has settings for its applications, and they are not meant for us: literals are read as they stand;
 * names without a schema are the system's first, whoever made a function of that name elsewhere; who asks is the role that
 * connected, and not one that it becomes by default; a replica knows nothing of serializable.
 */
const OWN = [
  "SET standard_conforming_strings = on",
  "SET search_path = ''",
  "SET ROLE NONE",
  "SET default_transaction_isolation = 'read committed'",
  // Catalogue queries are long and cheap: to compile one takes longer than to answer it.
  "SET jit = off",
];
/** Where commits wait for a replica, the promoted one is none any more, and nobody would ever confirm ours. */
const WRITING = ["SET default_transaction_read_only = off", `SET lock_timeout = ${LOCK_MS}`, "SET synchronous_commit = local"];
/**
 * The database's own schemas come after the system's: what its indexes call is looked for by them wherever a table is read. A
 * session of ours is idle while another server is asked; not every version knows each timeout. In SQL_ASCII, bytes are no text.
 */
const SYSTEM_FIRST = `SELECT set_config('search_path', concat_ws(', ', 'pg_catalog', nullif(reset_val, '')), false) FROM pg_settings WHERE name = 'search_path';
  SELECT set_config(name, '0', false) FROM pg_settings
  WHERE name IN ('idle_session_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout');
  SELECT set_config('client_encoding', 'SQL_ASCII', false) WHERE current_setting('server_encoding') = 'SQL_ASCII'`;
/** Event triggers are about the application's own changes of its schema; ours run them only where our role may not say so. */
const NO_TRIGGERS = `SELECT set_config('session_replication_role', 'replica', false) FROM pg_roles
  WHERE rolname = session_user AND (rolsuper OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'rds_superuser' AND pg_has_role(r.oid, 'MEMBER')))`;
/** How long ending a session may hold up who asked for it. */
const END_MS = 500;

export interface SessionOptions {
  /** Opens the session for writes, also where the database refuses them by default. */
  write?: boolean;
  statementMs?: number;
  /** Settings of the session that come with its start and not in a statement: servers log statements. */
  startWith?: Record<string, string>;
  /** Ends the session, and what it has the server do, at once. */
  signal?: AbortSignal | undefined;
}

/**
 * Runs `use` in a connection of its own.
 * @throws Transient when the server cannot be reached or refuses for now, Terminal for other errors, both naming host and database
 */
export async function inSession<T>(endpoint: SqlEndpoint, use: (session: Session) => Promise<T>, options: SessionOptions = {}): Promise<T> {
  const { signal, write = false } = options;
  signal?.throwIfAborted();
  const where = `${endpoint.host}:${endpoint.port}/${endpoint.database}`;
  const client = new Client(configOf(endpoint, options));
  // A connection that breaks while it is idle says so here; the next query says it too.
  client.on("error", () => undefined);
  const work = async () => {
    await client.connect();
    // Settings first: where serializable is the default, a replica answers no query until another one stands.
    await client.query([...OWN, ...(write ? WRITING : [])].join("; "));
    await client.query(write ? `${SYSTEM_FIRST}; ${NO_TRIGGERS}` : SYSTEM_FIRST);
    return use({
      rows: async <R extends QueryResultRow>(sql: string, values?: unknown[]) => (await client.query<R>(sql, values)).rows,
      value: async <V>(sql: string, values?: unknown[]) => {
        const { rows } = await client.query<Record<string, V>>(sql, values);
        return Object.values(rows[0] ?? {})[0] as V;
      },
    });
  };
  let aborted: () => void = () => undefined;
  try {
    if (signal === undefined) return await work();
    const ended = new Promise<never>((_, reject) => {
      aborted = () => reject(signal.reason);
      signal.addEventListener("abort", aborted, { once: true });
    });
    return await Promise.race([work(), ended]);
  } catch (error) {
    if (signal?.aborted === true) {
      await endOnServer(client, endpoint);
      throw signal.reason;
    }
    throw described(error, where);
  } finally {
    signal?.removeEventListener("abort", aborted);
    if (signal?.aborted !== true) await client.end().catch(() => undefined);
  }
}

/** The server notices that a client went away only once it answers: it is told by another connection, which nobody waits for long. */
async function endOnServer(client: Client, endpoint: SqlEndpoint): Promise<void> {
  const pid = (client as Client & { processID?: number | null }).processID;
  const told = typeof pid === "number" ? inSession(endpoint, (s) => s.rows("SELECT pg_terminate_backend($1)", [pid])) : Promise.resolve([]);
  await Promise.race([told.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, END_MS))]);
  // It waits for the query under way.
  client.end().catch(() => undefined);
}

function configOf(
  { host, port, database, user, password, tls }: SqlEndpoint,
  { statementMs = STATEMENT_MS, startWith = {} }: SessionOptions,
): ClientConfig {
  const start = Object.entries(startWith).map(([name, value]) => `-c ${name}=${value.replace(/[\\\s]/g, "\\$&")}`);
  return {
    host,
    port,
    database,
    user,
    password,
    ssl: tls === false ? false : { rejectUnauthorized: true, ...(tls?.ca === undefined ? {} : { ca: tls.ca }) },
    application_name: "cutover",
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: statementMs,
    // The server's own deadline does not help when the network swallows its answer.
    query_timeout: statementMs + CONNECT_MS,
    keepAlive: true,
    ...(start.length === 0 ? {} : { options: start.join(" ") }),
  };
}

/** SQLSTATE classes that pass by themselves: connection, resources, operator intervention, serialization, a lock not had in time. */
const PASSING = /^(08|53|57P0|40|55P03)/;

function described(error: unknown, where: string): Error {
  if (error instanceof CutoverError) return error;
  const { code = "", message } = error as { code?: string; message: string };
  const text = `${where}: ${message}`;
  const passing = PASSING.test(code) || isOfNetwork(error) || /timeout|terminated/i.test(message);
  return passing ? new Transient(text, { cause: error }) : new Terminal(text, { cause: error });
}

/** A name as SQL writes it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
/** A string as SQL writes it. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

import { Transient } from "../../errors.js";
import type { Reading, Side } from "../../ports/observations.js";
import type { DataPort } from "../../ports/target.js";

/** One database, and the user that administers it. */
export interface DatabaseEndpoint {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
  /** Certificate authorities for TLS; `false` only where the network is trusted. @default the server's certificate must be valid */
  tls?: { ca?: string } | false;
}

/** A database that has no address yet: it is still to be made. */
export class NoAddress extends Transient {}

/** How one migration's pair of databases is reached, and what the stack config says of it. */
export interface DatabaseOptions {
  /** Where a side's database is now, with the user that administers it. @throws NoAddress */
  endpoint: (side: Side) => Promise<DatabaseEndpoint>;
  /** The user that the application itself connects as: it must be another one than cutover's own, or nobody can keep it out. */
  applicationUser?: string;
  /** What becomes of schema changes after the promotion. @default hold */
  schemaChanges?: () => "carry" | "hold";
  /** Keeps how far a comparison is, so that it goes on after an interruption, in another process too. */
  progress?: { load(key: string): Promise<object | undefined>; save(key: string, progress: object): Promise<void> };
  /** How long writes may be stopped, for the readiness report. */
  writePauseSeconds?: () => number | undefined;
}

/** What only the databases themselves can tell. */
export type DatabaseReading = "replica-lag" | "writes-stopped" | "database-primary" | "reverse-lag" | "comparison-pause";

/** One migration's pair of databases, as cutover works with it. */
export interface DatabasePair {
  /** What its readings name as their source. */
  source: string;
  data: DataPort;
  readings: Record<DatabaseReading, () => Promise<Reading>>;
  /** What of the databases refuses the move as things are; undefined when nothing does, or writes are stopped already. */
  refused(): Promise<string | undefined>;
  /** Who else is connected to the old database, each in words. Rejects when it cannot be asked. */
  oldUsers(): Promise<string[]>;
}

/** One kind of database: a folder here, which alone knows its SQL, its settings and its replication. */
export interface DatabaseEngine {
  open(options: DatabaseOptions): DatabasePair;
}

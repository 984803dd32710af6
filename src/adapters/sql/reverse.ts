import { Terminal } from "../../errors.js";
import { tableName, tablesOf } from "./catalog.js";
import { inSession, literal, quoted, type Session, type SqlEndpoint } from "./session.js";

/** Name of the publication, the subscription and the slot between them. */
const NAME = "cutover_back";
const POLL_MS = 200;

export type Reverse = { supported: true; tables: number } | { supported: false; reason: string };

/**
 * Streams what is written to the promoted database back to the old one, by logical replication, so that a rollback
 * loses nothing. Called while both refuse writes, right after the promotion: both hold the same rows, so none is
 * copied. What is there already is left as it is.
 * @param publisher how the old database's server reaches the promoted one
 */
export async function startReverse(promoted: SqlEndpoint, old: SqlEndpoint, publisher: SqlEndpoint = promoted): Promise<Reverse> {
  const published = await inSession(promoted, publish, { write: true });
  if (!published.supported) return published;
  await inSession(old, (session) => subscribe(session, publisher), { write: true });
  return published;
}

/** Why nothing could stream back from a database, promoted or still a replica; undefined when nothing speaks against it. */
export async function obstacleToReverse(session: Session): Promise<string | undefined> {
  const level = await session.value<string>("SHOW wal_level");
  if (level === "logical") return undefined;
  return `wal_level is ${level}: set rds.logical_replication (wal_level = logical) in its parameter group before the cutover`;
}

async function publish(session: Session): Promise<Reverse> {
  const reason = await obstacleToReverse(session);
  if (reason !== undefined) return { supported: false, reason };
  const tables = await tablesOf(session);
  // Without a key the subscriber finds a changed row by all its columns.
  for (const table of tables.filter((t) => t.key.length === 0)) await session.rows(`ALTER TABLE ${tableName(table)} REPLICA IDENTITY FULL`);
  const there = await session.value<string>("SELECT count(*) FROM pg_publication WHERE pubname = $1", [NAME]);
  if (Number(there) === 0 && tables.length > 0)
    await session.rows(`CREATE PUBLICATION ${NAME} FOR TABLE ${tables.map(tableName).join(", ")}`);
  return { supported: true, tables: tables.length };
}

async function subscribe(session: Session, { host, port, database, user, password }: SqlEndpoint): Promise<void> {
  const there = await session.value<string>(
    "SELECT count(*) FROM pg_subscription WHERE subname = $1 AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    [NAME],
  );
  if (Number(there) > 0) return;
  const connection = Object.entries({ host, port, dbname: database, user, password, application_name: NAME })
    .map(([key, value]) => `${key}='${String(value).replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`)
    .join(" ");
  await session.rows(`CREATE SUBSCRIPTION ${NAME} CONNECTION ${literal(connection)} PUBLICATION ${NAME} WITH (copy_data = false)`);
}

/** Seconds until the stream is given up to drain. */
export interface StopOptions {
  /** @default 120 */
  timeoutSeconds?: number;
}

/**
 * Waits until the old database has everything, carries the sequences over (logical replication does not), and ends
 * the stream. Called while the promoted database refuses writes.
 * @returns how many sequences were carried over; nothing happens without a stream
 * @throws Terminal when the old database does not catch up in time; the stream goes on then
 */
export async function stopReverse(
  promoted: SqlEndpoint,
  old: SqlEndpoint,
  { timeoutSeconds = 120 }: StopOptions = {},
): Promise<{ sequences: number; drained: boolean }> {
  const streams = await inSession(promoted, (s) => s.value<string>("SELECT count(*) FROM pg_publication WHERE pubname = $1", [NAME]));
  if (Number(streams) === 0) return { sequences: 0, drained: true };
  await drained(promoted, timeoutSeconds);
  const sequences = await inSession(promoted, (session) =>
    session.rows<{ schema: string; name: string; value: string }>(
      "SELECT schemaname AS schema, sequencename AS name, last_value::text AS value FROM pg_sequences WHERE last_value IS NOT NULL",
    ),
  );
  await inSession(
    old,
    async (session) => {
      for (const { schema, name, value } of sequences)
        await session.rows(`SELECT setval(${literal(`${quoted(schema)}.${quoted(name)}`)}::regclass, ${value})`);
      await session.rows(`DROP SUBSCRIPTION IF EXISTS ${NAME}`);
    },
    { write: true },
  );
  await inSession(promoted, (session) => session.rows(`DROP PUBLICATION IF EXISTS ${NAME}`), { write: true });
  return { sequences: sequences.length, drained: true };
}

async function drained(promoted: SqlEndpoint, timeoutSeconds: number): Promise<void> {
  await inSession(promoted, async (session) => {
    const written = await session.value<string>("SELECT pg_current_wal_lsn()::text");
    const deadline = Date.now() + timeoutSeconds * 1_000;
    for (;;) {
      const [slot] = await session.rows<{ done: boolean; active: boolean; behind: string }>(
        `SELECT confirmed_flush_lsn >= $1::pg_lsn AS done, active, pg_size_pretty(pg_current_wal_lsn() - confirmed_flush_lsn) AS behind
         FROM pg_replication_slots WHERE slot_name = $2`,
        [written, NAME],
      );
      if (slot?.done === true) return;
      if (Date.now() > deadline) {
        const state =
          slot === undefined
            ? "its replication slot is gone"
            : `it is ${slot.behind} behind and ${slot.active ? "connected" : "not connected"}`;
        throw new Terminal(`The old database did not catch up with the promoted one within ${timeoutSeconds} s: ${state}.`, {
          next: "Look at the old database's log, mend the stream and try again; nothing is lost while the promoted database refuses writes.",
        });
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  });
}

import { known, type Reading, unknown } from "../../ports/observations.js";
import { inSession, quoted, type Session, type SqlEndpoint } from "./session.js";

/** SQLSTATE of a write in a read-only transaction. */
const READ_ONLY = "25006";

/**
 * Makes a database refuse or accept writes. It is the database's own default, so it holds for every new session of
 * every user, and a physical replica has it too: a promoted replica refuses writes until it is told otherwise. Sessions
 * that were there before are ended, since the default does not reach them.
 * @returns how many sessions were ended
 */
export async function setWrites(endpoint: SqlEndpoint, allowed: boolean): Promise<number> {
  const database = quoted(endpoint.database);
  return inSession(
    endpoint,
    async (session) => {
      await session.rows(
        allowed
          ? `ALTER DATABASE ${database} RESET default_transaction_read_only`
          : `ALTER DATABASE ${database} SET default_transaction_read_only = on`,
      );
      return endOthers(session);
    },
    { write: true },
  );
}

/** Replication's own backends stay: they are no writers. */
async function endOthers(session: Session): Promise<number> {
  const ended = await session.rows(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`,
  );
  return ended.length;
}

/**
 * Whether writes are really stopped, not only asked to: a new session is refused a write, and no session that was there
 * before is in the middle of one.
 */
export async function writesStopped(endpoint: SqlEndpoint): Promise<Reading> {
  return inSession(endpoint, async (session) => {
    if (!(await refusesWrites(session))) return known(0);
    const writing = await session.value<string>(
      `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
       AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL`,
    );
    return known(Number(writing) === 0 ? 1 : 0);
  }).catch((error: Error) => unknown(error.message));
}

/** Tries one, and takes it back when it succeeds. */
async function refusesWrites(session: Session): Promise<boolean> {
  await session.rows("BEGIN");
  try {
    await session.rows("CREATE TABLE cutover_write_probe (probe int)");
    return false;
  } catch (error) {
    if ((error as { code?: string }).code === READ_ONLY) return true;
    throw error;
  } finally {
    await session.rows("ROLLBACK");
  }
}

/** Whether the database is a primary, and not a replica in recovery. */
export async function isPrimary(endpoint: SqlEndpoint): Promise<Reading> {
  return inSession(endpoint, async (session) => known((await session.value<boolean>("SELECT NOT pg_is_in_recovery()")) ? 1 : 0)).catch(
    (error: Error) => unknown(error.message),
  );
}

/**
 * Seconds that a replica is behind its source. 0 means that it has replayed everything that the source had written when
 * it was asked: the source's own position is compared, for the time since the last replayed transaction says nothing
 * while the source is idle, or the stream is broken.
 */
export async function replicaLag(source: SqlEndpoint, replica: SqlEndpoint): Promise<Reading> {
  try {
    const written = await inSession(source, (s) => s.value<string>("SELECT pg_current_wal_lsn()::text"));
    return await inSession(replica, async (session) => {
      if (!(await session.value<boolean>("SELECT pg_is_in_recovery()"))) return unknown("it is no replica");
      const [row] = await session.rows<{ caught_up: boolean | null; seconds: number | null }>(
        `SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS caught_up,
                extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 AS seconds`,
        [written],
      );
      if (row?.caught_up === true) return known(0);
      // Behind by something, however short ago: never 0.
      return row?.seconds === null || row === undefined ? unknown("nothing was replayed yet") : known(Math.max(row.seconds, 0.1));
    });
  } catch (error) {
    return unknown((error as Error).message);
  }
}

/** Writes, reads and removes a row of cutover's own, also where the database still refuses writes to others. */
export async function verifyReadWrite(endpoint: SqlEndpoint): Promise<void> {
  const table = "cutover_verification";
  await inSession(
    endpoint,
    async (session) => {
      const wrote = `row ${Date.now()}`;
      await session.rows(`CREATE TABLE IF NOT EXISTS ${table} (note text NOT NULL)`);
      await session.rows(`INSERT INTO ${table} VALUES ($1)`, [wrote]);
      const read = await session.value<string>(`SELECT note FROM ${table} WHERE note = $1`, [wrote]);
      await session.rows(`DROP TABLE ${table}`);
      if (read !== wrote) throw new Error(`wrote "${wrote}" and read "${read}"`);
    },
    { write: true },
  );
}

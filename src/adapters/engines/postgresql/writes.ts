import { Terminal, Transient } from "../../../errors.js";
import { known, type Reading, unknown } from "../../../ports/observations.js";
import type { Effect } from "../../../ports/target.js";
import { close, doorkeepers, levelOf, open } from "./barrier.js";
import { GUARD, guarded, rehearsed } from "./guard.js";
import { inSession, type Session, type SqlEndpoint } from "./session.js";
import { beyondReach, endOthers, OWN_ROLE, obstaclesHere, preparedTransactions, refuseBeyond, rights } from "./sessions.js";

export interface WritesSet {
  /** Sessions that were ended. */
  ended: number;
  /** What a person should know of it. */
  notes: string[];
}

export interface StopOptions {
  /** The user that the application itself connects as. */
  applicationUser?: string;
  /** Going back, what is prepared stays so on the side that is left, and is said; before the cutover it is refused. @default false */
  goingBack?: boolean;
}

/**
 * Closes the barrier and ends the sessions that were there before. It is the database's own state, so a physical replica
 * has it too: a promoted one lets nobody in until it is told otherwise. Asked again, it is closed for what was opened since.
 * @throws Terminal naming what could go on writing; everything is as it was then
 */
export async function stopWrites(endpoint: SqlEndpoint, effect: Effect, options: StopOptions = {}): Promise<WritesSet> {
  let wasOpen = true;
  await guarded(endpoint, effect, async (session) => {
    wasOpen = (await levelOf(session)) === undefined;
    await refuse(session, endpoint, options);
    await close(session);
  });
  try {
    return await inSession(
      endpoint,
      async (session) => {
        const ended = await endOthers(session);
        // One may have come in between.
        refuseBeyond(await beyondReach(session), endpoint);
        const prepared = await preparedTransactions(session);
        if (options.goingBack !== true) await refuse(session, endpoint, options);
        return { ended, notes: prepared.length === 0 ? [] : [`Prepared transactions stay behind there: ${prepared.join(", ")}.`] };
      },
      { write: true },
    );
  } catch (error) {
    if (wasOpen && error instanceof Terminal) await guarded(endpoint, effect, (session) => open(session, "open"));
    throw error;
  }
}

/** Puts back who may connect and write, exactly as it was, and lets everybody connect again under it. */
export async function allowWrites(endpoint: SqlEndpoint, effect: Effect): Promise<WritesSet> {
  await guarded(endpoint, effect, (session) => open(session, "open"));
  return inSession(
    endpoint,
    async (session) => {
      const ended = await endOthers(session);
      // Not worth failing for: writes are allowed, and these sessions are only late to know.
      const left = (await beyondReach(session)).map((l) => l.role).join(", ");
      return { ended, notes: left === "" ? [] : [`Sessions of ${left} could not be, and may refuse writes until they connect again.`] };
    },
    { write: true },
  );
}

/** Lets everybody connect to a promoted database again, while transactions are still read-only by default. */
export const allowReading = (endpoint: SqlEndpoint, effect: Effect): Promise<void> =>
  guarded(endpoint, effect, async (session) => {
    if ((await levelOf(session)) === "closed") await open(session, "reading");
  });

async function refuse(session: Session, endpoint: SqlEndpoint, { applicationUser, goingBack = false }: StopOptions): Promise<void> {
  const { host, port, database, user } = endpoint;
  refuseBeyond(await beyondReach(session), endpoint);
  const shared = applicationUser === user ? [`${user} is cutover's own user and the application's: ${OWN_ROLE}`] : [];
  const first = goingBack ? [] : await beyondTheDoor(session, applicationUser);
  const here = goingBack ? [] : [...shared, ...first, ...(await obstaclesHere(session))];
  if (here.length > 0)
    throw new Terminal(`${host}:${port}/${database}: ${here.join("; ")}.`, { next: "Mend it, then try again: nothing was changed." });
}

/** The server's first superuser is taken for the provider's own, and stays: not where the application is said to be it. */
async function beyondTheDoor(session: Session, applicationUser: string | undefined): Promise<string[]> {
  const superuser = await session.value<boolean>("SELECT rolsuper FROM pg_roles WHERE rolname = current_user");
  const found = superuser ? undefined : (await doorkeepers(session)).find((d) => d.provider && d.role === applicationUser);
  return found === undefined
    ? []
    : [`${found.role} is the server's own superuser and the application's: nobody can keep it out; give the application a role of its own`];
}

/**
 * What would keep writes from being stopped surely, undefined when nothing does. It is tried on the database itself, in a
 * transaction that is taken back, and asked of the roles that are not connected now.
 */
export async function obstacleToStopping(endpoint: SqlEndpoint, options: StopOptions = {}): Promise<string | undefined> {
  try {
    return await rehearsed(endpoint, async (session) => {
      const [unseen] = await session.rows<{ roles: string | null }>(
        `SELECT string_agg(rolname, ', ' ORDER BY rolname) AS roles FROM pg_roles
         WHERE rolcanlogin AND NOT rolsuper AND has_database_privilege(oid, current_database(), 'CONNECT') AND NOT pg_has_role(oid, 'USAGE')
         AND NOT (pg_has_role('pg_signal_backend', 'USAGE') AND pg_has_role('pg_read_all_stats', 'USAGE'))`,
      );
      const seen =
        typeof unseen?.roles === "string"
          ? `${endpoint.user} may not see and end the sessions of ${unseen.roles}: ${rights(endpoint.user)}`
          : undefined;
      await refuse(session, endpoint, options);
      await close(session);
      return seen;
    });
  } catch (error) {
    // A server that does not answer speaks neither for nor against it.
    if (error instanceof Transient) throw error;
    return (error as Error).message;
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
export async function verifyReadWrite(endpoint: SqlEndpoint, effect: Effect): Promise<void> {
  // In our own schema: the application's may be called anything, and belong to anybody.
  const table = `${GUARD}.verification`;
  const wrote = `row ${Date.now()}`;
  await guarded(endpoint, effect, async (session) => {
    await session.rows(`CREATE TABLE IF NOT EXISTS ${table} (note text NOT NULL)`);
    await session.rows(`INSERT INTO ${table} VALUES ($1)`, [wrote]);
  });
  const read = await inSession(endpoint, (session) => session.value<string>(`SELECT note FROM ${table} WHERE note = $1`, [wrote]));
  await guarded(endpoint, effect, (session) => session.rows(`DROP TABLE ${table}`));
  if (read !== wrote) throw new Terminal(`${endpoint.host}:${endpoint.port}/${endpoint.database}: wrote "${wrote}" and read "${read}".`);
}

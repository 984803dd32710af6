import { setTimeout as sleep } from "node:timers/promises";
import { known, type Reading, unknown } from "../../../ports/observations.js";
import { closedSince, doorkeepers, enabledSubscriptions, levelOf } from "./barrier.js";
import { changesOf, GUARD } from "./guard.js";
import { inSession, type Session, type SqlEndpoint } from "./session.js";
import { backgroundWorkers, othersHere, preparedTransactions, rights } from "./sessions.js";
import { NAME } from "./subscription.js";

/** Between the two looks that a proof needs at least. */
const APART_MS = 3_000;

/** The server's own account of its work, at one moment. */
interface Look {
  /** Of our own clock. */
  at: number;
  /** Since when the barrier is closed: what was before that is none of the account's. */
  since: string | null;
  /** When the server started: its counters began again then. */
  started: string;
  /** The next transaction number of the whole server. */
  xid: string;
  /** Rows written to tables and large objects of the application. */
  rows: string;
  /** Anything written in other databases of the server. */
  elsewhere: string;
  /** The last work of autovacuum here. */
  vacuum: string;
  /** Changes of cutover's own. */
  ours: string;
  /** Whether what the promoted database writes is applied here. */
  streams: boolean;
}

/**
 * Whether writes are stopped, by the server's own account over time: the barrier stands, nobody but cutover is or may come
 * in, nothing is prepared or subscribed; and between two looks, seconds apart or as long as nobody asked, no row was written
 * and no transaction number was taken that is not accounted for. The account goes on from look to look, so a watch of two
 * weeks misses nothing in between.
 */
export function watchStopped(): (endpoint: SqlEndpoint) => Promise<Reading> {
  let last: (Look & { where: string }) | undefined;
  return async (endpoint) => {
    const where = `${endpoint.host}:${endpoint.port}/${endpoint.database}`;
    try {
      const standing = await inSession(endpoint, async (session) => {
        const reading = await stands(session, endpoint.user);
        return reading.known && reading.value === 1 ? { since: await closedSince(session) } : reading;
      });
      if (!("since" in standing)) {
        last = undefined;
        return standing;
      }
      if (last?.where !== where || last.since !== standing.since) last = { ...(await inSession(endpoint, lookAt)), where };
      const early = last.at + APART_MS - Date.now();
      if (early > 0) await sleep(early);
      const before = last;
      const [again, now] = await inSession(
        endpoint,
        async (session) => [await stands(session, endpoint.user), await lookAt(session)] as const,
      );
      last = { ...now, where };
      return !again.known || again.value === 0 ? again : between(before, now);
    } catch (error) {
      return unknown((error as Error).message);
    }
  };
}

/** The barrier, and who is inside. */
async function stands(session: Session, user: string): Promise<Reading> {
  if ((await levelOf(session)) !== "closed") return known(0);
  if ((await session.value<string>("SHOW default_transaction_read_only")) !== "on") return known(0);
  if ((await doorkeepers(session)).some((d) => !d.provider)) return known(0);
  if ((await preparedTransactions(session)).length > 0) return known(0);
  if ((await enabledSubscriptions(session)).length > 0 || (await backgroundWorkers(session)).length > 0) return known(0);
  const others = await othersHere(session);
  if (others.writing) return known(0);
  if (others.hidden !== null) return unknown(`${user} may not see what the sessions of ${others.hidden} are: ${rights(user)}`);
  return known(others.who === null ? 1 : 0);
}

async function lookAt(session: Session): Promise<Look> {
  const [row] = await session.rows<Omit<Look, "at" | "ours" | "since">>(
    `SELECT pg_postmaster_start_time()::text AS started, txid_snapshot_xmax(txid_current_snapshot())::text AS xid,
            (SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::text FROM pg_stat_all_tables
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', '${GUARD}') OR relname = 'pg_largeobject') AS rows,
            (SELECT coalesce(sum(tup_inserted + tup_updated + tup_deleted), 0)::text FROM pg_stat_database
             WHERE datname IS DISTINCT FROM current_database()) AS elsewhere,
            (SELECT coalesce(max(greatest(last_autovacuum, last_autoanalyze))::text, '') || (SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND backend_type = 'autovacuum worker') FROM pg_stat_all_tables) AS vacuum,
            EXISTS (SELECT FROM pg_subscription WHERE subname = $1 AND subenabled
                    AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())) AS streams`,
    [NAME],
  );
  if (row === undefined) throw new Error("the server gave no account of itself");
  return { ...row, at: Date.now(), ours: await changesOf(session), since: await closedSince(session) };
}

/** What the server did between two looks. */
function between(before: Look, now: Look): Reading {
  if (before.started !== now.started) return unknown("the server was started again since the last look: its account begins again");
  // What streams back is applied by the server itself, for cutover; nobody else is inside.
  if (before.streams || now.streams) return known(1);
  if (before.rows !== now.rows) return known(0);
  if (before.xid === now.xid) return known(1);
  const accounted = before.elsewhere !== now.elsewhere || before.vacuum !== now.vacuum || before.ours !== now.ours;
  return known(accounted ? 1 : 0);
}

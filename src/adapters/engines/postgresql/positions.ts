import { setTimeout as sleep } from "node:timers/promises";
import { Terminal, Transient } from "../../../errors.js";
import type { Session } from "./session.js";

const LOOK_MS = 100;

/** Up to where the replica has replayed: the end of a record. */
export const replayed = (replica: Session): Promise<string> => replica.value<string>("SELECT pg_last_wal_replay_lsn()::text");

/** Up to where the source has written; what lies behind a page's own header begins on the page before. */
const written = (source: Session): Promise<string> =>
  source.value<string>(
    // PostgreSQL 13 subtracts no numbers from positions.
    `SELECT upper(to_hex(at >> 32) || '/' || to_hex(at & 4294967295))
     FROM (SELECT CASE WHEN mod(p, 8192) IN (24, 40) THEN p - mod(p, 8192) ELSE p END AS at
           FROM (SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint AS p) here) there`,
  );

/**
 * Waits until the replica has replayed all that the source has written by now.
 * @throws Transient
 */
export async function caughtUp(source: Session, replica: Session, mostMs: number): Promise<void> {
  const position = await written(source);
  for (const until = Date.now() + mostMs; ; await sleep(LOOK_MS)) {
    if (await replica.value<boolean>("SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn", [position])) return;
    if (Date.now() > until) throw new Transient(`The replica has not replayed ${position} within ${Math.round(mostMs / 1_000)} s.`);
  }
}

/**
 * Waits until whoever was in the middle of a transaction on the source has ended, there and on the replica. A row's block
 * is touched when it is written, and the row is seen only from the commit on, which touches no block: a comparison that
 * begins before would take for unchanged what appears later.
 *
 * Whoever has a transaction number holds a lock on it, which everybody may see; a prepared transaction too.
 * @throws Transient naming the oldest of them
 */
export async function othersEnded(source: Session, replica: Session, mostMs: number): Promise<void> {
  const until = Date.now() + mostMs;
  const before = await source.rows<{ xid: string; pid: number | null }>(
    "SELECT transactionid::text AS xid, pid FROM pg_locks WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted",
  );
  let left = before;
  while (left.length > 0) {
    left = await source.rows<{ xid: string; pid: number | null }>(
      `SELECT transactionid::text AS xid, pid FROM pg_locks
       WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted AND transactionid::text = ANY($1)`,
      [before.map((b) => b.xid)],
    );
    if (left.length === 0) break;
    const [first] = left;
    if (Date.now() > until)
      throw new Transient(
        first?.pid === null
          ? "A prepared transaction is open on the source: COMMIT PREPARED or ROLLBACK PREPARED it."
          : `The transaction of process ${first?.pid} on the source has been open for longer than the comparison waits: end it.`,
      );
    await sleep(LOOK_MS);
  }
  await caughtUp(source, replica, Math.max(until - Date.now(), 1_000));
}

/** What must stay the same between two looks for the log to lead from one to the other. */
export async function identityOf(source: Session, replica: Session): Promise<string> {
  if (await source.value<boolean>("SELECT pg_is_in_recovery()")) throw new Terminal("The source is itself a replica.");
  if (!(await replica.value<boolean>("SELECT pg_is_in_recovery()"))) throw new Terminal("The replica is none any more.");
  const [ours, theirs] = [await control(source), await control(replica)];
  if (ours.system !== theirs.system)
    throw new Terminal(`The replica is none of this source: its system identifier is ${theirs.system}, and the source's ${ours.system}.`);
  const started = await replica.value<string>("SELECT pg_postmaster_start_time()::text");
  return `${ours.system}/${ours.timeline}, replica started ${started}`;
}

const control = async (session: Session): Promise<{ system: string; timeline: number }> => {
  const [found] = await session
    .rows<{ system: string; timeline: number }>(
      "SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system, (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline",
    )
    .catch((error: Error & { code?: string }) => {
      if (error.code === "42501") return [];
      throw error;
    });
  return found ?? { system: "not told", timeline: 0 };
};

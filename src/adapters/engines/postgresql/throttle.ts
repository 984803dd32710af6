import { setTimeout as sleep } from "node:timers/promises";
import type { Session } from "./session.js";

/**
 * What a comparison ahead of the window takes from a production database at most: one statement at a time on either server,
 * about half a second each, and half of the time none. While the source is busy or the replica is behind, one in a minute.
 */
export interface Limits {
  /** Sessions of others that are at work on the source; more of them, and it waits. @default 20 */
  activeSessions?: number;
  /** Of log that the replica has yet to replay; more, and it waits. @default 128 MB */
  lagBytes?: number;
  /** How long it waits at most before it reads one piece more. @default 60 000 */
  waitMs?: number;
  /** Between two looks at what the servers do. @default 2 000 */
  lookMs?: number;
  /** Pause after each piece, as a share of the time that it took. @default 1 */
  rest?: number;
}

/** Waits after a piece that took so long. @returns whether it had to wait for the servers */
export type Throttle = (tookMs: number, signal?: AbortSignal) => Promise<boolean>;

export const unthrottled: Throttle = async () => false;

export function throttleBy(
  source: Session,
  replica: Session,
  { activeSessions = 20, lagBytes = 128 * 1024 * 1024, waitMs = 60_000, lookMs = 2_000, rest = 1 }: Limits = {},
): Throttle {
  let looked = 0;
  let busy = false;
  const look = async (): Promise<boolean> => {
    looked = Date.now();
    const [at] = await source.rows<{ active: number; written: string }>(
      `SELECT (SELECT count(*)::int FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND application_name <> 'cutover'
               AND backend_type = 'client backend') AS active, pg_current_wal_lsn()::text AS written`,
    );
    const lag = await replica.value<number>(
      "SELECT (pg_current_lsn - pg_last_wal_replay_lsn())::float8 FROM (SELECT $1::pg_lsn AS pg_current_lsn) w",
      [at?.written],
    );
    busy = (at?.active ?? 0) > activeSessions || lag > lagBytes;
    return busy;
  };
  return async (tookMs, signal) => {
    const options = signal === undefined ? {} : { signal };
    if (rest > 0) await sleep(tookMs * rest, undefined, options);
    if (Date.now() - looked < lookMs && !busy) return false;
    let waited = false;
    for (const until = Date.now() + waitMs; (await look()) && Date.now() < until; waited = true) await sleep(lookMs, undefined, options);
    return waited;
  };
}

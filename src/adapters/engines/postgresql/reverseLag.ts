import { setTimeout as sleep } from "node:timers/promises";
import { known, type Reading, unknown } from "../../../ports/observations.js";
import { carrySchema } from "./carry.js";
import { driftOf, losing, namedDrift, otherwise } from "./drift.js";
import { mendIdentities } from "./identity.js";
import { standing, whyLost } from "./reverse.js";
import { inSession, type Session, type SqlEndpoint } from "./session.js";
import { IS_OUR_SLOT } from "./subscription.js";

/** How long a look waits for the old database to confirm what was written when it began: a busy one is never quite there. */
const CONFIRM_MS = 3_000;
const POLL_MS = 200;
/** Of two looks further apart than this, in seconds, the earlier one says nothing of the later one. */
const APART_S = 60;
/** Read when not all that the promoted database holds can stream, since its schema is another one than the old one's. */
const SCHEMA_CHANGED = -2;
/** Positions kept: hours of looks. */
const MOST = 720;

interface Position {
  /** On the promoted database's own clock, in seconds since the epoch. */
  at: number;
  /** Bytes of WAL that it had written by then. */
  written: number;
}

/**
 * How far the old database is behind the promoted one, in seconds. PostgreSQL knows that in bytes only: a look waits a
 * little for what was written when it began, and remembers it, so that a later one knows since when it is not confirmed.
 * Where nobody looked for a while, that is unknown until it is confirmed. What is lost for good reads -1, as RDS's own
 * ReplicaLag does: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html.
 */
export function watchReverse(
  schemaChanges: () => "carry" | "hold" = () => "hold",
): (promoted: SqlEndpoint, old: SqlEndpoint) => Promise<Reading> {
  let positions: Position[] = [];
  const look = async (promoted: SqlEndpoint, old: SqlEndpoint): Promise<Reading> => {
    const there = await standing(promoted, old);
    if (whyLost(there) !== undefined) return known(-1);
    if (there.progress === "drained") return unknown("what streamed back is said to be there as a whole, and nothing streams any more");
    if (there.progress !== "streams") return unknown("nothing streams back to the old database");
    await mendIdentities(promoted);
    // A migration of the application: what it added streams from now on, or is said before anybody depends on it.
    if (schemaChanges() === "carry") await carrySchema(promoted, old);
    const all = await driftOf(promoted, old);
    const drift = losing(all);
    if (drift.length > 0) return known(SCHEMA_CHANGED, namedDrift(drift));
    const beside = otherwise(all);
    const note = beside.length === 0 ? undefined : `nothing is lost by it: ${namedDrift(beside)}`;
    const { position, confirmed, waitedMs } = await inSession(promoted, confirmation);
    const { at, written } = position;
    const last = positions.findLastIndex((p) => p.written <= confirmed);
    const [before, after = position] = [positions[last], positions[last + 1]];
    positions = [...positions.slice(Math.max(last, 0)), position];
    // What is left out makes a lag longer, never shorter.
    if (positions.length > MOST) positions.splice(1, 1);
    if (confirmed >= written) return known(Math.round(waitedMs / 100) / 10, note);
    // Not confirmed is what was written since then: some time before the look after it.
    if (before === undefined || after.at - before.at > APART_S)
      return unknown(`it is behind, for ${Math.max(0, Math.round(at - after.at))} s or longer`);
    return known(Math.max(0.1, at - before.at) + waitedMs / 1_000, note);
  };
  return (promoted, old) => look(promoted, old).catch((error: Error) => unknown(error.message));
}

/** What was written when asked, and what of it the old database has confirmed by the time that it was waited for. */
async function confirmation(session: Session): Promise<{ position: Position; confirmed: number; waitedMs: number }> {
  const [position = { at: 0, written: 0 }] = await session.rows<Position & Record<string, unknown>>(
    "SELECT extract(epoch FROM clock_timestamp())::float8 AS at, (pg_current_wal_lsn() - '0/0'::pg_lsn)::float8 AS written",
  );
  const began = Date.now();
  for (;;) {
    // A slot that has just gone has confirmed nothing; the next look says that it is lost.
    const confirmed = await session.value<number>(
      `SELECT coalesce((SELECT (confirmed_flush_lsn - '0/0'::pg_lsn)::float8 FROM pg_replication_slots
       WHERE ${IS_OUR_SLOT}), 0)`,
    );
    const waitedMs = Date.now() - began;
    if (confirmed >= position.written || waitedMs >= CONFIRM_MS) return { position, confirmed, waitedMs };
    await sleep(POLL_MS);
  }
}

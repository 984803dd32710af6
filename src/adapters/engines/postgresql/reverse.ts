import { Terminal, Transient } from "../../../errors.js";
import type { Effect } from "../../../ports/target.js";
import { notApplied } from "./applies.js";
import { carrySchema } from "./carry.js";
import { type AfterDrain, compareDrained } from "./drained.js";
import { type Drift, driftOf } from "./drift.js";
import { chooseIdentities, restoreIdentities, streamTables, whyNotStreamed } from "./identity.js";
import { carryLargeObjects } from "./largeObjects.js";
import { type CarriedSequences, carrySequences } from "./sequences.js";
import { inSession, literal, type Session, type SqlEndpoint } from "./session.js";
import { createSlot, IS_OUR_SLOT, NAME, subscribeTo } from "./subscription.js";
import { restoreTriggers, silenceTriggers } from "./triggers.js";

const POLL_MS = 200;
/** How long a slot may stay in use after its subscription ended. */
const RELEASE_MS = 10_000;

/** What keeps a part of the database from streaming back, by its name. */
export interface Left {
  name: string;
  why: string;
}

export type Reverse = { supported: true; tables: number; left: Left[] } | { supported: false; reason: string };

type Published = { supported: true; names: string[]; left: Left[] } | Extract<Reverse, { supported: false }>;

/**
 * How far a stream is, as the publication's comment says: a process may die between any two statements on two servers,
 * and whoever is asked next must know whether anything streamed that has to be drained.
 */
type Progress = "streams" | "drained";

/** What is there of a stream, on both servers. */
export interface Standing {
  published: boolean;
  progress: Progress | null;
  subscribed: boolean;
  slot: "usable" | "lost" | null;
}

/**
 * Streams what is written to the promoted database back to the old one, by logical replication, so that a rollback
 * loses nothing. Called while both refuse writes, right after the promotion: both hold the same rows, so none is
 * copied. What is there already is left as it is.
 * @param publisher how the old database's server reaches the promoted one
 * @throws Terminal where a stream was lost: another one would hide what the old database has missed
 */
export async function startReverse(promoted: SqlEndpoint, old: SqlEndpoint, publisher: SqlEndpoint = promoted): Promise<Reverse> {
  const refused = await notApplied(old);
  const published = await inSession(promoted, (session) => publish(session, old, refused), { write: true });
  if (!published.supported) return published;
  const { names, left } = published;
  const started = { supported: true, tables: names.length, left } as const;
  if (names.length === 0) return started;
  const there = await standing(promoted, old);
  refuseLost(there);
  if (!there.subscribed || there.slot !== "usable") {
    // What an attempt left that died while it subscribed, or a stream that ended: nothing comes through it any more.
    await inSession(old, unsubscribe, { write: true });
    await subscribeTo(old, publisher, await inSession(promoted, makeSlot, { write: true }));
  }
  await inSession(old, (session) => silenceTriggers(session, names), { write: true });
  await inSession(promoted, (session) => remember(session, "streams"), { write: true });
  return started;
}

/** Why nothing could stream back from a database, promoted or still a replica; undefined when nothing speaks against it. */
export async function obstacleToReverse(session: Session): Promise<string | undefined> {
  const level = await session.value<string>("SHOW wal_level");
  if (level === "logical") return undefined;
  return `wal_level is ${level}: set rds.logical_replication (wal_level = logical) in its parameter group before the cutover`;
}

/**
 * Publishes what can stream without making any write of the application fail, and names the rest.
 * @param refused tables whose rows the old database would not take, each with why
 */
async function publish(session: Session, old: SqlEndpoint, refused: ReadonlyMap<string, string>): Promise<Published> {
  const reason = await obstacleToReverse(session);
  if (reason !== undefined) return { supported: false, reason };
  const all = await streamTables(session);
  const left = all.flatMap((t): Left[] => {
    const why = whyNotStreamed(t) ?? refused.get(t.table);
    return why === undefined ? [] : [{ name: t.table, why }];
  });
  const without = new Set(left.map((l) => l.name));
  const tables = all.map((t) => t.table).filter((table) => !without.has(table));
  // Before it is published: from then on a table without an identity refuses the application's updates.
  const wanted = new Set(tables);
  await chooseIdentities(session, wanted);
  await inSession(old, (there) => chooseIdentities(there, wanted), { write: true });
  // Only each: one that inherits from it may be one of those that are left out.
  if (!(await isPublished(session)) && tables.length > 0)
    await session.rows(`CREATE PUBLICATION ${NAME} FOR TABLE ${tables.map((t) => `ONLY ${t}`).join(", ")}`);
  return { supported: true, names: tables, left };
}

const isPublished = (session: Session): Promise<boolean> =>
  session.value<boolean>("SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1)", [NAME]);

const isSubscribed = (session: Session): Promise<boolean> =>
  session.value<boolean>(
    `SELECT EXISTS (SELECT FROM pg_subscription
     WHERE subname = $1 AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()))`,
    [NAME],
  );

export async function standing(promoted: SqlEndpoint, old: SqlEndpoint): Promise<Standing> {
  const publisher = await inSession(promoted, async (session) => ({
    published: await isPublished(session),
    progress: await progressOf(session),
    slot: await slotOf(session),
  }));
  return { ...publisher, subscribed: await inSession(old, isSubscribed) };
}

const progressOf = (session: Session): Promise<Progress | null> =>
  session.value<Progress | null>("SELECT (SELECT obj_description(oid, 'pg_publication') FROM pg_publication WHERE pubname = $1)", [NAME]);

/** By JSON: servers before 13 do not know the column. */
const slotOf = (session: Session): Promise<Standing["slot"]> =>
  session.value<Standing["slot"]>(
    `SELECT (SELECT CASE to_jsonb(s) ->> 'wal_status' WHEN 'lost' THEN 'lost' ELSE 'usable' END
     FROM pg_replication_slots s WHERE ${IS_OUR_SLOT})`,
  );

async function remember(session: Session, progress: Progress): Promise<void> {
  if (await isPublished(session)) await session.rows(`COMMENT ON PUBLICATION ${NAME} IS ${literal(progress)}`);
}

/** Before the promoted database accepts writes again: a stream that was drained is no longer. False where none is there. */
export async function drainAnew(session: Session): Promise<boolean> {
  if (!(await isPublished(session))) return false;
  if ((await progressOf(session)) === "drained") await remember(session, "streams");
  return true;
}

/** A new one; what the publication's comment said of an earlier stream says nothing about this one. */
async function makeSlot(session: Session): Promise<string> {
  await dropSlot(session);
  if ((await progressOf(session)) !== null) await session.rows(`COMMENT ON PUBLICATION ${NAME} IS NULL`);
  return createSlot(session);
}

/** @throws Terminal when something streamed whose rest can never arrive */
function refuseLost(there: Standing): void {
  const why = whyLost(there);
  if (why !== undefined) throw lost(why);
}

/** Why the rest of what streamed can never arrive; undefined when it can, or nothing streamed. */
export function whyLost({ progress, subscribed, slot }: Standing): string | undefined {
  if (progress === "drained") return undefined;
  if (slot !== "usable" && (progress === "streams" || subscribed))
    return slot === "lost" ? "its replication slot was invalidated" : "its replication slot is gone";
  return progress === "streams" && !subscribed ? "its subscription is gone" : undefined;
}

const lost = (why: string): Terminal =>
  new Terminal(`The stream back from the promoted database is broken: ${why}, so the old one may miss what was written since.`, {
    next: `Keep the application from writing, compare both databases, carry over the rows and sequences that the old one misses, say so by COMMENT ON PUBLICATION ${NAME} IS 'drained' on the promoted one, and try again.`,
  });

export interface StopOptions {
  /** Seconds until the stream is given up to drain. @default 120 */
  timeoutSeconds?: number;
  /** False ends it as it is: what has not arrived stays behind. @default true */
  drain?: boolean;
  /** Whether what a migration added since the promotion is brought to the old database before. @default "hold" */
  schemaChanges?: "carry" | "hold";
  /** Once nothing streams any more, what else fails is said and left: the old database has everything, and takes over. @default false */
  handsOver?: boolean;
  /** The runner's, whose fence is checked with each change of the schema. */
  effect?: Effect;
}

export interface Ended {
  /** `before` when an earlier attempt had drained the stream, and was interrupted; `nothing` when none was there. */
  drained: "now" | "before" | "nothing" | "not asked";
  /** Those that were carried over now, and those that stay as they were at the promotion. */
  sequences: CarriedSequences;
  /** Parts of the promoted database's schema that the old one has not, or has otherwise. */
  drift: Drift[];
  /** What was read row by row once it was drained; undefined where nothing was. */
  compared?: AfterDrain;
  /** Why something of the stream is left on a server. */
  remains?: string;
}

/**
 * Waits until the old database has everything, carries the sequences over (logical replication does not), and ends
 * the stream. Called while the promoted database refuses writes. Without a stream nothing is drained, and what an
 * attempt to start one left behind is removed.
 * @throws Terminal when the old database does not catch up in time; the stream goes on then. At once when it never can.
 */
export async function stopReverse(
  promoted: SqlEndpoint,
  old: SqlEndpoint,
  { timeoutSeconds = 120, drain = true, schemaChanges = "hold", handsOver = false, effect }: StopOptions = {},
): Promise<Ended> {
  const there = await standing(promoted, old);
  if (drain) refuseLost(there);
  let ended: Ended = {
    drained: !drain ? "not asked" : there.progress === "drained" ? "before" : "nothing",
    sequences: { carried: 0, left: [] },
    drift: [],
  };
  // Also where an earlier attempt drained it: somebody may have let the promoted database accept writes in between.
  if (drain && there.subscribed && there.slot === "usable") {
    if (schemaChanges === "carry") await carrySchema(promoted, old, effect);
    await drained(promoted, old, timeoutSeconds);
    const sequences = await carrySequences(promoted, old);
    const objects = await carryLargeObjects(promoted, old);
    sequences.left.push(...objects.left);
    ended = { drained: "now", sequences, drift: await driftOf(promoted, old), compared: await compareDrained(promoted, old) };
    await inSession(promoted, (session) => remember(session, "drained"), { write: true });
  }
  if (there.subscribed) await inSession(old, unsubscribe, { write: true });
  try {
    if (there.published || there.slot !== null || there.subscribed) await inSession(promoted, unpublish, { write: true });
    await Promise.all([restoreIdentities(promoted), restoreIdentities(old)]);
  } catch (error) {
    if (!handsOver) throw error;
    ended.remains = (error as Error).message;
  }
  return ended;
}

async function drained(promoted: SqlEndpoint, old: SqlEndpoint, timeoutSeconds: number): Promise<void> {
  await inSession(promoted, async (session) => {
    const written = await session.value<string>("SELECT pg_current_wal_lsn()::text");
    const deadline = Date.now() + timeoutSeconds * 1_000;
    for (;;) {
      const [slot] = await session.rows<{ done: boolean; active: boolean; behind: string }>(
        `SELECT confirmed_flush_lsn >= $1::pg_lsn AS done, active, pg_size_pretty(pg_current_wal_lsn() - confirmed_flush_lsn) AS behind
         FROM pg_replication_slots WHERE ${IS_OUR_SLOT}`,
        [written],
      );
      if (slot === undefined) throw lost("its replication slot is gone");
      if (slot.done && (await inSession(old, copied))) return;
      if (Date.now() > deadline) {
        const state = `it is ${slot.behind} behind and ${slot.active ? "connected" : "not connected"}`;
        throw new Terminal(`The old database did not catch up with the promoted one within ${timeoutSeconds} s: ${state}.`, {
          next: "Look at the old database's log, mend the stream and try again; nothing is lost: what is written to the promoted database meanwhile is drained then.",
        });
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  });
}

/** The rows that tables had when they began to stream are there as well. By the view: on 13 nobody but a superuser may read a subscription's oid. */
const copied = (session: Session): Promise<boolean> =>
  session.value<boolean>(
    "SELECT coalesce(bool_and(srsubstate = 'r'), true) FROM pg_subscription_rel WHERE srsubid IN (SELECT subid FROM pg_stat_subscription WHERE subname = $1)",
    [NAME],
  );

/** Lets go of the slot first: the promoted database drops it itself, also where the old one's server cannot reach it any more. */
async function unsubscribe(session: Session): Promise<void> {
  if (!(await isSubscribed(session))) return;
  await session.rows("BEGIN");
  await restoreTriggers(session);
  await session.rows(`ALTER SUBSCRIPTION ${NAME} DISABLE`);
  await session.rows(`ALTER SUBSCRIPTION ${NAME} SET (slot_name = NONE)`);
  await session.rows(`DROP SUBSCRIPTION ${NAME}`);
  await session.rows("COMMIT");
}

/** With the slot: it would keep the promoted database's WAL for ever. */
async function unpublish(session: Session): Promise<void> {
  await dropSlot(session);
  await session.rows(`DROP PUBLICATION IF EXISTS ${NAME}`);
}

/** Its subscription has ended: what still holds the slot is a backend that has not noticed yet. */
async function dropSlot(session: Session): Promise<void> {
  const deadline = Date.now() + RELEASE_MS;
  for (;;) {
    const [slot] = await session.rows<{ name: string; pid: number | null }>(
      `SELECT slot_name::text AS name, active_pid AS pid FROM pg_replication_slots WHERE ${IS_OUR_SLOT}`,
    );
    if (slot === undefined) return;
    if (slot.pid === null) return void (await session.rows("SELECT pg_drop_replication_slot($1)", [slot.name]));
    if (Date.now() > deadline)
      throw new Transient(`The replication slot ${slot.name} is still in use by process ${slot.pid} of the server.`);
    await session.rows("SELECT pg_terminate_backend($1)", [slot.pid]);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

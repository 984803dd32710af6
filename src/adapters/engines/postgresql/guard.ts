import { Conflict } from "../../../errors.js";
import type { Effect } from "../../../ports/target.js";
import { inSession, quoted, type Session, type SqlEndpoint } from "./session.js";

/**
 * What cutover keeps in a database that it guards, in a schema of its own: the newest fencing token, and what the barrier
 * changed. It is neither compared nor streamed; a physical replica has it too.
 */
export const GUARD = "cutover_guard";

/** No statement of ours waits in front of the application's for a lock. */
const LOCK_MS = 5_000;

/** Of the database's owner, whom each administrator is or is a member of: another one may take over from the first. */
const TABLES = (owner: string) => [
  `CREATE SCHEMA IF NOT EXISTS ${GUARD} AUTHORIZATION ${owner}`,
  `CREATE TABLE IF NOT EXISTS ${GUARD}.fence (scope text PRIMARY KEY, token bigint NOT NULL, changes bigint NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS ${GUARD}.barrier (one boolean PRIMARY KEY DEFAULT true CHECK (one), level text NOT NULL, state jsonb NOT NULL)`,
  `ALTER TABLE ${GUARD}.fence OWNER TO ${owner}`,
  `ALTER TABLE ${GUARD}.barrier OWNER TO ${owner}`,
];

/** Leases are counted per stack, and an effect's key begins with its stack. */
const scopeOf = (key: string): string => (key.includes("/") ? key.slice(0, key.indexOf("/")) : "");

/**
 * Runs `change` in one transaction with the check of the runner's fencing token: a runner that lost its lease, and comes
 * back late, changes nothing. The row stays locked until the change is there, so of two runners one comes first.
 * @throws Conflict when a newer runner was here
 */
export function guarded<T>(endpoint: SqlEndpoint, effect: Effect, change: (session: Session) => Promise<T>): Promise<T> {
  return inSession(
    endpoint,
    async (session) => {
      await session.rows(`SET lock_timeout = ${LOCK_MS}`);
      return transaction(session, "COMMIT", async () => {
        await takeFence(session, effect, endpoint);
        return change(session);
      });
    },
    { write: true },
  );
}

/** The same change, taken back at once: what it would meet. Nothing but its own error comes of it. */
export function rehearsed<T>(endpoint: SqlEndpoint, change: (session: Session) => Promise<T>): Promise<T> {
  return inSession(
    endpoint,
    async (session) => {
      await session.rows(`SET lock_timeout = ${LOCK_MS}`);
      return transaction(session, "ROLLBACK", async () => {
        await makeTables(session);
        return change(session);
      });
    },
    { write: true },
  );
}

async function transaction<T>(session: Session, end: "COMMIT" | "ROLLBACK", use: () => Promise<T>): Promise<T> {
  await session.rows("BEGIN");
  try {
    const result = await use();
    await session.rows(end);
    return result;
  } catch (error) {
    await session.rows("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

async function makeTables(session: Session): Promise<void> {
  if (await isGuarded(session)) return;
  const owner = await session.value<string>("SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()");
  for (const statement of TABLES(quoted(owner))) await session.rows(statement);
}

/**
 * Runs `change` in one transaction with a look whether it may still be: a runner that was fenced off, or looks while
 * another one hands over, changes nothing.
 * @param effect the runner's; absent where a look brings something over, which a stream still has to stand for
 */
export async function fenced(
  session: Session,
  endpoint: SqlEndpoint,
  effect: Effect | undefined,
  change: () => Promise<void>,
): Promise<void> {
  await session.rows(`SET lock_timeout = ${LOCK_MS}`);
  await transaction(session, "COMMIT", async () => {
    if (effect !== undefined) await takeFence(session, effect, endpoint);
    else if (await isGuarded(session)) await session.rows(`SELECT FROM ${GUARD}.fence FOR SHARE`);
    await change();
  });
}

async function takeFence(session: Session, { key, fence }: Effect, { host, port, database }: SqlEndpoint): Promise<void> {
  await makeTables(session);
  const scope = scopeOf(key);
  await session.rows(`INSERT INTO ${GUARD}.fence VALUES ($1, $2, 0) ON CONFLICT DO NOTHING`, [scope, fence]);
  const taken = await session.rows(
    `UPDATE ${GUARD}.fence SET token = $2, changes = changes + 1 WHERE scope = $1 AND token <= $2 RETURNING 1`,
    [scope, fence],
  );
  if (taken.length > 0) return;
  const newest = await session.value<string>(`SELECT token::text FROM ${GUARD}.fence WHERE scope = $1`, [scope]);
  throw new Conflict(`${host}:${port}/${database}: the lease ${fence} was lost, ${newest} is in force: nothing was changed.`, {
    next: `Where cutover's store was set up again, and no older service runs: DELETE FROM ${GUARD}.fence on that database.`,
  });
}

/** Whether cutover has been here. */
export const isGuarded = (session: Session): Promise<boolean> =>
  session.value<boolean>("SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL", [`${GUARD}.fence`, `${GUARD}.barrier`]);

/** How often cutover itself changed something here. */
export async function changesOf(session: Session): Promise<string> {
  return (await isGuarded(session)) ? session.value<string>(`SELECT coalesce(sum(changes), 0)::text FROM ${GUARD}.fence`) : "0";
}

/** Tells a database of a newer runner before another one is changed: what an older one still holds in its hands ends there. */
export const fenceOff = (endpoint: SqlEndpoint, effect: Effect): Promise<void> => guarded(endpoint, effect, async () => undefined);

import { Terminal, Transient } from "../../../errors.js";
import { inSession, literal, quoted, type Session, type SqlEndpoint } from "./session.js";

/** Name of the publication and the subscription. */
export const NAME = "cutover_back";
/** Until an attempt to subscribe is given up that only tries. */
const PROBE_MS = 15_000;
/** Without tables, and only while it is tried: a server warns of a publication that is not there. */
const PROBE = `${NAME}_probe`;
/** Until a replica knows of it. */
const SEEN_MS = 10_000;
const POLL_MS = 100;

/** Slots are the server's, and several of its databases may move: each has one of its own. Earlier versions knew one alone. */
const slotOf = (database: string): string => `'${NAME}_' || (SELECT oid FROM pg_database WHERE datname = ${database})`;
/** The stream's slot, as a condition on pg_replication_slots in the promoted database. */
export const IS_OUR_SLOT = `database = current_database() AND slot_name::text IN ('${NAME}', ${slotOf("current_database()")})`;

/**
 * Makes the slot. @returns its name
 * @throws Transient naming who is in the middle of a transaction, in whichever database of the server: it waits for all of them
 */
export const createSlot = (session: Session): Promise<string> =>
  session
    .value<string>(`SELECT slot_name::text FROM pg_create_logical_replication_slot(${slotOf("current_database()")}, 'pgoutput')`)
    .catch(async (error: Error & { code?: string }) => {
      if (error.code !== "55P03") throw error;
      const open = await session.rows<{ what: string }>(
        `SELECT format('the prepared transaction %s of %s', gid, database) AS what FROM pg_prepared_xacts
         UNION ALL SELECT format('process %s of %s', pid, datname) FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()`,
      );
      throw new Transient(`No replication slot can be made before these end: ${open.map((o) => o.what).join(", ") || "not told"}.`, {
        cause: error,
      });
    });

/**
 * Servers log statements, with their parameters too where `log_min_duration_statement` says so, and this one holds a
 * password: it comes as a setting with the start of the session, which no server logs.
 */
const publishedAt = ({ host, port, database, user, password }: SqlEndpoint): Record<string, string> => ({
  "cutover.publisher": Object.entries({ host, port, dbname: database, user, password, application_name: NAME })
    .map(([key, value]) => `${key}='${String(value).replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`)
    .join(" "),
});

/** Subscribes to what the slot keeps; what is there already is on both sides. */
export const subscribeTo = (old: SqlEndpoint, publisher: SqlEndpoint, slot: string): Promise<void> =>
  inSession(
    old,
    async (session) => {
      await beQuiet(session);
      await subscribe(session, NAME, NAME, `create_slot = false, slot_name = ${literal(slot)}, copy_data = false`);
    },
    { write: true, startWith: publishedAt(publisher) },
  );

/**
 * Why the old database's server could not subscribe to the new one, by its rights or over the network; undefined when it
 * could. It tries, in a transaction that is rolled back: the server connects to the publisher and makes nothing there.
 * @param replica what the publisher is; what is published on the old database is there as well
 */
export async function obstacleToSubscription(old: SqlEndpoint, publisher: SqlEndpoint, replica: SqlEndpoint): Promise<string | undefined> {
  const attempt = () =>
    inSession(
      old,
      async (session) => {
        await beQuiet(session);
        await session.rows("BEGIN");
        await subscribe(session, `${NAME}_probe`, PROBE, "create_slot = false, slot_name = NONE, enabled = false, copy_data = false");
        await session.rows("ROLLBACK");
      },
      { write: true, statementMs: PROBE_MS, startWith: publishedAt(publisher) },
    );
  const tried = (await inSession(old, mayBeQuiet)) ? attempt() : withProbe(old, replica, attempt);
  return tried.then(
    () => undefined,
    (error: Error) =>
      // It was let in, and what it asks for then is refused by no primary.
      /serializable mode in a hot standby/.test(error.message)
        ? undefined
        : `the old database cannot subscribe to it (${error.message}): open the way from its server, and give its user the right to`,
  );
}

/** A publication for as long as it is tried; nothing of it is left, also where it fails. */
async function withProbe(old: SqlEndpoint, replica: SqlEndpoint, use: () => Promise<void>): Promise<void> {
  const drop = () => inSession(old, (session) => session.rows(`DROP PUBLICATION IF EXISTS ${PROBE}`), { write: true });
  await drop();
  try {
    await inSession(old, (session) => session.rows(`CREATE PUBLICATION ${PROBE}`), { write: true });
    await inSession(replica, async (session) => {
      for (const until = Date.now() + SEEN_MS; ; await new Promise((resolve) => setTimeout(resolve, POLL_MS))) {
        if (await session.value<boolean>("SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1)", [PROBE])) return;
        if (Date.now() > until) throw new Terminal(`the replica is more than ${SEEN_MS / 1_000} s behind`);
      }
    });
    await use();
  } finally {
    await drop();
  }
}

/**
 * A server logs the statements that fail: its error is raised again without it. In such a block no slot can be created. A
 * warning names the statement as well, and so does what keeps statements that run inside others.
 */
async function subscribe(session: Session, name: string, publication: string, options: string): Promise<void> {
  await session.rows(
    `DO $$ BEGIN
       EXECUTE format('CREATE SUBSCRIPTION ${name} CONNECTION %L PUBLICATION ${publication} WITH (${options.replaceAll("'", "''")})', current_setting('cutover.publisher'));
     EXCEPTION WHEN query_canceled OR OTHERS THEN
       RAISE EXCEPTION '%', SQLERRM USING ERRCODE = SQLSTATE;
     END $$`,
  );
}

/** Where a statement that runs inside another one is written down. */
const LOUD = `(name = 'pg_stat_statements.track' AND setting = 'all' OR name = 'pgaudit.log' AND setting ~ 'all|ddl')`;

async function beQuiet(session: Session): Promise<void> {
  if (await mayBeQuiet(session)) await session.rows("SET log_min_messages = error");
  for (const { name, setting } of await session.rows<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings WHERE ${LOUD}`,
  )) {
    const [module] = name.split(".");
    await session.rows(`SELECT set_config($1, 'none', false)`, [name]).catch((error: { code?: string }) => {
      if (error.code !== "42501") throw error;
    });
    if ((await session.value<string>("SELECT current_setting($1)", [name])) !== "none")
      throw new Terminal(
        `${module} would keep the subscription's password (${name} is ${setting}), and cutover's user may not turn it off for itself: GRANT SET ON PARAMETER ${quoted(name)}`,
      );
  }
}

const mayBeQuiet = (session: Session): Promise<boolean> =>
  session.value<boolean>("SELECT rolsuper FROM pg_roles WHERE rolname = session_user");

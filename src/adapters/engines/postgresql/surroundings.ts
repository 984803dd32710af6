import type { ReadinessFinding } from "../../../ports/readiness.js";
import { inSession, type Session, type SqlEndpoint } from "./session.js";
import { NAME } from "./subscription.js";

const OURS = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT starts_with(n.nspname, 'pg_')";

/** What of the server and the database would disturb a stream, or be disturbed by it, though every table can stream. */
export const surroundings = (old: SqlEndpoint): Promise<ReadinessFinding[]> =>
  // As the sessions are that change something.
  inSession(
    old,
    async (session) => {
      const found: ReadinessFinding[] = [];
      for (const look of [eventTriggers, truncation, textOfArrays, roles, confirmation, slots, prepared])
        found.push(...(await look(session)));
      return found;
    },
    { write: true },
  );

const names = async (session: Session, sql: string): Promise<string[]> =>
  (await session.rows<{ name: string }>(sql)).map(({ name }) => name);

/** Ours fire none of those that are made as usual where cutover's role may say so; an extension's write nothing of the application's. */
async function eventTriggers(session: Session): Promise<ReadinessFinding[]> {
  const found = await names(
    session,
    `SELECT quote_ident(evtname) AS name FROM pg_event_trigger e
     WHERE evtevent <> 'login' AND (evtenabled IN ('A', 'R') OR evtenabled = 'O' AND current_setting('session_replication_role') <> 'replica')
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' AND (d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid
                     OR d.classid = 'pg_proc'::regclass AND d.objid = e.evtfoid)) ORDER BY 1`,
  );
  return found.map((name) => ({
    kind: "loses",
    what: `event trigger ${name}`,
    means:
      "it runs on each side for what cutover makes there (publication, subscription, replica identities): rows that it writes differ then, and may stop the stream",
    cure: `ALTER EVENT TRIGGER ${name} DISABLE, from the night until nothing streams any more`,
  }));
}

/** What is truncated streams by its partitions alone, and the old server refuses it for the reference that the parent has. */
async function truncation(session: Session): Promise<ReadinessFinding[]> {
  const found = await session.rows<{ table: string; referenced: string; name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS table, format('%I.%I', rn.nspname, r.relname) AS referenced, quote_ident(k.conname) AS name
     FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid AND c.relkind = 'p' JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
     WHERE k.contype = 'f' AND k.conparentid = 0 AND ${OURS} ORDER BY 1, 2`,
  );
  return found.map(({ table, referenced, name }) => ({
    kind: "warns",
    what: referenced,
    means: `a TRUNCATE of it and of ${table}, which is partitioned and refers to it, stops the stream: the old server refuses it`,
    cure: `DELETE in its place; where it stands, ALTER TABLE ${table} DROP CONSTRAINT ${name} on the old database, and nothing is lost`,
  }));
}

/** The server that applies reads the text of each value by its own database's settings; this is the one that gives it another sense. */
async function textOfArrays(session: Session): Promise<ReadinessFinding[]> {
  if ((await session.value<string>("SHOW array_nulls")) === "on") return [];
  return [
    {
      kind: "loses",
      what: "array_nulls",
      means: "it is off: what is null in an array arrives as the word NULL on the way back",
      cure: "ALTER DATABASE … RESET array_nulls",
    },
  ];
}

/** Whoever applies takes the role on as well, and may not write to each table then. */
async function roles(session: Session): Promise<ReadinessFinding[]> {
  const found = await names(
    session,
    `SELECT DISTINCT substr(setting, 6) AS name FROM pg_db_role_setting CROSS JOIN unnest(setconfig) AS setting
     WHERE setting LIKE 'role=%' AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
     AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user)) ORDER BY 1`,
  );
  return found.map((name) => ({
    kind: "loses",
    what: "role",
    means: `each session here becomes ${name}, and so does what applies the stream: it stands still at the first table that ${name} may not write to`,
    cure: "ALTER DATABASE … RESET role, or ALTER ROLE … RESET role where it is cutover's own user's",
  }));
}

async function confirmation(session: Session): Promise<ReadinessFinding[]> {
  const standbys = await session.value<string>("SHOW synchronous_standby_names");
  if (standbys === "") return [];
  return [
    {
      kind: "warns",
      what: "synchronous_standby_names",
      means: `commits wait for ${standbys}: where that is the replica, nobody confirms them once it is promoted, and the application waits for ever`,
      cure: "name none, on both servers, before the promotion",
    },
  ];
}

/** Before 17 a replica has none of its source's, and from 17 on those alone that were made to fail over. */
async function slots(session: Session): Promise<ReadinessFinding[]> {
  const found = await names(
    session,
    `SELECT slot_name::text AS name FROM pg_replication_slots s WHERE slot_type = 'logical' AND database = current_database()
     AND NOT starts_with(slot_name::text, '${NAME}') AND coalesce(to_jsonb(s) ->> 'failover', 'false') <> 'true' ORDER BY 1`,
  );
  return found.map((name) => ({
    kind: "warns",
    what: `replication slot ${name}`,
    means:
      "the replica has none of that name: whoever reads it gets nothing of what is written after the promotion, until it is made there",
    cure: "stop its reader with the writes, and make the slot on the promoted database before these are allowed",
  }));
}

/** A slot waits for every transaction of the server; on the copy that is promoted nobody ends these any more. */
async function prepared(session: Session): Promise<ReadinessFinding[]> {
  const found = await session.rows<{ gid: string; database: string }>(
    "SELECT gid, database::text AS database FROM pg_prepared_xacts WHERE database <> current_database() ORDER BY 1",
  );
  return found.map(({ gid, database }) => ({
    kind: "refuses",
    what: `prepared transaction ${gid}`,
    means: `it is open in ${database}, on the same server: once promoted, nothing could stream back before somebody ends it there`,
    cure: `COMMIT PREPARED or ROLLBACK PREPARED it in ${database}, and none at the time of the promotion`,
  }));
}

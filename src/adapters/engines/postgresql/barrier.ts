import { Terminal } from "../../../errors.js";
import { GUARD, isGuarded } from "./guard.js";
import { literal, quoted, type Session } from "./session.js";
import { NAME } from "./subscription.js";

/**
 * The barrier: who may connect to a database. `default_transaction_read_only` is a preference that any client overrides
 * with `BEGIN READ WRITE`; a client that is not let in writes nothing, whatever it says.
 *
 *   open     nothing of ours: everybody as the owner had it
 *   closed   nobody but cutover's own role may connect, no subscription applies anything
 *   reading  everybody may connect again, and transactions are read-only by default (a promoted database before its writes
 *            are allowed: pods must become ready on it)
 *
 * CONNECT is taken from PUBLIC and from every role, the owner too; a role that has it all the same, being a superuser or a
 * member of cutover's own, loses LOGIN. All of it is one transaction with a record of how it was, from which it is put back.
 * The record is a table, so the physical replica has it and can be opened after its promotion.
 */
export type Level = "closed" | "reading";

/** What the barrier changed. */
interface Before {
  /** Who was granted CONNECT. */
  grants: Grant[];
  /** The database's own default, where it had one. */
  readOnly: string | null;
  /** Roles that could log in. */
  logins: string[];
  /** Subscriptions that were enabled. */
  subscriptions: string[];
  /** When it was closed, by the server's clock. */
  since?: string;
}

interface Grant {
  /** Empty for PUBLIC. */
  grantee: string;
  grantor: string;
  grantable: boolean;
}

/** Superusers that the provider keeps for itself, and the one that the server was made with: nobody else uses them. */
export const PROVIDERS = "(r.oid = 10 OR r.rolname IN ('rdsadmin', 'rdsrepladmin'))";
const HERE = "(SELECT oid FROM pg_database WHERE datname = current_database())";

/** Who could connect now, besides our own role, and what they are. */
export const doorkeepers = (session: Session): Promise<{ role: string; provider: boolean; replicates: boolean }[]> =>
  session.rows(
    `SELECT r.rolname::text AS role, r.rolsuper AND ${PROVIDERS} AS provider,
            EXISTS (SELECT FROM pg_stat_activity WHERE usesysid = r.oid AND datname IS NULL AND pid IN (SELECT pid FROM pg_stat_replication)) AS replicates
     FROM pg_roles r
     WHERE r.rolcanlogin AND r.rolname <> current_user AND has_database_privilege(r.oid, current_database(), 'CONNECT') ORDER BY 1`,
  );

/** The barrier that stands now. */
export async function levelOf(session: Session): Promise<Level | undefined> {
  if (!(await isGuarded(session))) return undefined;
  return (await session.value<Level | undefined>(`SELECT level FROM ${GUARD}.barrier`)) ?? undefined;
}

/** Since when it is closed. */
export const closedSince = (session: Session): Promise<string | null> =>
  session.value<string | null>(`SELECT (SELECT state ->> 'since' FROM ${GUARD}.barrier WHERE level = 'closed')`);

/**
 * Closes it, in the transaction that is open. Closed already, it is closed again: for what was opened since.
 * @throws Terminal naming whom it cannot keep out; the caller's transaction takes everything back then
 */
export async function close(session: Session): Promise<void> {
  const before = (await recordOf(session)) ?? (await asItIs(session));
  if ((await levelOf(session)) !== "closed") before.since = await session.value<string>("SELECT clock_timestamp()::text");
  const database = quoted(await session.value<string>("SELECT current_database()"));
  await takeConnect(session, database, before);
  const left = [...(await takeLogins(session, before)), ...(await stopSubscriptions(session, before))];
  if (left.length > 0) throw new Terminal(`${left.join("; ")}.`, { next: "Mend it, then try again: nothing was changed." });
  await session.rows(`ALTER DATABASE ${database} SET default_transaction_read_only = on`);
  await session.rows(
    `INSERT INTO ${GUARD}.barrier (level, state) VALUES ('closed', $1) ON CONFLICT (one) DO UPDATE SET level = 'closed', state = $1`,
    [JSON.stringify(before)],
  );
}

/** Puts everything back as the record has it, in the transaction that is open; `reading` keeps the default and the subscriptions. */
export async function open(session: Session, level: "open" | "reading"): Promise<void> {
  const before = await recordOf(session);
  const database = quoted(await session.value<string>("SELECT current_database()"));
  if (before === undefined) {
    // A barrier of an earlier version was nothing but the default.
    if (level === "open") await session.rows(`ALTER DATABASE ${database} RESET default_transaction_read_only`);
    return;
  }
  await giveConnect(session, database, before);
  const logins = await session.rows<{ role: string }>("SELECT rolname::text AS role FROM pg_roles WHERE rolname = ANY ($1)", [
    before.logins,
  ]);
  for (const { role } of logins) await session.rows(`ALTER ROLE ${quoted(role)} LOGIN`);
  if (level === "reading") {
    await session.rows(`UPDATE ${GUARD}.barrier SET level = 'reading'`);
    return;
  }
  await session.rows(
    before.readOnly === null
      ? `ALTER DATABASE ${database} RESET default_transaction_read_only`
      : `ALTER DATABASE ${database} SET default_transaction_read_only = ${literal(before.readOnly)}`,
  );
  const there = await session.rows<{ name: string }>(
    `SELECT subname::text AS name FROM pg_subscription WHERE subdbid = ${HERE} AND subname = ANY ($1)`,
    [before.subscriptions],
  );
  for (const { name } of there) await session.rows(`ALTER SUBSCRIPTION ${quoted(name)} ENABLE`);
  await session.rows(`DELETE FROM ${GUARD}.barrier`);
}

async function recordOf(session: Session): Promise<Before | undefined> {
  const [row] = await session.rows<{ state: Before }>(`SELECT state FROM ${GUARD}.barrier`);
  return row?.state;
}

async function asItIs(session: Session): Promise<Before> {
  const readOnly = await session.value<string | null>(
    `SELECT (SELECT substr(setting, 31) FROM pg_db_role_setting, unnest(setconfig) AS setting
     WHERE setrole = 0 AND setdatabase = ${HERE} AND setting LIKE 'default_transaction_read_only=%')`,
  );
  return { grants: await grantsOf(session), readOnly, logins: [], subscriptions: [] };
}

const grantsOf = (session: Session): Promise<Grant[]> =>
  session.rows<Grant & Record<string, unknown>>(
    `SELECT coalesce(g.rolname::text, '') AS grantee, pg_get_userbyid(a.grantor)::text AS grantor, a.is_grantable AS grantable
     FROM pg_database d CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a LEFT JOIN pg_roles g ON g.oid = a.grantee
     WHERE d.datname = current_database() AND a.privilege_type = 'CONNECT' ORDER BY 1, 2`,
  );

const self = (session: Session): Promise<string> => session.value<string>("SELECT current_user::text");
const ownerOf = (session: Session): Promise<string> =>
  session.value<string>("SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()");
const toWhom = (grantee: string): string => (grantee === "" ? "PUBLIC" : quoted(grantee));

/** From PostgreSQL 16 on a member may be kept from SET ROLE, with which a grant is given back in the name of whoever gave it. */
const MAY_SET = "CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END";

async function takeConnect(session: Session, database: string, before: Before): Promise<void> {
  const [me, owner, grants] = [await self(session), await ownerOf(session), await grantsOf(session)];
  // Of our own first: what PUBLIC had we may have lived by.
  if (!grants.some((g) => g.grantee === me && g.grantor === owner))
    await session.rows(`GRANT CONNECT ON DATABASE ${database} TO ${quoted(me)}`);
  const mayBe = new Set(
    (await session.rows<{ role: string }>(`SELECT rolname::text AS role FROM pg_roles WHERE pg_has_role(oid, ${MAY_SET})`)).map(
      (r) => r.role,
    ),
  );
  // What a grantee granted on goes with it. Where we could not grant it again in that name, both keep it, and lose LOGIN.
  const stays = (g: Grant) =>
    (g.grantor !== owner && !mayBe.has(g.grantor)) ||
    grants.some((h) => h.grantor === g.grantee && h.grantor !== owner && !mayBe.has(h.grantor));
  for (const grant of grants.filter((g) => g.grantee !== me && !stays(g))) {
    await session.rows(`REVOKE CONNECT ON DATABASE ${database} FROM ${toWhom(grant.grantee)} CASCADE`);
    if (!before.grants.some((g) => g.grantee === grant.grantee && g.grantor === grant.grantor)) before.grants.push(grant);
  }
}

async function giveConnect(session: Session, database: string, { grants }: Before): Promise<void> {
  const [me, owner] = [await self(session), await ownerOf(session)];
  const roles = new Set((await session.rows<{ role: string }>("SELECT rolname::text AS role FROM pg_roles")).map((r) => r.role));
  const same = (a: Grant) => (b: Grant) => a.grantee === b.grantee && a.grantor === b.grantor && a.grantable === b.grantable;
  const there = await grantsOf(session);
  // The owner's first: the others' stand on them.
  const ordered = [...grants].sort((a, b) => Number(b.grantor === owner) - Number(a.grantor === owner));
  for (const grant of ordered.filter((g) => !there.some(same(g)) && (g.grantee === "" || roles.has(g.grantee)))) {
    const statement = `GRANT CONNECT ON DATABASE ${database} TO ${toWhom(grant.grantee)}${grant.grantable ? " WITH GRANT OPTION" : ""}`;
    const asGrantor = [`SET LOCAL ROLE ${quoted(grant.grantor)}`, statement, "RESET ROLE"];
    // As whoever granted it; where that is beyond us as the owner: what counts is who may connect.
    if (grant.grantor === owner || !(await tried(session, asGrantor))) await session.rows(statement);
  }
  if (!grants.some((g) => g.grantee === me)) await session.rows(`REVOKE CONNECT ON DATABASE ${database} FROM ${quoted(me)}`);
}

async function takeLogins(session: Session, before: Before): Promise<string[]> {
  const left: string[] = [];
  for (const { role, provider, replicates } of await doorkeepers(session)) {
    if (!replicates && (await tried(session, [`ALTER ROLE ${quoted(role)} NOLOGIN`]))) {
      if (!before.logins.includes(role)) before.logins.push(role);
    } else if (!provider)
      left.push(
        replicates
          ? `${role} could still connect, and a replica streams as it: give the replica's stream a role of its own`
          : `${role} could still connect and write, and ${await self(session)} may not take its LOGIN: as a superuser, ALTER ROLE ${quoted(role)} NOLOGIN (from PostgreSQL 16 on, GRANT ${quoted(role)} TO … WITH ADMIN OPTION is enough where it is none), or no superuser and no member of ${await self(session)} any more`,
      );
  }
  return left;
}

async function stopSubscriptions(session: Session, before: Before): Promise<string[]> {
  const left: string[] = [];
  for (const name of await enabledSubscriptions(session)) {
    if (await tried(session, [`ALTER SUBSCRIPTION ${quoted(name)} DISABLE`])) {
      if (!before.subscriptions.includes(name)) before.subscriptions.push(name);
    } else
      left.push(
        `the subscription ${name} writes here, and ${await self(session)} may not disable it: ALTER SUBSCRIPTION ${quoted(name)} DISABLE as its owner`,
      );
  }
  return left;
}

/** Subscriptions that write here; the stream back is our own. */
export async function enabledSubscriptions(session: Session): Promise<string[]> {
  const found = await session.rows<{ name: string }>(
    `SELECT subname::text AS name FROM pg_subscription WHERE subdbid = ${HERE} AND subenabled AND subname <> $1 ORDER BY 1`,
    [NAME],
  );
  return found.map((f) => f.name);
}

/** Whether statements went well; of those that did not, nothing is left. */
async function tried(session: Session, statements: string[]): Promise<boolean> {
  await session.rows("SAVEPOINT tried");
  try {
    for (const statement of statements) await session.rows(statement);
    await session.rows("RELEASE SAVEPOINT tried");
    return true;
  } catch {
    await session.rows("ROLLBACK TO SAVEPOINT tried");
    return false;
  }
}

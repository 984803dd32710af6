import { openDatabase } from "../database/open.js";
import { counted } from "../lib/plural.js";
import { examine, type Finding } from "./check.js";

const CHECK = "journal database";
const OF = "this service";

interface Settings {
  fsync: string;
  fullPageWrites: string;
  synchronousCommit: string;
  standbyNames: string;
  recovering: boolean;
  /** May see of other sessions what it needs: a superuser, or a member of pg_monitor. */
  sees: boolean;
}

interface Standby {
  name: string;
  state: string | null;
  sync: string | null;
  behind: string | null;
}

const SETTINGS = `SELECT current_setting('fsync') AS "fsync", current_setting('full_page_writes') AS "fullPageWrites",
  current_setting('synchronous_commit') AS "synchronousCommit", current_setting('synchronous_standby_names') AS "standbyNames",
  pg_is_in_recovery() AS "recovering",
  coalesce((SELECT rolsuper FROM pg_roles WHERE rolname = current_user), false) OR pg_has_role(current_user, 'pg_read_all_stats', 'member') AS "sees"`;

/** What the primary has written and the standby has not on its disk yet, in bytes. */
const STANDBYS = `SELECT coalesce(nullif(application_name, ''), host(client_addr), 'a standby') AS "name", state, sync_state AS "sync",
  pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn)::text AS "behind"
  FROM pg_stat_replication WHERE application_name <> 'pg_basebackup' OR application_name IS NULL ORDER BY 1`;

/**
 * Whether the database of the journals keeps what it has answered: on its disk, and over a failover. What a managed service copies
 * beneath the database (storage of several zones) cannot be seen from it.
 * @param url as `DATABASE_URL`; a folder, or PGlite, is this process's own and synced by itself
 */
export async function durability(url: string | undefined): Promise<Finding[]> {
  if (url === undefined || url.startsWith("pglite:")) return [];
  const database = await openDatabase(url, 1).catch((error: Error) => error);
  if (database instanceof Error) return [await examine(CHECK, OF, "Correct DATABASE_URL.", () => Promise.reject(database))];
  try {
    let settings: Settings | undefined;
    const reached = await examine(CHECK, OF, "Correct DATABASE_URL, or open the way to it.", async () => {
      [settings] = await database.query<Settings & Record<string, unknown>>(SETTINGS);
      if (settings?.recovering === true)
        throw new Error(`${database.where} is a standby: it takes no entry, and no lease. Name the primary, or promote it`);
      return `${database.where} is a primary`;
    });
    if (settings === undefined || reached.standing !== "ok") return [reached];
    const standbys = await database.query<Standby & Record<string, unknown>>(STANDBYS);
    return [reached, onDisk(settings), overFailover(settings, standbys)];
  } finally {
    await database.close();
  }
}

const finding = (check: string, standing: Finding["standing"], detail: string, mend?: string): Finding => ({
  ...{ check, of: OF, standing, detail },
  ...(mend === undefined ? {} : { mend }),
});

function onDisk({ fsync, fullPageWrites, synchronousCommit }: Settings): Finding {
  const check = `${CHECK}: disk`;
  const off = [...(fsync === "on" ? [] : ["fsync"]), ...(fullPageWrites === "on" ? [] : ["full_page_writes"])];
  if (off.length > 0)
    return finding(
      check,
      "failed",
      `${off.join(" and ")} ${off.length === 1 ? "is" : "are"} off: a power failure damages the journals, or takes them`,
      "Set it on in postgresql.conf and reload. What was written meanwhile is safe after the next checkpoint.",
    );
  // Entries are appended with `on` all the same; leases and API tokens are not.
  if (synchronousCommit === "off")
    return finding(
      check,
      "warning",
      "synchronous_commit is off: entries are on disk before they are answered all the same, leases and API tokens are not",
      "ALTER DATABASE … SET synchronous_commit = on",
    );
  return finding(check, "ok", "what it answers is on its disk");
}

function overFailover({ standbyNames, synchronousCommit, sees }: Settings, standbys: readonly Standby[]): Finding {
  const check = `${CHECK}: failover`;
  const told = standbys.map(({ name, state, sync, behind }) => {
    if (state === null) return name;
    return `${name} (${sync ?? "async"}, ${state}${Number(behind ?? 0) > 0 ? `, ${counted(Number(behind), "byte")} behind` : ""})`;
  });
  const seen = told.length === 0 ? "no standby streams from it" : told.join(", ");
  const waited = standbys.filter((s) => s.sync === "sync" || s.sync === "quorum");
  if (!sees && standbys.length > 0)
    return finding(check, "unknown", `${seen}: how they follow cannot be seen by this user`, "GRANT pg_read_all_stats TO it.");
  if (standbyNames !== "" && waited.length === 0)
    return finding(
      check,
      "failed",
      `synchronous_standby_names is ${standbyNames}, and ${seen}: every entry waits until such a standby is there`,
      "Start the standby, or take its name out until it is back.",
    );
  if (standbyNames !== "" && synchronousCommit === "local")
    return finding(
      check,
      "warning",
      `${seen}; synchronous_commit is local: leases and API tokens are answered before a standby has them, entries are not`,
      "ALTER DATABASE … SET synchronous_commit = on",
    );
  if (standbyNames !== "") return finding(check, "ok", `${seen}: a failover to one that is waited for loses nothing`);
  if (standbys.length === 0)
    return finding(check, "ok", `${seen}: where its host copies its storage, as managed services do, that cannot be seen from here`);
  return finding(
    check,
    "warning",
    `${seen}, and none is waited for: a failover may lose entries that were answered`,
    `Set synchronous_standby_names, as 'ANY 1 (${standbys.map((s) => s.name).join(", ")})'. What was lost after a failover is looked for in the engine's history, and a person is asked.`,
  );
}

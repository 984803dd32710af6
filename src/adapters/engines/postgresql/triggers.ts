import { literal, quoted, type Session } from "./session.js";
import { NAME } from "./subscription.js";

/** A trigger that fires for what streams as well. */
interface Trigger {
  table: string;
  name: string;
  /** `A`: always, `R`: for what streams alone. */
  fires: "A" | "R";
}

const AS = { A: "ALWAYS", R: "REPLICA" } as const;

/**
 * Turns triggers off on the old database that fire for what streams. What they did on the promoted one streams too: done a
 * second time it differs, or meets its own key. The subscription's comment keeps them, and goes with it. Called before the
 * promoted database accepts writes.
 */
export async function silenceTriggers(session: Session, tables: string[]): Promise<void> {
  const found = await session.rows<Trigger & Record<string, unknown>>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS table, g.tgname::text AS name, g.tgenabled::text AS fires
     FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE g.tgenabled IN ('A', 'R') AND (NOT g.tgisinternal OR g.tgparentid <> 0) AND format('%I.%I', n.nspname, c.relname) = ANY ($1) ORDER BY 1, 2`,
    [tables],
  );
  if (found.length === 0) return;
  const all = [...(await silenced(session)), ...found];
  await session.rows("BEGIN");
  await session.rows(`COMMENT ON SUBSCRIPTION ${NAME} IS ${literal(JSON.stringify(all))}`);
  for (const { table, name } of found) await session.rows(`ALTER TABLE ${table} DISABLE TRIGGER ${quoted(name)}`);
  await session.rows("COMMIT");
}

/** Puts them back, in the transaction that is open and ends the subscription. What is gone since has none any more. */
export async function restoreTriggers(session: Session): Promise<void> {
  const kept = await silenced(session);
  const there = await session.rows<{ table: string; name: string }>(
    `SELECT k.table, k.name FROM jsonb_to_recordset($1::jsonb) AS k("table" text, name text) JOIN pg_trigger g ON g.tgrelid = to_regclass(k.table) AND g.tgname = k.name`,
    [JSON.stringify(kept)],
  );
  for (const { table, name, fires } of kept)
    if (there.some((t) => t.table === table && t.name === name))
      await session.rows(`ALTER TABLE ${table} ENABLE ${AS[fires]} TRIGGER ${quoted(name)}`);
}

async function silenced(session: Session): Promise<Trigger[]> {
  const text = await session.value<string | null>(
    `SELECT (SELECT obj_description(oid, 'pg_subscription') FROM pg_subscription
     WHERE subname = $1 AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()))`,
    [NAME],
  );
  return text === null ? [] : (JSON.parse(text) as Trigger[]);
}

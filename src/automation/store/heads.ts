import type { Query } from "../../database/database.js";

/**
 * `cutover.head` holds the number of each journal's last entry, so that a list costs one row a migration, whatever their
 * journals hold. A trigger keeps it in the transaction of the append, whichever version of cutover appends: earlier ones,
 * which know no heads, go on beside this one while a service is upgraded. It is always made from the journal itself, and held
 * against it at each start and from then on every minute: what disagrees (triggers were off, somebody wrote by hand) is made
 * again. No decision is taken from a head: whoever goes on with a migration reads its journal.
 */
const MADE = `
  CREATE TABLE IF NOT EXISTS cutover.head (stack text PRIMARY KEY, seq integer NOT NULL) WITH (fillfactor = 50);
  CREATE OR REPLACE FUNCTION cutover.make_head(of_stack text) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE newest integer := (SELECT max(seq) FROM cutover.journal WHERE stack = of_stack);
  BEGIN
    IF newest IS NULL THEN
      DELETE FROM cutover.head WHERE stack = of_stack;
    ELSE
      INSERT INTO cutover.head (stack, seq) VALUES (of_stack, newest) ON CONFLICT (stack) DO UPDATE SET seq = excluded.seq;
    END IF;
  END $$;
  CREATE OR REPLACE FUNCTION cutover.keep_head() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF TG_OP = 'TRUNCATE' THEN
      DELETE FROM cutover.head;
      RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN PERFORM cutover.make_head(OLD.stack); END IF;
    IF TG_OP <> 'DELETE' THEN PERFORM cutover.make_head(NEW.stack); END IF;
    RETURN NULL;
  END $$;
  DROP TRIGGER IF EXISTS keep_head_of_rows ON cutover.journal;
  CREATE TRIGGER keep_head_of_rows AFTER INSERT OR UPDATE OR DELETE ON cutover.journal FOR EACH ROW EXECUTE FUNCTION cutover.keep_head();
  DROP TRIGGER IF EXISTS keep_head_of_all ON cutover.journal;
  CREATE TRIGGER keep_head_of_all AFTER TRUNCATE ON cutover.journal FOR EACH STATEMENT EXECUTE FUNCTION cutover.keep_head()`;

/** Each journal's last entry by one step in its index a journal, however long they are. */
const LAST = `WITH RECURSIVE last AS (
    (SELECT stack, seq FROM cutover.journal ORDER BY stack DESC, seq DESC LIMIT 1)
    UNION ALL
    SELECT before.stack, before.seq FROM last, LATERAL (
      SELECT j.stack, j.seq FROM cutover.journal j WHERE j.stack < last.stack ORDER BY j.stack DESC, j.seq DESC LIMIT 1
    ) before
  )`;

/** Stacks that have a journal, by the journals themselves. */
export const STACKS = `${LAST} SELECT stack FROM last ORDER BY stack`;

/** Makes table and triggers where they are not there, or are off. To be called under the lock of the schema. */
export async function ensureHeads(query: Query): Promise<void> {
  const [made] = await query<{ triggers: number }>(
    `SELECT count(*)::int AS triggers FROM pg_trigger
     WHERE tgrelid = to_regclass('cutover.journal') AND tgname IN ('keep_head_of_rows', 'keep_head_of_all') AND tgenabled IN ('O', 'A')
       AND to_regclass('cutover.head') IS NOT NULL`,
    [],
  );
  if (made?.triggers === 2) return;
  // Nobody appends between the look at the journals and the first entry that the trigger sees.
  await query("LOCK TABLE cutover.journal IN SHARE ROW EXCLUSIVE MODE");
  await query(MADE);
  // All at once: one at a time would keep a large fleet's first start waiting for a minute.
  await query(
    `${LAST} INSERT INTO cutover.head (stack, seq) SELECT stack, seq FROM last ON CONFLICT (stack) DO UPDATE SET seq = excluded.seq`,
    [],
  );
}

/** Holds all heads against their journals. @returns stacks whose head was made again, sorted */
export async function checkHeads(query: Query, transaction: <T>(use: (query: Query) => Promise<T>) => Promise<T>): Promise<string[]> {
  const wrong = await query<{ stack: string }>(
    `${LAST} SELECT stack FROM last FULL JOIN cutover.head USING (stack) WHERE last.seq IS DISTINCT FROM head.seq ORDER BY stack`,
    [],
  );
  for (const { stack } of wrong)
    await transaction(async (inside) => {
      await inside("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [stack]);
      await inside("SELECT cutover.make_head($1)", [stack]);
    });
  return wrong.map((w) => w.stack);
}

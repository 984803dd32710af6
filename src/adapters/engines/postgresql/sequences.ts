import { inSession, literal, type Session, type SqlEndpoint } from "./session.js";

interface Sequence {
  /** As SQL writes it. */
  name: string;
  readable: boolean;
  settable: boolean;
}

const sequencesOf = (session: Session): Promise<Sequence[]> =>
  session.rows<Sequence & Record<string, unknown>>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT') AS readable,
            has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'UPDATE') AS settable
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND NOT starts_with(n.nspname, 'pg_') ORDER BY 1`,
  );

export interface CarriedSequences {
  carried: number;
  /** Sequences that stay as they were at the promotion, each with why. */
  left: { name: string; why: string }[];
}

/** Which sequences can be carried over, by the rights on both sides; nothing is changed. */
export async function sequencesToCarry(
  promoted: SqlEndpoint,
  old: SqlEndpoint,
): Promise<{ names: string[]; left: CarriedSequences["left"] }> {
  const [ours, theirs] = await Promise.all([inSession(promoted, sequencesOf), inSession(old, sequencesOf)]);
  const there = new Map(theirs.map((s) => [s.name, s]));
  const left = ours.flatMap(({ name, readable }) => {
    if (!readable) return [{ name, why: "cutover's user may not read it on the promoted database" }];
    if (!there.has(name)) return [{ name, why: "the old database has none of that name" }];
    return there.get(name)?.settable === true ? [] : [{ name, why: "cutover's user may not set it on the old database" }];
  });
  const without = new Set(left.map((l) => l.name));
  return { names: ours.map((s) => s.name).filter((name) => !without.has(name)), left };
}

/**
 * Sets the old database's sequences to where the promoted one's are, each for itself: one that cannot be set is named,
 * and keeps no other from it, nor the way back from its end.
 */
export async function carrySequences(promoted: SqlEndpoint, old: SqlEndpoint): Promise<CarriedSequences> {
  const { names, left } = await sequencesToCarry(promoted, old);
  const values = await inSession(promoted, async (session) => {
    const read: { name: string; value: string; called: boolean }[] = [];
    for (const name of names) {
      const [at] = await session.rows<{ value: string; called: boolean }>(
        `SELECT last_value::text AS value, is_called AS called FROM ${name}`,
      );
      if (at !== undefined) read.push({ name, ...at });
    }
    return read;
  });
  await inSession(
    old,
    async (session) => {
      for (const { name, value, called } of values) {
        await session.rows(`SELECT setval(${literal(name)}::regclass, ${value}, ${called})`).catch((error: Error & { code?: string }) => {
          // The server's own answer about this sequence; a connection that broke has none, and is tried again as a whole.
          if (error.code === undefined || /^(08|57)/.test(error.code)) throw error;
          left.push({ name, why: error.message });
        });
      }
    },
    { write: true },
  );
  const failed = new Set(left.map((l) => l.name));
  return { carried: values.filter((v) => !failed.has(v.name)).length, left };
}

import { inSession, type Session, type SqlEndpoint } from "./session.js";

/** Bytes that are read and written at a time. */
const PIECE = 4 * 1024 * 1024;

/** What each large object holds, by its number; null where it may not be read. */
async function contents(session: Session): Promise<Map<string, string | null>> {
  const found = new Map<string, string | null>();
  for (const { oid } of await session.rows<{ oid: string }>("SELECT oid::text AS oid FROM pg_largeobject_metadata ORDER BY oid")) {
    let hash = "";
    for (let at = 0; ; at += PIECE) {
      const [piece] = await session
        .rows<{ length: number; md5: string }>("SELECT length(p) AS length, md5(p) AS md5 FROM lo_get($1::oid, $2, $3) AS p", [
          oid,
          at,
          PIECE,
        ])
        .catch((error: { code?: string }) => {
          if (error.code !== "42501") throw error;
          return [];
        });
      if (piece === undefined) found.set(oid, null);
      else hash += piece.md5;
      if (piece === undefined || piece.length < PIECE) break;
    }
    if (!found.has(oid)) found.set(oid, hash);
  }
  return found;
}

/**
 * Brings large objects to what the promoted database has: logical replication does not know them. Called while it refuses
 * writes. What may not be read or written there is named.
 */
export async function carryLargeObjects(
  promoted: SqlEndpoint,
  old: SqlEndpoint,
): Promise<{ carried: number; left: { name: string; why: string }[] }> {
  const [ours, theirs] = await Promise.all([inSession(promoted, contents), inSession(old, contents)]);
  const left: { name: string; why: string }[] = [];
  let carried = 0;
  const attempt = async (oid: string, use: () => Promise<void>) => {
    await use().then(
      () => {
        carried += 1;
      },
      (error: Error & { code?: string }) => {
        if (error.code === undefined || /^(08|57)/.test(error.code)) throw error;
        left.push({ name: `large object ${oid}`, why: error.message });
      },
    );
  };
  await inSession(promoted, (source) =>
    inSession(
      old,
      async (there) => {
        for (const [oid, hash] of ours) {
          if (hash === null) left.push({ name: `large object ${oid}`, why: "cutover's user may not read it" });
          else if (theirs.get(oid) !== hash) await attempt(oid, () => copied(source, there, oid, theirs.has(oid)));
        }
        for (const oid of theirs.keys())
          if (!ours.has(oid)) await attempt(oid, async () => void (await there.rows("SELECT lo_unlink($1)", [oid])));
      },
      { write: true },
    ),
  );
  return { carried, left };
}

async function copied(source: Session, there: Session, oid: string, exists: boolean): Promise<void> {
  await there.rows("BEGIN");
  try {
    if (exists) await there.rows("SELECT lo_unlink($1)", [oid]);
    await there.rows("SELECT lo_create($1)", [oid]);
    for (let at = 0; ; at += PIECE) {
      const piece = await source.value<Buffer>("SELECT lo_get($1::oid, $2, $3)", [oid, at, PIECE]);
      if (piece.length > 0) await there.rows("SELECT lo_put($1::oid, $2, $3)", [oid, at, piece]);
      if (piece.length < PIECE) break;
    }
    await there.rows("COMMIT");
  } catch (error) {
    await there.rows("ROLLBACK");
    throw error;
  }
}

import { Conflict, Transient } from "../../../errors.js";
import type { Effect } from "../../../ports/target.js";
import type { Blocks } from "./blocks.js";
import { GUARD, guarded, rehearsed } from "./guard.js";
import { inSession, quoted, type Session, type SqlEndpoint } from "./session.js";

/**
 * What was touched between two positions, by the write-ahead log itself: the log names the file and block of every change,
 * for tables with and without a key, for every statement and every client, and nobody can leave anything out of it. It is read
 * with the extension pg_walinspect of PostgreSQL 15 and later, on the replica, which has it in its own files: no slot that
 * holds back the source's log, no other wal_level, no restart, no trigger.
 */
const EXTENSION = "pg_walinspect";
const LEAST_VERSION = 150_000;
/** Of log that one statement reads: what it makes of it is held by the server meanwhile. */
const PIECE_BYTES = 16 * 1024 * 1024;

/**
 * Left out: what changes no row. The first reader of a page after a checkpoint leaves FPI_FOR_HINT, and a vacuum VISIBLE,
 * over whole tables.
 */
const NO_CHANGE =
  "NOT (resource_manager = 'XLOG' AND record_type = 'FPI_FOR_HINT') AND NOT (resource_manager = 'Heap2' AND record_type = 'VISIBLE')";

/** Why the log cannot be read there; undefined when it can. */
export async function obstacleToLog(session: Session): Promise<{ why: string; cure: string } | undefined> {
  const version = await session.value<number>("SELECT current_setting('server_version_num')::int");
  if (version < LEAST_VERSION)
    return { why: `PostgreSQL ${Math.floor(version / 10_000)} cannot tell what its log says was changed`, cure: "PostgreSQL 15 or later" };
  const schema = await schemaOf(session);
  const user = await session.value<string>("SELECT current_user::text");
  if (schema === undefined)
    return {
      why: `the extension ${EXTENSION} is not there`,
      cure: `CREATE EXTENSION ${EXTENSION} SCHEMA ${GUARD}, and GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${GUARD} TO ${quoted(user)}`,
    };
  const may = await session.value<boolean>("SELECT has_schema_privilege($1, 'USAGE') AND has_function_privilege($2, 'EXECUTE')", [
    schema,
    version < 160_000
      ? `${quoted(schema)}.pg_get_wal_records_info(pg_lsn, pg_lsn)`
      : `${quoted(schema)}.pg_get_wal_block_info(pg_lsn, pg_lsn, boolean)`,
  ]);
  if (may) return undefined;
  return {
    why: `${user} may not use ${EXTENSION}`,
    cure: `GRANT USAGE ON SCHEMA ${quoted(schema)} TO ${quoted(user)}, and GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${quoted(schema)} TO ${quoted(user)}`,
  };
}

const schemaOf = async (session: Session): Promise<string | undefined> => {
  const [found] = await session.rows<{ schema: string }>(
    "SELECT n.nspname::text AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = $1",
    [EXTENSION],
  );
  return found?.schema;
};

const MAKE = `CREATE EXTENSION ${EXTENSION} SCHEMA ${GUARD}`;

const couldBeMade = (source: SqlEndpoint): Promise<boolean> =>
  inSession(source, async (session) => {
    const version = await session.value<number>("SELECT current_setting('server_version_num')::int");
    const there = await session.rows("SELECT FROM pg_available_extensions WHERE name = $1 AND installed_version IS NULL", [EXTENSION]);
    return version >= LEAST_VERSION && there.length > 0;
  });

/** Makes the extension where it is missing and we may, in cutover's own schema: it is neither compared nor streamed there. */
export async function makeLogReadable(source: SqlEndpoint, effect: Effect): Promise<void> {
  if (!(await couldBeMade(source))) return;
  await guarded(source, effect, (session) => session.rows(MAKE)).catch((error: Error) => {
    // Without the right to make it, the readiness report names who may: nothing else depends on it.
    if (error instanceof Transient || error instanceof Conflict) throw error;
  });
}

/** Whether that would succeed where it is missing: tried, and taken back. */
export async function couldMakeLogReadable(source: SqlEndpoint): Promise<boolean> {
  if (!(await couldBeMade(source))) return false;
  return rehearsed(source, async (session) => {
    await session.rows(MAKE);
    return (await obstacleToLog(session)) === undefined;
  }).catch((error: Error) => {
    if (error instanceof Transient) throw error;
    return false;
  });
}

/** The log between two positions is not there any more: what was changed in between is not known. */
export class LogIsGone extends Error {}

/**
 * Adds what was touched after `from` up to `to`, of the given files, and returns how far it has read: the end of a record.
 * @param to at most what the server has replayed or flushed
 * @throws LogIsGone
 */
export async function readLog(session: Session, range: { from: string; to: string }, files: number[], into: Blocks): Promise<string> {
  const schema = quoted((await schemaOf(session)) ?? GUARD);
  const version = await session.value<number>("SELECT current_setting('server_version_num')::int");
  const database = await session.value<string>("SELECT oid::text FROM pg_database WHERE datname = current_database()");
  const touched = version < 160_000 ? ofRecords(schema) : ofBlocks(schema);
  let from = range.from;
  for (let bytes = PIECE_BYTES; ; ) {
    const [piece] = await session.rows<{ to: string; last: boolean; nothing: boolean }>(
      `SELECT least($2::pg_lsn, $1::pg_lsn + $3::numeric)::text AS to, $1::pg_lsn + $3::numeric >= $2::pg_lsn AS last, $1::pg_lsn >= $2::pg_lsn AS nothing`,
      [from, range.to, bytes],
    );
    if (piece === undefined || piece.nothing) return from;
    const found = await session
      .rows<{ file: string | null; blocks: string[] | null; upto: string | null }>(touched, [from, piece.to, database, files])
      .catch((error: Error & { code?: string }) => {
        if (/could not find a valid record/.test(error.message)) return [];
        if (
          /removed|could not (open|find|read)|No such file|invalid (magic|record)|WAL/i.test(error.message) &&
          !/^(08|57|40|42)/.test(error.code ?? "")
        )
          throw new LogIsGone(error.message);
        throw error;
      });
    for (const { file, blocks } of found) if (file !== null) for (const block of blocks ?? []) into.add(Number(file), Number(block));
    const upto = found.find((f) => f.upto !== null)?.upto ?? undefined;
    if (piece.last) return upto ?? from;
    // A record that reaches beyond the piece is read with the next one, from where the last whole one ended.
    if (upto === undefined) bytes *= 2;
    else [from, bytes] = [upto, PIECE_BYTES];
  }
}

/** PostgreSQL 15 names the blocks in a text. */
const ofRecords = (schema: string): string => `
  WITH records AS MATERIALIZED (
    SELECT end_lsn, resource_manager, record_type, block_ref FROM ${schema}.pg_get_wal_records_info($1::pg_lsn, $2::pg_lsn)
  )
  SELECT m[1] AS file, array_agg(DISTINCT m[2]) AS blocks, (SELECT max(end_lsn)::text FROM records) AS upto
  FROM records CROSS JOIN LATERAL regexp_matches(block_ref, 'rel \\d+/' || $3::text || '/(\\d+) fork main blk (\\d+)', 'g') m
  WHERE ${NO_CHANGE} AND m[1]::bigint = ANY($4::bigint[]) GROUP BY 1
  UNION ALL SELECT NULL, NULL, max(end_lsn)::text FROM records`;

const ofBlocks = (schema: string): string => `
  WITH records AS MATERIALIZED (
    SELECT end_lsn, resource_manager, record_type, reldatabase, relfilenode, relforknumber, relblocknumber
    FROM ${schema}.pg_get_wal_block_info($1::pg_lsn, $2::pg_lsn, false)
  )
  SELECT relfilenode::text AS file, array_agg(DISTINCT relblocknumber::text) AS blocks, (SELECT max(end_lsn)::text FROM records) AS upto
  FROM records WHERE ${NO_CHANGE} AND reldatabase::text = $3::text AND relforknumber = 0 AND relfilenode::bigint = ANY($4::bigint[]) GROUP BY 1
  UNION ALL SELECT NULL, NULL, max(end_lsn)::text FROM records`;

import { Transient } from "../../../errors.js";
import { compareBlocks, inBlock, isForLater, type Piece, type Sides, type StoredTable } from "./blockCompare.js";
import { Blocks, type PlainBlocks } from "./blocks.js";
import { hiddenTables, schemaLines, tableName } from "./catalog.js";
import { LogIsGone, readLog } from "./changeLog.js";
import { type Comparison, compareLines, refuseHidden, SAME_TEXT, type TableResult } from "./compare.js";
import { differingIn } from "./differences.js";
import { caughtUp, identityOf, othersEnded, replayed } from "./positions.js";
import { inSession, type SqlEndpoint } from "./session.js";
import { sequencesBehind, storedTables } from "./storedTables.js";
import { type Limits, throttleBy, unthrottled } from "./throttle.js";

/**
 * Comparing ahead of the window: all of it while the application runs, and after that only what was touched since.
 *
 *   dirty   blocks that are not known to be alike: at first all of them
 *   pass    notes a position P; waits until whoever was in a transaction then has ended; reads the dirty blocks on both
 *           sides; what is alike is clean. Blocks that the write-ahead log names after P are dirty again for the next pass.
 *           A block that is not alike, and that the log does not name after P, has no excuse: it is a difference.
 *
 * So a block is clean only when its rows were alike at one time, and nothing has touched them on either side since: what the
 * replica does not get from the log it does not get at all. Each pass is shorter than the one before, down to what the
 * application touches in between. The one in the window is the same pass once more, with nobody left who could touch anything.
 *
 * Nothing is assumed to be clean: a table that is new, rewritten, truncated or has other columns is dirty as a whole; so is
 * everything where the replica or its source was replaced by another one, or the log in between is gone.
 */
export interface AheadState {
  /** Of both servers: on other ones nothing is known. */
  identity: string;
  /** Up to which the log was read. */
  position: string;
  dirty: Blocks;
  /** Columns of each file that was begun. */
  tables: Map<number, string>;
  /** Blocks that were compared, and how many there are, while everything is read for the first time. */
  first?: { done: number; of: number };
  /** Seconds and blocks of the last passes, without pauses. */
  passes: { seconds: number; blocks: number; rows: number }[];
}

export interface PassOptions {
  state?: AheadState | undefined;
  /** Writes are stopped: nothing may be left. */
  final?: boolean;
  limits?: Limits;
  signal?: AbortSignal | undefined;
  /** Told every few seconds; the pass can go on from what it gets. */
  onProgress?: (state: AheadState) => Promise<void>;
}

export interface Passed {
  state: AheadState;
  comparison: Comparison;
  took: { seconds: number; blocks: number; rows: number };
}

const STATEMENT_MS = 120_000;
/** No statement of ours stands in a queue in front of the application's for longer. */
const LOCK_MS = 2_000;
/** For others' transactions to end, and for the replica to catch up with them. */
const ENDED_MS = { first: 600_000, again: 20_000 };
const CAUGHT_UP_MS = { first: 600_000, again: 30_000 };
const PROGRESS_MS = 5_000;
/** So many differing blocks are a reason to stop, however many more there are. */
const MOST_UNLIKE = 1_000;
const EXAMPLES = 20;
/** Passes whose time is kept. */
const KEPT = 2;
/** One pass. @throws LogIsGone when nothing is known any more */
export function comparePass(source: SqlEndpoint, replica: SqlEndpoint, options: PassOptions): Promise<Passed> {
  const open = { statementMs: STATEMENT_MS, signal: options.signal };
  return inSession(source, (a) => inSession(replica, (b) => pass({ source: a, replica: b }, options), open), open);
}

async function pass(sides: Sides, { state, final = false, limits, signal, onProgress }: PassOptions): Promise<Passed> {
  const { source, replica } = sides;
  for (const session of [source, replica])
    for (const setting of [...SAME_TEXT, `SET lock_timeout = ${LOCK_MS}`]) await session.rows(setting);
  for (const session of [source, replica]) refuseHidden(await hiddenTables(session));
  const began = performance.now();
  let paused = 0;
  const identity = await identityOf(source, replica);
  if (state !== undefined && state.identity !== identity) throw new LogIsGone(`the servers are not as they were: ${identity}`);
  const first = state === undefined || state.first !== undefined;

  const position = await replayed(replica);
  const todo = state?.dirty ?? new Blocks();
  if (state !== undefined) await readEither(sides, { from: state.position, to: position }, [...state.tables.keys()], todo);
  const waited = performance.now();
  await othersEnded(source, replica, first ? ENDED_MS.first : ENDED_MS.again);
  if (!final) paused += performance.now() - waited;

  const tables = await storedTables(source);
  const known = new Map(tables.map((t) => [t.file, t.columnsOf]));
  for (const table of tables) if (state?.tables.get(table.file) !== table.columnsOf) todo.addFrom(table.file, 0);
  for (const file of todo.files()) if (!known.has(file)) todo.delete(file);
  const files = [...known.keys()];

  const later = { blocks: new Blocks(), position };
  const results = new Map<string, TableResult>();
  const suspects: Suspect[] = [];
  const progress = { blocks: state?.first?.done ?? 0, rows: 0, unlike: 0 };
  const follow = async () => {
    later.position = await readEither(sides, { from: later.position, to: await replayed(replica) }, files, later.blocks);
  };
  const catchUp = async () => {
    await caughtUp(source, replica, first ? CAUGHT_UP_MS.first : CAUGHT_UP_MS.again);
    await follow();
  };
  const settle = async () => {
    await catchUp();
    for (const suspect of suspects.splice(0))
      progress.unlike += await judged(sides, suspect, { results, later: later.blocks, catchUp, final });
  };
  const total = first ? tables.reduce((sum, t) => sum + t.blocks, 0) : 0;
  const left = new Blocks();
  left.addAll(todo);
  const now = (rest: Blocks): AheadState => {
    const dirty = new Blocks();
    for (const blocks of [rest, later.blocks]) dirty.addAll(blocks);
    for (const { table, block } of suspects) dirty.add(table.file, block);
    const ofFirst = first ? { first: { done: Math.min(progress.blocks, total), of: total } } : {};
    return { identity, position: later.position, dirty, tables: known, ...ofFirst, passes: state?.passes ?? [] };
  };
  const throttle = final ? unthrottled : throttleBy(source, replica, limits);
  let told = performance.now();
  for await (const lot of compareBlocks(sides, tables, todo)) {
    if ("skipped" in lot) {
      if (final) throw new Transient(`${tableName(lot.skipped)} could not be read: it is locked, or the replica had to go on.`);
      later.blocks.addFrom(lot.skipped.file, 0);
      continue;
    }
    progress.blocks += lot.blocks;
    progress.rows += lot.rows;
    for (const [at, piece] of lot.done.entries()) {
      const result = resultOf(results, piece.table);
      const [ours, theirs] = lot.counts[at] ?? [0, 0];
      result.chunks += 1;
      result.sourceRows += ours;
      result.targetRows += theirs;
      markDone(left, piece);
    }
    suspects.push(...lot.unlike);
    if (suspects.length >= MOST_UNLIKE) await settle();
    if (progress.unlike >= MOST_UNLIKE) break;
    const at = performance.now();
    await throttle(lot.tookMs, signal);
    paused += performance.now() - at;
    if (performance.now() - told < PROGRESS_MS) continue;
    told = performance.now();
    // The replica keeps its log for minutes only.
    await follow();
    await onProgress?.(now(left));
  }
  await settle();
  const schema = compareLines(await schemaLines(source), await schemaLines(replica));
  const behind = await sequencesBehind(source, replica);
  const seconds = (performance.now() - began - paused) / 1_000;
  // While the application runs, one side is ahead of the other one in these.
  const found = final
    ? [...schema, ...behind.map((name) => ({ line: `sequence ${name} as far as it counted`, what: "missing in the target" as const }))]
    : [];
  const { first: _, ...next } = now(progress.unlike >= MOST_UNLIKE ? left : new Blocks());
  const took = { seconds, blocks: progress.blocks, rows: progress.rows };
  return {
    state: { ...next, passes: [...next.passes, ...(first ? [] : [took])].slice(-KEPT) },
    took,
    comparison: {
      tables: [...results.values()],
      schema: found,
      rows: progress.rows,
      differences: found.length + [...results.values()].reduce((sum, r) => sum + r.differences, 0),
    },
  };
}

interface Suspect {
  table: StoredTable;
  block: number;
}

/** 1 where a block's rows differ and nothing explains it, and 0 where the next pass will tell. */
async function judged(
  { source, replica }: Sides,
  { table, block }: Suspect,
  { results, later, catchUp, final }: { results: Map<string, TableResult>; later: Blocks; catchUp: () => Promise<void>; final: boolean },
): Promise<number> {
  if (!final && later.has(table.file, block)) return 0;
  const result = resultOf(results, table);
  const of = { table, where: inBlock(block) };
  try {
    const { count, found } = await differingIn({ source, target: replica }, of, { rows: 0, examples: EXAMPLES - result.examples.length });
    if (count === 0) return 0;
    // It may have been touched between the two looks, or be another table's by now.
    await catchUp();
    const file = await source.value<string | null>("SELECT pg_relation_filenode(to_regclass($1))::text", [tableName(table)]);
    if (!final && later.has(table.file, block)) return 0;
    if (!final && Number(file) !== table.file) return 0;
    result.differences += count;
    result.examples.push(...found);
    later.add(table.file, block);
    return 1;
  } catch (error) {
    if (final || !isForLater(error)) throw error;
    later.addFrom(table.file, 0);
    return 0;
  }
}

function resultOf(results: Map<string, TableResult>, table: StoredTable): TableResult {
  const name = tableName(table);
  const known = results.get(name);
  if (known !== undefined) return known;
  const made: TableResult = { table: name, sourceRows: 0, targetRows: 0, differences: 0, examples: [], chunks: 0 };
  results.set(name, made);
  return made;
}

function markDone(left: Blocks, { table, list, to }: Piece): void {
  if (list === undefined) left.advance(table.file, to);
  else for (const block of list) left.remove(table.file, block);
}

/** The replica's own files first: the source's are asked where those are gone already. */
async function readEither({ source, replica }: Sides, range: { from: string; to: string }, files: number[], into: Blocks): Promise<string> {
  try {
    return await readLog(replica, range, files, into);
  } catch (error) {
    if (!(error instanceof LogIsGone)) throw error;
    return readLog(source, range, files, into);
  }
}

/** As it is kept between two processes. */
export const plainState = ({ dirty, tables, ...state }: AheadState): PlainState => ({
  ...state,
  dirty: dirty.toJSON(),
  tables: [...tables],
});
export const stateFrom = ({ dirty, tables, ...state }: PlainState): AheadState => ({
  ...state,
  dirty: Blocks.from(dirty),
  tables: new Map(tables),
});

export type PlainState = Omit<AheadState, "dirty" | "tables"> & { dirty: PlainBlocks; tables: [number, string][] };

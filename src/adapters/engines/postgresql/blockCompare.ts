import type { Blocks } from "./blocks.js";
import { type Table, tableName } from "./catalog.js";
import { hashOf } from "./differences.js";
import type { Session } from "./session.js";

/**
 * A physical replica has each row in the same block as its source: a piece of a table is a range or a list of blocks, whether
 * it has a key or not, of whatever type. Reading a piece costs what the piece holds, wherever in the table it lies.
 */
export interface StoredTable extends Table {
  /** Of the file that holds its rows: a rewritten or truncated table has another one. */
  file: number;
  /** As its rows are read: with another column they read differently, without one block having been touched. */
  columnsOf: string;
  /** When it was looked at. */
  blocks: number;
}

export interface Piece {
  table: StoredTable;
  /** Of a range; its end is open where the table's end is. */
  from?: number;
  to?: number;
  /** Of single blocks. */
  list?: number[];
}

/** Pieces that one statement reads. */
const TOGETHER = 100;
const BLOCKS_AT_FIRST = 256;
const MOST_BLOCKS = 8_192;
/** What a statement should take. */
const WANTED_MS = 400;

export interface Compared {
  blocks: number;
  rows: number;
  /** Of each piece, on the source and on the replica. */
  counts: [number, number][];
  /** Blocks whose rows are not the same on both sides. */
  unlike: { table: StoredTable; block: number }[];
}

const tid = (block: number): string => `'(${block},0)'::tid`;
const inRange = ({ from = 0, to }: Piece): string =>
  [...(from === 0 ? [] : [`t.ctid >= ${tid(from)}`]), ...(to === undefined ? [] : [`t.ctid < ${tid(to)}`])].join(" AND ") || "true";
export const inBlock = (block: number): string => inRange({ from: block, to: block + 1 } as Piece);

const SUM = (table: Table): string => `count(*) AS rows, coalesce(sum(${hashOf(table)}::numeric), 0) AS hash`;
/** Each block of a list by an index-like jump: a subquery of its own, which the planner reads by its range of row addresses. */
const perBlock = ({ table, list = [] }: Piece): string =>
  `SELECT b.block, d.rows, d.hash FROM unnest(ARRAY[${list.join(",")}]::bigint[]) b(block)
   CROSS JOIN LATERAL (SELECT ${SUM(table)} FROM ONLY ${tableName(table)} t
     WHERE t.ctid >= format('(%s,0)', b.block)::tid AND t.ctid < format('(%s,0)', b.block + 1)::tid) d`;

const whole = (piece: Piece, at: number): string =>
  piece.list === undefined
    ? `SELECT ${at} AS at, count(*) AS rows, coalesce(sum(${hashOf(piece.table)}::numeric), 0)::text AS hash FROM ONLY ${tableName(piece.table)} t WHERE ${inRange(piece)}`
    : `SELECT ${at} AS at, coalesce(sum(rows), 0) AS rows, coalesce(sum(hash), 0)::text AS hash FROM (${perBlock(piece)}) p`;

const size = (piece: Piece): number => piece.list?.length ?? Math.max((piece.to ?? piece.table.blocks) - (piece.from ?? 0), 1);

/** What is to be read, in pieces of at most so many blocks as are asked for. */
export function* piecesOf(tables: StoredTable[], todo: Blocks, most: () => number): Generator<Piece> {
  for (const table of tables) {
    let list: number[] = [];
    for (const block of todo.of(table.file)) {
      list.push(block);
      if (list.length < most()) continue;
      yield { table, list };
      list = [];
    }
    if (list.length > 0) yield { table, list };
    const tail = todo.tailOf(table.file);
    if (tail === undefined) continue;
    for (let from = tail; ; ) {
      const to = from + most();
      if (to >= table.blocks) {
        yield { table, from };
        break;
      }
      yield { table, from, to };
      from = to;
    }
  }
}

export interface Sides {
  source: Session;
  replica: Session;
}

export type Lot = (Compared & { done: Piece[]; tookMs: number }) | { skipped: StoredTable };

/** A lock that was not had, a table or column that is gone, a replica that had to go on: read in the next pass. */
const LATER = /^(55P03|42P01|42703|42P07|40001|57014|XX000)$/;
export const isForLater = (error: unknown): boolean => LATER.test((error as { code?: string }).code ?? "");

/**
 * Reads pieces on both sides, as many at a time as take about half a second, and tells of each lot. What cannot be read now
 * is told as skipped, as a whole table.
 */
export async function* compareBlocks(sides: Sides, tables: StoredTable[], todo: Blocks): AsyncGenerator<Lot> {
  let budget = BLOCKS_AT_FIRST;
  let lot: Piece[] = [];
  let blocks = 0;
  async function* read(): AsyncGenerator<Lot> {
    const done = lot;
    [lot, blocks] = [[], 0];
    const began = performance.now();
    const result = await compareLot(sides, done).catch((error: Error) => error);
    const tookMs = performance.now() - began;
    if (!(result instanceof Error)) {
      budget = tookMs > WANTED_MS * 2 ? Math.max(1, budget >> 1) : tookMs < WANTED_MS / 2 ? Math.min(MOST_BLOCKS, budget * 2) : budget;
      yield { ...result, done, tookMs };
      return;
    }
    if (!isForLater(result)) throw result;
    budget = BLOCKS_AT_FIRST;
    // One table that cannot be read keeps no other from it.
    for (const piece of done) yield* alone(sides, piece);
  }
  for (const piece of piecesOf(tables, todo, () => budget)) {
    lot.push(piece);
    blocks += size(piece);
    if (lot.length >= TOGETHER || blocks >= budget) yield* read();
  }
  if (lot.length > 0) yield* read();
}

/** By itself, in halves where it takes too long, and as skipped where it cannot be read now. */
async function* alone(sides: Sides, piece: Piece): AsyncGenerator<Lot> {
  const began = performance.now();
  const result = await compareLot(sides, [piece]).catch((error: Error & { code?: string }) => error);
  if (!(result instanceof Error)) yield { ...result, done: [piece], tookMs: performance.now() - began };
  else if (!isForLater(result)) throw result;
  else if ((result.code === TOO_LONG || result.code === IN_THE_WAY) && size(piece) > 1)
    for (const half of halvesOf(piece)) yield* alone(sides, half);
  else yield { skipped: piece.table };
}

const TOO_LONG = "57014";
/** Of a replica that has to replay what a query still needs. */
const IN_THE_WAY = "40001";

function halvesOf(piece: Piece): Piece[] {
  const { table, list, from = 0, to } = piece;
  const half = Math.max(1, size(piece) >> 1);
  if (list !== undefined)
    return [
      { table, list: list.slice(0, half) },
      { table, list: list.slice(half) },
    ];
  return [
    { table, from, to: from + half },
    { table, from: from + half, ...(to === undefined ? {} : { to }) },
  ];
}

async function compareLot({ source, replica }: Sides, lot: Piece[]): Promise<Compared> {
  const sql = lot.map(whole).join(" UNION ALL ");
  const digests = async (session: Session) => {
    const found = await session.rows<{ at: number; rows: string; hash: string }>(sql);
    return new Map(found.map((f) => [f.at, f]));
  };
  const [ours, theirs] = await Promise.all([digests(source), digests(replica)]);
  const result: Compared = { blocks: 0, rows: 0, counts: [], unlike: [] };
  for (const [at, piece] of lot.entries()) {
    const [a, b] = [ours.get(at), theirs.get(at)];
    result.blocks += size(piece);
    result.rows += Number(a?.rows ?? 0);
    result.counts.push([Number(a?.rows ?? 0), Number(b?.rows ?? 0)]);
    if (a?.rows === b?.rows && a?.hash === b?.hash) continue;
    for (const block of await unlikeBlocks({ source, replica }, piece)) result.unlike.push({ table: piece.table, block });
  }
  return result;
}

/** Which blocks of a piece are not the same. None, where what was read was still on its way to the replica. */
async function unlikeBlocks({ source, replica }: Sides, piece: Piece): Promise<number[]> {
  const sql =
    piece.list === undefined
      ? `SELECT split_part(trim(leading '(' FROM t.ctid::text), ',', 1)::bigint AS block, ${SUM(piece.table)} FROM ONLY ${tableName(piece.table)} t WHERE ${inRange(piece)} GROUP BY 1`
      : perBlock(piece);
  const digests = async (session: Session) => {
    const found = await session.rows<{ block: string; rows: string; hash: string }>(sql);
    return new Map(found.map((f) => [Number(f.block), `${f.rows} ${f.hash}`]));
  };
  const [ours, theirs] = await Promise.all([digests(source), digests(replica)]);
  const all = [...new Set([...ours.keys(), ...theirs.keys()])].sort((a, b) => a - b);
  return all.filter((block) => (ours.get(block) ?? "0 0") !== (theirs.get(block) ?? "0 0"));
}

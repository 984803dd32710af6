import { layout as dagre, Graph } from "@dagrejs/dagre";
import type { Box, Part } from "./part.js";

interface Point {
  x: number;
  y: number;
}

export interface PlacedBox extends Box, Point {
  width: number;
  height: number;
  /** Its names, each in as many lines as it needs. */
  lines: { name: string; parts: string[] }[];
}

export interface Layout {
  boxes: PlacedBox[];
  /** Each from the right of the one that needs to the left of the one that is needed, by way of points beside other boxes. */
  edges: { from: string; to: string; points: Point[] }[];
  width: number;
  height: number;
  beside: Beside;
}

export const BOX = { line: 16, padY: 8, head: 14 };
/** Beside a box's names, and for the sign before an application's. */
interface Beside {
  padX: number;
  sign: number;
}
const ROOMY: Beside = { padX: 10, sign: 16 };
const TIGHT: Beside = { padX: 6, sign: 12 };
/** Of a phone, about. */
const TIGHT_BELOW = 500;
/** Of the browser's own sans-serif at 12 pixels, on the wide side. */
const LETTER = 6.7;
const WIDEST = 232;
const GAP = { most: 200, least: 26 };
const BETWEEN = 12;
/** A line that holds so few letters holds no name. */
const LEAST_LETTERS = 6;

/**
 * Who needs something stands left of it, in as much width as there is: where it is too little, columns get narrower in
 * proportion, and names go on in the next line. Pure.
 */
export function layoutOf(part: Part, width: number): Layout {
  const beside = width < TIGHT_BELOW ? TIGHT : ROOMY;
  const wanted = (isFocus: boolean): number => {
    const longest = Math.max(0, ...part.boxes.flatMap((b) => (b.isFocus === isFocus ? b.names.map((n) => n.length) : [])));
    return Math.min(WIDEST, longest * LETTER + 2 * beside.padX + beside.sign + 4);
  };
  const wide: Widths = { focus: wanted(true), others: wanted(false) };
  // How many columns there are does not depend on how wide they are.
  const first = placed(part, wide, GAP.least, beside).boxes;
  const columns = (isFocus: boolean) => new Set(first.filter((b) => b.isFocus === isFocus).map((b) => Math.round(b.x + b.width / 2))).size;
  const gaps = Math.max(1, columns(true) + columns(false) - 1);
  const all = columns(true) * wide.focus + columns(false) * wide.others;
  const gap = Math.max(GAP.least, Math.min(GAP.most, (width - all) / gaps));
  const share = Math.min(1, (width - gaps * gap) / all);
  const narrowed = (of: number): number => Math.max(LEAST_LETTERS * LETTER, of * share);
  return placed(part, { focus: narrowed(wide.focus), others: narrowed(wide.others) }, gap, beside);
}

/** Of the boxes that the graph is about, and of their neighbours. */
interface Widths {
  focus: number;
  others: number;
}

function placed(part: Part, widths: Widths, gap: number, beside: Beside): Layout {
  const graph = new Graph();
  graph.setGraph({ rankdir: "LR", ranksep: gap, nodesep: BETWEEN, edgesep: BETWEEN / 2 });
  graph.setDefaultEdgeLabel(() => ({}));
  const boxes = part.boxes.map((box) => {
    const width = box.isFocus ? widths.focus : widths.others;
    const room = width - 2 * beside.padX - (box.kind === "application" ? beside.sign : 0);
    const letters = Math.max(LEAST_LETTERS, Math.floor(room / LETTER));
    const lines = box.names.map((name) => ({ name, parts: wrapped(name, letters) }));
    const height = 2 * BOX.padY + (headOf(box) === undefined ? 0 : BOX.head) + BOX.line * lines.reduce((sum, l) => sum + l.parts.length, 0);
    graph.setNode(box.id, { width, height });
    return { ...box, lines, width, height };
  });
  for (const { from, to } of part.edges) graph.setEdge(from, to);
  dagre(graph);
  const sized = graph.graph() as { width?: number; height?: number };
  const at = new Map(
    boxes.map((box) => {
      const { x, y } = graph.node(box.id) as Point;
      return [box.id, { ...box, x: x - box.width / 2, y: y - box.height / 2 }];
    }),
  );
  return {
    boxes: [...at.values()],
    edges: part.edges.map(({ from, to }) => ({
      from,
      to,
      points: fromSide(at, { from, to }, (graph.edge(from, to) as { points: Point[] }).points),
    })),
    width: sized.width ?? 0,
    height: sized.height ?? 0,
    beside,
  };
}

/** From side to side; one that leads back, where dependencies go round, is left as it was laid out. */
function fromSide(all: ReadonlyMap<string, PlacedBox>, { from, to }: Part["edges"][number], points: Point[]): Point[] {
  const [a, b] = [all.get(from), all.get(to)];
  if (a === undefined || b === undefined || a.x + a.width >= b.x) return points;
  // It leads past the boxes of the columns between; where there is none, a point would only bend it.
  const passes = [...all.values()].some((box) => box.x > a.x + a.width && box.x + box.width < b.x);
  const between = passes ? points.slice(1, -1).filter(({ x }) => x > a.x + a.width && x < b.x) : [];
  return [{ x: a.x + a.width, y: a.y + a.height / 2 }, ...between, { x: b.x - 1, y: b.y + b.height / 2 }];
}

/** What stands above a box's names, where that is not what the graph is about. */
export const headOf = ({ kind, wave, isFocus }: Box): string | undefined =>
  kind === "service" || kind === "consumer" ? kind : isFocus || wave === undefined ? undefined : `wave ${wave}`;

/** A name in lines of so many letters, broken behind its hyphens and dots where that is possible. Pure. */
export function wrapped(name: string, letters: number): string[] {
  const lines = [""];
  for (const piece of name.match(/[^-. ]*[-. ]?/g)?.flatMap((p) => p.match(new RegExp(`.{1,${letters}}`, "g")) ?? []) ?? []) {
    const last = lines.at(-1) ?? "";
    if (last !== "" && (last + piece).trimEnd().length > letters) lines.push(piece);
    else lines[lines.length - 1] = last + piece;
  }
  return lines.map((l) => l.trimEnd());
}

import { escaped } from "./escaped.js";
import { duration, time } from "./format.js";

export interface Point {
  at: number;
  value: number;
  /** Absent counts as passing. */
  passes?: boolean;
}

export interface Chart {
  /** Unique on its page. */
  id: string;
  title: string;
  points: Point[];
  /** A value holds until the next one: weights. Otherwise points are joined by lines. */
  stepped: boolean;
  /** Highest value that passes. */
  limit?: number | undefined;
  /** Top of the scale, where the values do not set it. */
  top?: number;
  /** Moments to mark, for example rollbacks. */
  marks: { at: number; text: string }[];
  format: (value: number) => string;
}

const WIDTH = 720;
const HEIGHT = 220;
const PLOT = { left: 64, right: WIDTH - 16, top: 14, bottom: HEIGHT - 34 };

/**
 * A chart as inline SVG: named and described for who cannot see it, without a colour that alone means something, sized
 * by its view box, styled by the page's classes.
 */
export function chart({ id, title, points, stepped, limit, top, marks, format }: Chart): string {
  const first = points[0]?.at ?? 0;
  const last = Math.max(points.at(-1)?.at ?? 0, first + 1);
  const most = Math.max(top ?? 0, ...points.map((p) => p.value), (limit ?? 0) * 1.2) || 1;
  const x = (at: number): number => round(PLOT.left + ((at - first) / (last - first)) * (PLOT.right - PLOT.left));
  const y = (value: number): number => round(PLOT.bottom - (value / most) * (PLOT.bottom - PLOT.top));
  const inside = marks.filter((m) => m.at >= first && m.at <= last);
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${id}-title ${id}-desc">`,
    `<title id="${id}-title">${escaped(title)}</title>`,
    `<desc id="${id}-desc">${escaped(described({ points, limit, marks: inside, format }))}</desc>`,
    ...[0, 0.25, 0.5, 0.75, 1].map((part) => {
      const at = y(most * part);
      return `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${at}" y2="${at}"/><text class="tick" x="${PLOT.left - 8}" y="${at + 4}" text-anchor="end">${escaped(format(most * part))}</text>`;
    }),
    ...ticks(first, last).map(
      ({ at, text }, i, all) =>
        `<text class="tick" x="${x(at)}" y="${PLOT.bottom + 20}" text-anchor="${i === 0 ? "start" : i === all.length - 1 ? "end" : "middle"}">${text}</text>`,
    ),
    ...(limit === undefined
      ? []
      : [
          `<line class="limit" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y(limit)}" y2="${y(limit)}"/><text class="limit-text" x="${PLOT.right}" y="${y(limit) - 5}" text-anchor="end">accepted: at most ${escaped(format(limit))}</text>`,
        ]),
    `<path class="line" d="${path(points, x, y, stepped)}"/>`,
    // A failed value has another shape too, for who does not see colours, and for print.
    ...points
      .filter((p) => p.passes === false)
      .map(({ at, value }) => `<path class="bad" d="M${x(at) - 4} ${y(value) - 4}l8 8m0 -8l-8 8"/>`),
    ...inside.map(
      (m) =>
        `<line class="mark" x1="${x(m.at)}" x2="${x(m.at)}" y1="${PLOT.top}" y2="${PLOT.bottom}"/><text class="mark-text" x="${x(m.at) + (x(m.at) > WIDTH / 2 ? -5 : 5)}" y="${PLOT.top + 10}" text-anchor="${x(m.at) > WIDTH / 2 ? "end" : "start"}">${escaped(m.text)}</text>`,
    ),
    "</svg>",
  ].join("");
}

const round = (value: number): number => Math.round(value * 10) / 10;

function path(points: Point[], x: (at: number) => number, y: (value: number) => number, stepped: boolean): string {
  return points
    .map((p, i) => {
      if (i === 0) return `M${x(p.at)} ${y(p.value)}`;
      return stepped ? `H${x(p.at)}V${y(p.value)}` : `L${x(p.at)} ${y(p.value)}`;
    })
    .join("");
}

/** The beginning with its date, and how long after it. */
function ticks(first: number, last: number): { at: number; text: string }[] {
  const span = last - first;
  const later = [0.5, 0.75, 1].map((part) => ({ at: first + span * part, text: `+${duration(span * part)}` }));
  return [{ at: first, text: time(first) }, ...later];
}

function described({ points, limit, marks, format }: Pick<Chart, "points" | "limit" | "marks" | "format">): string {
  const values = points.map((p) => p.value);
  const bad = points.filter((p) => p.passes === false).length;
  return [
    `${points.length} values from ${time(points[0]?.at)} to ${time(points.at(-1)?.at)}: between ${format(Math.min(...values))} and ${format(Math.max(...values))}, ${format(values.at(-1) ?? 0)} in the end.`,
    ...(limit === undefined ? [] : [`At most ${format(limit)} is accepted; ${bad} values did not pass.`]),
    ...marks.map((m) => `${time(m.at)}: ${m.text}.`),
  ].join(" ");
}

import { scaleLinear, scaleUtc } from "d3-scale";
import { curveLinear, curveStepAfter, line } from "d3-shape";
import { type ComponentChild, type ComponentChildren, h } from "preact";
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
/** Of the grid, about. */
const LINES = 4;
const PLOT = { left: 64, right: WIDTH - 16, top: 14, bottom: HEIGHT - 34 };

/**
 * A chart as inline SVG: named and described for who cannot see it, without a colour that alone means something, sized
 * by its view box, styled by the page's classes.
 */
export function chart({ id, title, points, stepped, limit, top, marks, format }: Chart): ComponentChild {
  const first = points[0]?.at ?? 0;
  const last = Math.max(points.at(-1)?.at ?? 0, first + 1);
  const most = Math.max(top ?? 0, ...points.map((p) => p.value), (limit ?? 0) * 1.2) || 1;
  const times = scaleUtc([first, last], [PLOT.left, PLOT.right]);
  const values = scaleLinear([0, most], [PLOT.bottom, PLOT.top]).nice(LINES);
  const x = (at: number): number => round(times(at));
  const y = (value: number): number => round(values(value));
  const inside = marks.filter((m) => m.at >= first && m.at <= last);
  return h(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-labelledby": `${id}-title ${id}-desc` },
    h("title", { id: `${id}-title` }, title),
    h("desc", { id: `${id}-desc` }, described({ points, limit, marks: inside, format })),
    values
      .ticks(LINES)
      .map((value) => [
        across("grid", y(value)),
        h("text", { class: "tick", x: PLOT.left - 8, y: y(value) + 4, "text-anchor": "end" }, format(value)),
      ]),
    labels(first, last).map(({ at, text }, i, all) =>
      h(
        "text",
        { class: "tick", x: x(at), y: PLOT.bottom + 20, "text-anchor": i === 0 ? "start" : i === all.length - 1 ? "end" : "middle" },
        text,
      ),
    ),
    limit !== undefined && [
      across("limit", y(limit)),
      h("text", { class: "limit-text", x: PLOT.right, y: y(limit) - 5, "text-anchor": "end" }, `accepted: at most ${format(limit)}`),
    ],
    h("path", { class: "line", d: joined(points, x, y, stepped) }),
    // A failed value has another shape too, for who does not see colours, and for print.
    points
      .filter((p) => p.passes === false)
      .map(({ at, value }) => h("path", { class: "bad", d: `M${x(at) - 4} ${y(value) - 4}l8 8m0 -8l-8 8` })),
    inside.map((m) => mark(x(m.at), m.text)),
  );
}

const across = (name: string, at: number): ComponentChild => h("line", { class: name, x1: PLOT.left, x2: PLOT.right, y1: at, y2: at });

/** Its text stands on the side that has more room. */
function mark(at: number, text: string): ComponentChildren {
  const isLate = at > WIDTH / 2;
  return [
    h("line", { class: "mark", x1: at, x2: at, y1: PLOT.top, y2: PLOT.bottom }),
    h("text", { class: "mark-text", x: at + (isLate ? -5 : 5), y: PLOT.top + 10, "text-anchor": isLate ? "end" : "start" }, text),
  ];
}

/** Tenths of a pixel: the file stays small. */
const round = (value: number): number => Math.round(value * 10) / 10;

const joined = (points: Point[], x: (at: number) => number, y: (value: number) => number, stepped: boolean): string | null =>
  line<Point>()
    .x((p) => x(p.at))
    .y((p) => y(p.value))
    .curve(stepped ? curveStepAfter : curveLinear)(points);

/** The beginning with its date, and how long after it. */
function labels(first: number, last: number): { at: number; text: string }[] {
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

import { type ScaleLinear, type ScaleTime, scaleLinear, scaleUtc } from "d3-scale";
import { curveLinear, curveStepAfter, line } from "d3-shape";
import { type ComponentChildren, h } from "preact";
import { clock, day, time, value } from "../lib/format.js";
import type { Signals } from "../lib/types.js";

type Chart = Signals["charts"][number];
type Point = Chart["series"][number]["points"][number];
type TimeScale = ScaleTime<number, number>;
type ValueScale = ScaleLinear<number, number>;

export interface ChartProps {
  chart: Chart;
  from: number;
  to: number;
  moments: Signals["moments"];
  /** Instant under the pointer or chosen by the keyboard; the same in all charts. */
  at: number | undefined;
  onAt: (at: number | undefined) => void;
  /** Width in pixels. */
  width: number;
}

const HEIGHT = 168;
const PAD = { top: 14, right: 14, bottom: 24, left: 48 };
/** Lines of the grid, about. */
const LINES = 3;
const QUARTERS = [0, 25, 50, 75, 100];
const MINUTE = 60_000;
const DAY = 86_400_000;

/** One chart: both sides as lines, the gate's limit drawn in, what happened as marks. Its words and values stand beside it. */
export function lineChart({ chart, from, to, moments, at, onAt, width }: ChartProps): ComponentChildren {
  const { threshold, unit } = chart;
  const points = chart.series.flatMap((s) => s.points);
  const seen = points.flatMap((p) => (p.value === null ? [] : [p.value]));
  const x = scaleUtc([from, to], [PAD.left, width - PAD.right]).clamp(true);
  const y = scaleLinear([0, highest(seen, threshold?.value, unit)], [HEIGHT - PAD.bottom, PAD.top]).nice(LINES);
  const focus = at === undefined ? undefined : Math.min(Math.max(at, from), to);
  const instantOf = (e: PointerEvent) => {
    const box = (e.currentTarget as Element).getBoundingClientRect();
    return x.invert(((e.clientX - box.left) / box.width) * width).getTime();
  };
  return h(
    "figure",
    { class: "chart", key: chart.id },
    h("figcaption", null, h("h4", null, chart.title), legend(chart, focus ?? to)),
    seen.length === 0
      ? h("p", { class: "empty nothing" }, "Nothing was measured in this window.")
      : h(
          "svg",
          {
            viewBox: `0 0 ${width} ${HEIGHT}`,
            role: "img",
            "aria-label": describe(chart, from, to),
            onPointerMove: (e: PointerEvent) => onAt(instantOf(e)),
            onPointerLeave: () => onAt(undefined),
          },
          (unit === "percent" ? QUARTERS : y.ticks(LINES)).map((t) => grid(t, y, width, value(t, unit))),
          timeAxis(x, width),
          threshold === undefined ? false : limit(threshold, y, width),
          moments.map((m) => moment(m, x)),
          chart.series.map((s) => h("path", { key: s.id, class: `trace ${s.id}`, d: trace(s.points, x, y, s.id === "asked") })),
          focus === undefined ? false : cursor(chart, focus, x, y),
        ),
  );
}

/** What the scale has to reach: a little above all that is drawn. */
const highest = (seen: readonly number[], limit: number | undefined, unit: Chart["unit"]): number =>
  unit === "percent" ? 100 : Math.max(...seen, limit ?? 0, 1e-9) * 1.08;

/** What each line reads at an instant, beside its colour: no value has to be guessed from the picture. */
function legend(chart: Chart, at: number): ComponentChildren {
  return h(
    "ul",
    { class: "legend" },
    chart.series.map((s) =>
      h(
        "li",
        { key: s.id, class: s.id },
        h("span", { class: "swatch", "aria-hidden": "true" }),
        s.label,
        h("b", null, shown(valueAt(s.points, at, s.id === "asked"), chart.unit)),
      ),
    ),
    chart.threshold === undefined
      ? false
      : h("li", { class: "limit", key: "limit" }, h("span", { class: "swatch", "aria-hidden": "true" }), chart.threshold.label),
  );
}

const shown = (v: number | null | undefined, unit: Chart["unit"]): string => (v === undefined || v === null ? "unknown" : value(v, unit));

/** The newest value at an instant; a reading speaks for itself only, a weight stays until the next. */
export function valueAt(points: readonly Point[], at: number, stays = false): number | null | undefined {
  const found = points.findLast((p) => p.at <= at);
  if (found === undefined) return undefined;
  const next = points.find((p) => p.at > at);
  return stays || next !== undefined || at - found.at < 3_600_000 ? found.value : undefined;
}

const grid = (t: number, y: ValueScale, width: number, label: string): ComponentChildren =>
  h(
    "g",
    { key: `y${t}` },
    h("line", { class: "grid", x1: PAD.left, x2: width - PAD.right, y1: y(t), y2: y(t) }),
    h("text", { class: "tick", x: PAD.left - 8, y: y(t) + 4, "text-anchor": "end" }, label),
  );

/** Round moments in UTC: days where each is one, times of day otherwise. */
function timeAxis(x: TimeScale, width: number): ComponentChildren {
  const count = Math.max(2, Math.floor(width / 95));
  // No label tells seconds.
  const at = x
    .ticks(count)
    .map(Number)
    .filter((t) => t % MINUTE === 0);
  const text = at.every((t) => t % DAY === 0) ? day : clock;
  return at.map((t) => h("text", { key: `x${t}`, class: "tick", x: x(t), y: HEIGHT - 6, "text-anchor": "middle" }, text(t)));
}

const limit = ({ value: v }: NonNullable<Chart["threshold"]>, y: ValueScale, width: number): ComponentChildren =>
  h(
    "g",
    { key: "limit" },
    h("rect", { class: "over", x: PAD.left, y: PAD.top, width: width - PAD.left - PAD.right, height: Math.max(0, y(v) - PAD.top) }),
    h("line", { class: "threshold", x1: PAD.left, x2: width - PAD.right, y1: y(v), y2: y(v) }),
  );

const moment = (m: Signals["moments"][number], x: TimeScale): ComponentChildren =>
  h(
    "g",
    { key: `${m.kind}${m.at}`, class: `moment ${m.kind}` },
    h("line", { x1: x(m.at), x2: x(m.at), y1: PAD.top - 4, y2: HEIGHT - PAD.bottom }),
    h("title", null, `${m.label}, ${time(m.at)}`),
    h("path", { d: `M${x(m.at) - 4} ${PAD.top - 9} h8 l-4 6 z` }),
  );

/** A line that breaks where the value is unknown; weights go in steps. A single reading is a dot: a line of no length with round ends. */
const trace = (points: readonly Point[], x: TimeScale, y: ValueScale, steps: boolean): string | null =>
  line<Point>()
    .defined((p) => p.value !== null)
    .x((p) => x(p.at))
    .y((p) => y(p.value ?? 0))
    .curve(steps ? curveStepAfter : curveLinear)
    .digits(1)(points);

function cursor(chart: Chart, at: number, x: TimeScale, y: ValueScale): ComponentChildren {
  const dots = chart.series.flatMap((s) => {
    const v = valueAt(s.points, at, s.id === "asked");
    return v === undefined || v === null ? [] : [h("circle", { key: s.id, class: `dot ${s.id}`, cx: x(at), cy: y(v), r: 3.5 })];
  });
  return h("g", { key: "cursor", class: "cursor" }, h("line", { x1: x(at), x2: x(at), y1: PAD.top, y2: HEIGHT - PAD.bottom }), dots);
}

/** The chart in a sentence, for those who do not see it. */
function describe(chart: Chart, from: number, to: number): string {
  const lines = chart.series.map((s) => {
    const values = s.points.flatMap((p) => (p.value === null ? [] : [p.value]));
    if (values.length === 0) return `${s.label}: nothing measured`;
    const [low, high] = [Math.min(...values), Math.max(...values)].map((v) => value(v, chart.unit));
    return `${s.label}: between ${low} and ${high}, last ${value(values.at(-1) as number, chart.unit)}`;
  });
  const limitText = chart.threshold === undefined ? "" : ` ${chart.threshold.label}.`;
  return `${chart.title} from ${time(from)} to ${time(to)}. ${lines.join("; ")}.${limitText}`;
}

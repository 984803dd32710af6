import { type ComponentChild, h } from "preact";
import { SHIFTS } from "../config/shift.js";
import { chart, type Point } from "./chart.js";
import { time } from "./format.js";
import type { MigrationReport } from "./report.js";
import { shownValue } from "./story.js";

const NAMES: Record<string, string> = {
  "error-rate": "Requests answered 5xx on the new side",
  "latency-p95": "95th percentile of the request duration on the new side",
  "replica-lag": "Replica lag",
  "lag-zero": "Replica lag after writes stopped",
};

const percent = (value: number): string => `${Math.round(value)} %`;

/** Every chart of a migration, each with its values as a table below. */
export function charts(m: MigrationReport): ComponentChild[] {
  const marks = m.rollbacks.map((r) => ({ at: r.at, text: `back to revision ${r.toRevision}` }));
  const weights = (id: string, title: string, points: Point[]): ComponentChild[] =>
    points.length < 2
      ? []
      : [
          figure(
            title,
            chart({ id: `${m.stack}-${id}`, title, points: lasting(points), stepped: true, top: 100, marks, format: percent }),
            points,
            percent,
          ),
        ];
  return [
    ...weights("dns", SHIFTS[m.shift ?? "dns"].share, m.dnsWeights),
    ...weights("green", "Requests to green", m.greenWeights),
    ...m.series.map(({ gate, phase, points, limit }) => {
      const title = `${NAMES[gate] ?? gate}, phase ${phase}`;
      const format = (value: number): string => shownValue(gate, value);
      const id = `${m.stack}-${phase}-${gate}`;
      return figure(
        title,
        chart({ id, title, points, stepped: false, marks, format, ...(limit === undefined ? {} : { limit }) }),
        points,
        format,
      );
    }),
  ];
}

/** Only what moves is worth its room: the wait before the first change is cut, and the last weight holds on for a while. */
function lasting(points: Point[]): Point[] {
  const [first, second] = points;
  const last = points.at(-1);
  if (first === undefined || second === undefined || last === undefined) return points;
  const margin = Math.max(last.at - second.at, 60_000) / 20;
  return [{ ...first, at: Math.max(first.at, second.at - margin) }, ...points.slice(1), { ...last, at: last.at + margin }];
}

const figure = (title: string, svg: ComponentChild, points: Point[], format: (value: number) => string): ComponentChild =>
  h(
    "figure",
    null,
    h("figcaption", null, title),
    svg,
    h(
      "details",
      null,
      h("summary", null, "Values"),
      h(
        "table",
        null,
        h("thead", null, h("tr", null, h("th", { scope: "col" }, "Time"), h("th", { scope: "col" }, "Value"))),
        h(
          "tbody",
          null,
          points.map((p) => h("tr", null, h("td", null, time(p.at)), h("td", null, format(p.value)))),
        ),
      ),
    ),
  );

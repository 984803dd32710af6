import { type ComponentChildren, h } from "preact";
import { clock, day } from "../lib/format.js";
import type { Migration, Signals, Step } from "../lib/types.js";
import { lineChart } from "./chart.js";
import { PHASE_NAMES } from "./parts.js";

export interface ChartsProps {
  migration: Migration;
  steps: readonly Step[];
  signals: Signals | undefined;
  /** What is chosen: a phase, or everything. */
  window: string;
  onWindow: (window: string) => void;
  at: number | undefined;
  onAt: (at: number | undefined) => void;
  width: number;
}

/** The stretch of time that a choice stands for; the clean-up's long soak would hide everything else. */
export function windowOf(choice: string, m: Migration, steps: readonly Step[]): { from?: number; to?: number } {
  if (choice === "all") return {};
  const own = steps.filter((s) => s.phase === choice && s.startedAt !== undefined);
  const from = Math.min(...own.map((s) => s.startedAt as number));
  if (!Number.isFinite(from)) return {};
  const over = own.every((s) => s.status === "done") && m.phase !== choice;
  const to = Math.max(...own.map((s) => s.completedAt ?? 0));
  return over || (m.status === "completed" && to > 0) ? { from, to } : { from };
}

/** The phase worth looking at first: where users are being moved, else where it is. */
export function firstWindow(m: Migration, steps: readonly Step[]): string {
  if (m.status !== "completed" && steps.some((s) => s.phase === m.phase && s.startedAt !== undefined && s.gates.length > 0)) return m.phase;
  const watched = (phase: string) => steps.some((s) => s.phase === phase && s.status === "done" && s.gates.length > 0);
  return ["traffic", "rollout", "database"].find(watched) ?? "all";
}

/** While the database moves, its lag is what one looks at first. */
export const inOrder = (all: Signals["charts"], window: string): Signals["charts"] =>
  window === "database" ? [...all.filter((c) => c.id === "lag"), ...all.filter((c) => c.id !== "lag")] : all;

/** DNS weights, error rate, latency and lag of both sides under one clock. */
export function charts(props: ChartsProps): ComponentChildren {
  const { migration, steps, signals, window, at, onAt, onWindow, width } = props;
  const begun = migration.phases.filter((p) => steps.some((s) => s.phase === p.phase && s.startedAt !== undefined && s.gates.length > 0));
  return h(
    "section",
    { class: "card charts", "aria-label": "Signals" },
    h(
      "div",
      { class: "row head" },
      h("h3", null, "Signals"),
      h(
        "label",
        { class: "row small" },
        h("span", { class: "quiet" }, "Window"),
        h(
          "select",
          { value: window, onChange: (e: Event) => onWindow((e.target as HTMLSelectElement).value) },
          begun.map((p) => h("option", { key: p.phase, value: p.phase }, PHASE_NAMES[p.phase] ?? p.phase)),
          h("option", { key: "all", value: "all" }, "Whole migration"),
        ),
      ),
      at === undefined ? false : h("span", { class: "small quiet" }, `${day(at)}, ${clock(at)} UTC`),
    ),
    signals === undefined
      ? h("p", { class: "empty" }, "Loading…")
      : h(
          "div",
          { class: "grid" },
          inOrder(signals.charts, window).map((chart) =>
            lineChart({ chart, from: signals.from, to: signals.to, moments: signals.moments, at, onAt, width }),
          ),
        ),
  );
}

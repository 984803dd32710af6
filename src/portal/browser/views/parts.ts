import { type ComponentChildren, h } from "preact";
import type { Problem } from "../lib/api.js";
import { duration, time } from "../lib/format.js";
import type { GateSummary, Migration } from "../lib/types.js";

/** What several views show: statuses, weights, gates, problems. */

export type Tone = "good" | "wait" | "bad" | "run" | "";

export const STATUS: Record<Migration["status"], { word: string; tone: Tone }> = {
  ready: { word: "Ready", tone: "" },
  running: { word: "Running", tone: "run" },
  approval: { word: "Needs approval", tone: "wait" },
  paused: { word: "Paused", tone: "wait" },
  held: { word: "Held", tone: "bad" },
  returning: { word: "Going back", tone: "bad" },
  completed: { word: "Completed", tone: "good" },
  aborted: { word: "Aborted", tone: "" },
};

export const chip = (word: string, tone: Tone): ComponentChildren => h("span", { class: "chip", "data-tone": tone }, word);

export const statusChip = (m: Migration): ComponentChildren =>
  h("span", { class: "chip", "data-tone": STATUS[m.status].tone, "data-status": m.status }, STATUS[m.status].word);

/** Narrow tables are laid out as blocks, which takes their roles away unless they are said. */
export const CELL = { role: "cell" };

export const PHASE_NAMES: Record<string, string> = {
  assess: "Assess",
  containerize: "Containerize",
  database: "Database",
  rollout: "Rollout",
  traffic: "Traffic",
  optimize: "Optimize",
  cleanup: "Clean up",
};

/** Whether users have a side at all, and how they are split; the words say what the bar shows. */
export function weights(m: Migration): ComponentChildren {
  if (m.dns === undefined) return h("span", { class: "quiet small" }, "no public name");
  if (m.dns.records === "none") return h("span", { class: "quiet small" }, "all on the old side");
  const { old, new: fresh } = m.dns;
  return h(
    "span",
    { class: "weights" },
    h(
      "span",
      { class: "bar", "aria-hidden": "true" },
      h("span", { class: "side old", style: { "flex-grow": String(old) } }),
      h("span", { class: "side new", style: { "flex-grow": String(fresh) } }),
    ),
    h("span", { class: "small quiet" }, h("b", { class: "new-ink" }, `${fresh} % new`), ` · ${old} % old`),
  );
}

/** In one word and a number, how the gates of the step at the position stand. */
export function health(m: Migration): { word: string; tone: Tone } {
  const failing = m.gates.filter((g) => g.verdict === "fail").length;
  const unknown = m.gates.filter((g) => g.verdict === "unknown").length;
  const passing = m.gates.filter((g) => g.verdict === "pass").length;
  if (failing > 0) return { word: `${failing} of ${m.gates.length} gates fail`, tone: "bad" };
  if (m.status === "held" || m.status === "returning") return { word: "stopped", tone: "bad" };
  if (unknown > 0) return { word: `${unknown} of ${m.gates.length} gates unknown`, tone: "wait" };
  if (m.gates.length > 0) return { word: `${passing} of ${m.gates.length} gates pass`, tone: passing === m.gates.length ? "good" : "wait" };
  if (m.status === "completed") return { word: "all gates passed", tone: "good" };
  return { word: "nothing to watch", tone: "" };
}

export const VERDICT: Record<GateSummary["verdict"], { word: string; tone: Tone }> = {
  pass: { word: "passes", tone: "good" },
  pending: { word: "not yet", tone: "wait" },
  fail: { word: "fails", tone: "bad" },
  unknown: { word: "unknown", tone: "wait" },
};

export const gateRows = (gates: readonly GateSummary[]): ComponentChildren =>
  h(
    "ul",
    { class: "gates" },
    gates.map((g) =>
      h(
        "li",
        { key: g.gate },
        chip(VERDICT[g.verdict].word, VERDICT[g.verdict].tone),
        h("span", { class: "what" }, h("b", null, g.gate), h("span", { class: "quiet small" }, `accepted: ${g.accepts}`)),
        h("span", { class: "shown mono" }, g.shown),
      ),
    ),
  );

export const problemBox = (problem: Problem | undefined): ComponentChildren =>
  problem === undefined
    ? false
    : h(
        "div",
        { class: "problem", role: "alert", key: "problem" },
        h("strong", null, problem.title),
        h("span", null, problem.detail),
        problem.next === undefined ? false : h("span", null, `Next: ${problem.next}`),
        problem.requestId === undefined ? false : h("span", { class: "quiet small mono" }, `request ${problem.requestId}`),
      );

/** Since when a step's gates pass, and how long they must. */
export function hold({ watch }: Migration): string | undefined {
  if (watch === undefined || watch.holdMs === 0) return undefined;
  const must = `must pass for ${duration(watch.holdMs)} without a break`;
  return watch.passingSince === undefined ? `${must}; not all do yet` : `pass since ${time(watch.passingSince)}; ${must}`;
}

/** The name of a migration, its status, its users, and what can be asked of it. */
export const migrationHeader = (m: Migration, actions: ComponentChildren): ComponentChildren =>
  h(
    "header",
    { class: "top" },
    h(
      "div",
      { class: "who" },
      h("h2", { class: "row" }, m.application, statusChip(m)),
      h(
        "p",
        { class: "quiet" },
        [m.environment, `${m.criticality} criticality`, m.owner, `revision ${m.revision}`].filter(Boolean).join(" · "),
      ),
    ),
    h("div", null, weights(m)),
    actions,
  );

import { type ComponentChildren, h } from "preact";
import type { Migration, Step } from "../lib/types.js";
import { PHASE_NAMES } from "./parts.js";

/** The small form, for a row: a bar a phase, filled as far as it is done. */
export function phaseBar(m: Migration): ComponentChildren {
  const current = m.phases.find((p) => p.phase === m.phase);
  const label = `${PHASE_NAMES[m.phase] ?? m.phase}: ${current?.done ?? 0} of ${current?.steps ?? 0} steps; ${m.done} of ${m.steps} in all`;
  return h(
    "span",
    { class: "phasebar", role: "img", "aria-label": label },
    m.phases.map((p) =>
      h(
        "span",
        {
          key: p.phase,
          class: p.phase === m.phase && m.status !== "completed" ? "phase now" : "phase",
          style: { "flex-grow": String(p.steps) },
        },
        h("span", { class: "fill", style: { width: `${(100 * p.done) / p.steps}%` } }),
      ),
    ),
  );
}

/** The large form: the line from the first step to the last, with where we are; a press on a phase opens its steps. */
export function phaseLine(m: Migration, steps: readonly Step[], onPhase: (phase: string) => void): ComponentChildren {
  return h(
    "ol",
    { class: "line", "aria-label": "Phases" },
    m.phases.map((p) => {
      const own = steps.filter((s) => s.phase === p.phase);
      const here = p.phase === m.phase && m.status !== "completed";
      const state = p.done === p.steps ? "done" : here ? "now" : "ahead";
      return h(
        "li",
        { key: p.phase, class: state, style: { "flex-grow": String(2 + p.steps) }, ...(here ? { "aria-current": "step" } : {}) },
        h(
          "button",
          { class: "plain", type: "button", onClick: () => onPhase(p.phase) },
          h("span", { class: "name" }, PHASE_NAMES[p.phase] ?? p.phase),
          h("span", { class: "count" }, state === "done" ? "done" : `${p.done} of ${p.steps}`),
        ),
        h(
          "span",
          { class: "marks", "aria-hidden": "true" },
          own.map((s) => h("span", { key: s.id, class: markOf(s, m), title: s.title })),
        ),
      );
    }),
  );
}

const markOf = (s: Step, m: Migration): string =>
  ["mark", s.status, s.id === m.step?.id && m.status !== "completed" ? "here" : "", s.pointOfNoReturn ? "point" : ""].join(" ").trim();

import { type ComponentChildren, h } from "preact";
import type { RiskView } from "../lib/types.js";
import { chip } from "./parts.js";

const TONE = { high: "bad", medium: "wait", low: "" } as const;
const STEP_TONE = { done: "good", running: "run", failed: "bad", undone: "wait", waiting: "" } as const;

/** The risk register: the facts each risk rests on, and how far the steps that mitigate it are. */
export function risksPanel({ risks }: { risks: RiskView[] }): ComponentChildren {
  if (risks.length === 0) return h("p", { class: "empty" }, "No risks follow from the known facts.");
  return h(
    "ul",
    { class: "columns" },
    risks.map((r) =>
      h(
        "li",
        { class: "card risk", key: r.id },
        h(
          "h3",
          { class: "row" },
          r.title,
          chip(`${r.severity} risk`, TONE[r.severity]),
          r.standing === "mitigated" ? chip("mitigated", "good") : false,
        ),
        h("p", null, r.evidence),
        h("p", { class: "quiet" }, `Mitigation: ${r.mitigation}.`),
        h(
          "ul",
          { class: "mitigations" },
          r.mitigatedBy.map((s) =>
            h("li", { key: s.id }, chip(s.status === "waiting" ? "to come" : s.status, STEP_TONE[s.status]), h("span", null, s.title)),
          ),
        ),
      ),
    ),
  );
}

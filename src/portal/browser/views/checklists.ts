import { type ComponentChildren, h } from "preact";
import { time } from "../lib/format.js";
import type { Checklist } from "../lib/types.js";

const TICK = { done: "✓", running: "", failed: "!", undone: "", waiting: "" } as const;
const WORD = { done: "done", running: "under way", failed: "failed", undone: "undone", waiting: "not yet" } as const;

/** The guide's checklists. Nothing here can be pressed: a line is ticked by what the steps left. */
export function checklistPanel({ checklists }: { checklists: Checklist[] }): ComponentChildren {
  return h(
    "div",
    { class: "stack" },
    h("p", { class: "quiet" }, "The guide's checklists, ticked by the outcome of the steps that carry them out, never by hand."),
    h("div", { class: "columns" }, checklists.map(list)),
  );
}

const list = ({ id, title, phase, done, items }: Checklist): ComponentChildren =>
  h(
    "section",
    { class: "card", key: id, "aria-label": title },
    h("p", { class: "eyebrow" }, phase),
    h("h3", { class: "row" }, title, h("span", { class: "quiet small" }, `${done} of ${items.length}`)),
    h(
      "ul",
      { class: "ticks" },
      items.map((item) =>
        h(
          "li",
          { key: item.text, class: item.tick },
          h("span", { class: "box", "aria-hidden": "true" }, TICK[item.tick]),
          h("span", null, h("span", { class: "sr" }, `${WORD[item.tick]}: `), item.text),
          item.evidence === undefined ? false : h("span", { class: "quiet small evidence" }, item.evidence),
          h(
            "span",
            { class: "quiet small" },
            item.steps.map((s, i) => [i > 0 ? " " : "", h("code", { key: s.id }, s.id)]),
            item.at === undefined ? ` ${WORD[item.tick]}` : ` ${time(item.at)}`,
          ),
        ),
      ),
    ),
  );

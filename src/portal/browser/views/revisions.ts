import { type ComponentChildren, h } from "preact";
import { time } from "../lib/format.js";
import type { Revision } from "../lib/types.js";
import type { PanelContext, RevisionsData } from "./panel.js";

/** Two revisions side by side by what differs, and all of them with why and who. */
export function revisionsPanel(data: RevisionsData, { choose, rollback }: PanelContext): ComponentChildren {
  const { current, revisions, changes, left, right } = data;
  const pick = (label: string, chosen: number, on: (n: number) => void): ComponentChildren =>
    h(
      "label",
      { class: "field" },
      label,
      h(
        "select",
        { value: String(chosen), onChange: (e: Event) => on(Number((e.target as HTMLSelectElement).value)) },
        revisions.map((r) => h("option", { key: r.number, value: String(r.number) }, `${r.number}: ${short(r.why)}`)),
      ),
    );
  return h(
    "div",
    { class: "stack" },
    h(
      "section",
      { class: "card stack", "aria-label": "Side by side" },
      h("h3", null, "Side by side"),
      h(
        "div",
        { class: "sides" },
        pick("Left", left, (n) => choose({ compared: { left: n } })),
        pick("Right", right, (n) => choose({ compared: { right: n } })),
      ),
      changes.length === 0
        ? h("p", { class: "quiet" }, "These two have the same config.")
        : h(
            "div",
            { class: "scroll", tabindex: 0, role: "group", "aria-label": "What differs" },
            h(
              "table",
              { class: "sides-table" },
              h("caption", { class: "sr" }, `What differs between revision ${left} and revision ${right}`),
              h(
                "thead",
                null,
                h(
                  "tr",
                  null,
                  ["Path", `Revision ${left}`, `Revision ${right}`].map((t, i) => h("th", { scope: "col", key: i }, t)),
                ),
              ),
              h(
                "tbody",
                null,
                changes.map((c) =>
                  h("tr", { key: c.path }, h("th", { scope: "row", class: "mono" }, c.path), side(c.before, "del"), side(c.after, "ins")),
                ),
              ),
            ),
          ),
    ),
    h(
      "section",
      { class: "card", "aria-label": "All revisions" },
      h("h3", null, "All revisions"),
      h(
        "div",
        { class: "scroll", tabindex: 0, role: "group", "aria-label": "All revisions" },
        h(
          "table",
          null,
          h("caption", { class: "sr" }, "Revisions, newest first"),
          h(
            "thead",
            null,
            h(
              "tr",
              null,
              ["No.", "When", "Why", "Who", ""].map((t, i) =>
                h("th", { scope: "col", key: i }, t === "" ? h("span", { class: "sr" }, "Actions") : t),
              ),
            ),
          ),
          h(
            "tbody",
            null,
            [...revisions].reverse().map((r) => row(r, current, rollback)),
          ),
        ),
      ),
    ),
  );
}

const side = (value: unknown, tag: "del" | "ins"): ComponentChildren =>
  h(
    "td",
    null,
    value === undefined
      ? h("span", { class: "quiet" }, "not set")
      : h(tag, { class: "mono" }, typeof value === "string" ? value : JSON.stringify(value)),
  );

const row = (r: Revision, current: number, rollback: PanelContext["rollback"]): ComponentChildren =>
  h(
    "tr",
    { key: r.number },
    h("td", null, h("b", null, r.number)),
    h("td", { class: "at" }, time(r.at)),
    h(
      "td",
      { class: "why" },
      r.why,
      r.restores === undefined ? false : h("span", { class: "quiet small" }, ` restores revision ${r.restores}`),
    ),
    h("td", null, r.who),
    h(
      "td",
      null,
      r.number === current
        ? h("span", { class: "quiet" }, "applied now")
        : rollback === undefined
          ? false
          : h(
              "button",
              { type: "button", "aria-label": `Roll back to revision ${r.number}`, onClick: () => rollback(r.number) },
              "Roll back…",
            ),
    ),
  );

const short = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text);

import { type ComponentChildren, h } from "preact";
import { plural, time } from "../lib/format.js";
import type { Scorecard } from "../lib/types.js";
import { chip } from "./parts.js";

const STANDING = {
  met: { word: "met", tone: "good" },
  missed: { word: "missed", tone: "bad" },
  open: { word: "not due yet", tone: "" },
  unknown: { word: "unknown", tone: "wait" },
} as const;

/** The 30/60/90-day goals, each with what it rests on. */
export function goalsPanel({ since, days, goals }: Scorecard): ComponentChildren {
  return h(
    "div",
    { class: "stack" },
    h(
      "p",
      { class: "quiet" },
      since === undefined
        ? "The days count from when all users have moved; they have not yet."
        : `All users had moved on ${time(since)}, ${plural(days ?? 0, "day")} ago.`,
    ),
    h(
      "div",
      { class: "columns" },
      ([30, 60, 90] as const).map((due) => {
        const own = goals.filter((g) => g.days === due);
        return h(
          "section",
          { class: "card", key: due, "aria-label": `${due} days` },
          h(
            "h3",
            { class: "row" },
            `${due} days`,
            h("span", { class: "quiet small" }, `${own.filter((g) => g.standing === "met").length} of ${own.length} met`),
          ),
          h(
            "ul",
            { class: "goals" },
            own.map((g) =>
              h(
                "li",
                { key: g.id },
                h("span", { class: "row" }, chip(STANDING[g.standing].word, STANDING[g.standing].tone), h("b", null, g.title)),
                h("span", { class: "quiet small" }, g.evidence),
              ),
            ),
          ),
        );
      }),
    ),
  );
}

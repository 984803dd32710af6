import { type ComponentChildren, h } from "preact";
import type { EditAnswer } from "../lib/types.js";

/** What somebody edited in the stack's file, and no revision has: shown, and taken after its preview was seen. */
export function editsPanel({ changes, refused }: EditAnswer, take: (() => void) | undefined): ComponentChildren {
  return h(
    "section",
    { class: "card stack", "aria-label": "Edits" },
    h(
      "p",
      { class: "quiet" },
      "What was edited in the stack's file while this migration runs. It stops no step, and none applies it until it is taken as a revision.",
    ),
    changes.length === 0
      ? h("p", { class: "empty" }, "Nothing in the stack's file differs from what is applied.")
      : editList({ changes, refused }),
    take === undefined || changes.length === 0 || refused.length > 0
      ? false
      : h("div", { class: "filters" }, h("button", { type: "button", class: "primary", onClick: take }, "Preview and apply…")),
  );
}

export const editList = ({ changes, refused }: Pick<EditAnswer, "changes" | "refused">): ComponentChildren => [
  h(
    "ul",
    null,
    changes.map(({ path, before, after }) =>
      h(
        "li",
        { key: path },
        h("span", { class: "mono" }, path),
        ": ",
        h("del", null, printed(before)),
        " → ",
        h("ins", null, printed(after)),
      ),
    ),
  ),
  refused.length === 0
    ? false
    : h(
        "ul",
        { class: "bad", "aria-label": "What cannot be taken" },
        refused.map(({ path, accepted }) => h("li", { key: path }, h("span", { class: "mono" }, path), ` cannot be taken: ${accepted}`)),
      ),
];

const printed = (value: unknown): string => (value === undefined ? "nothing" : typeof value === "string" ? value : JSON.stringify(value));

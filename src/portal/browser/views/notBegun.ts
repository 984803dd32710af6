import { type ComponentChildren, h } from "preact";
import type { StackInFile } from "../lib/types.js";
import { CELL, chip } from "./parts.js";

/** How stacks are begun; absent where no commands are offered. */
export interface BeginActions {
  /** Those that are chosen to be begun together. */
  picked: ReadonlySet<string>;
  pick: (stacks: readonly string[], isPicked: boolean) => void;
  begin: (stacks: readonly string[]) => void;
}

/** In the head of the group: all of them, and the button for those that are chosen. */
export function beginSeveral(stacks: readonly StackInFile[], actions: BeginActions | undefined): ComponentChildren {
  const all = stacks.filter((s) => s.mayBegin).map((s) => s.stack);
  if (actions === undefined || all.length < 2) return false;
  const { picked, pick, begin } = actions;
  const chosen = all.filter((s) => picked.has(s));
  return h(
    "span",
    { class: "several" },
    h(
      "label",
      { class: "row small" },
      h("input", {
        type: "checkbox",
        checked: chosen.length === all.length,
        indeterminate: chosen.length > 0 && chosen.length < all.length,
        onChange: (e: Event) => pick(all, (e.target as HTMLInputElement).checked),
      }),
      `All ${all.length} that can be begun`,
    ),
    h(
      "button",
      { type: "button", class: chosen.length === 0 ? "" : "primary", disabled: chosen.length === 0, onClick: () => begin(chosen) },
      chosen.length === 0 ? "Begin those chosen…" : `Begin ${chosen.length} chosen…`,
    ),
  );
}

/** A stack whose migration has not begun: what is wrong in its file, or how it is begun. */
export function notBegunRow(s: StackInFile, actions: BeginActions | undefined): ComponentChildren {
  const { stack, application, environment, criticality, owner } = s;
  const canBegin = actions !== undefined && s.mayBegin;
  return h(
    "tr",
    { key: `not begun ${stack}`, class: "waiting", role: "row" },
    h(
      "th",
      { scope: "row", role: "rowheader" },
      h(
        "label",
        { class: "pick" },
        canBegin
          ? h("input", {
              type: "checkbox",
              "aria-label": `Choose ${stack}`,
              checked: actions.picked.has(stack),
              onChange: (e: Event) => actions.pick([stack], (e.target as HTMLInputElement).checked),
            })
          : false,
        h("b", null, application ?? stack),
      ),
      h(
        "span",
        { class: "quiet small" },
        [environment, criticality === undefined ? undefined : `${criticality} criticality`, owner].filter(Boolean).join(" · "),
      ),
    ),
    h("td", CELL, chip("Not begun", "")),
    h("td", { class: "next", colspan: 3, ...CELL }, how(s, actions)),
  );
}

function how({ stack, problem, mayBegin }: StackInFile, actions: BeginActions | undefined): ComponentChildren {
  if (problem !== undefined) return h("span", { class: "bad" }, problem);
  if (actions === undefined) return h("span", { class: "quiet" }, `\`cutover advance ${stack} --extent step\` begins it.`);
  if (!mayBegin) return h("span", { class: "quiet" }, "Whoever has the role operator for it may begin it.");
  return h("button", { type: "button", "aria-label": `Begin ${stack}…`, onClick: () => actions.begin([stack]) }, "Begin…");
}

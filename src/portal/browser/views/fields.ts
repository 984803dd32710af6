import { h, type View } from "../lib/render.js";
import type { DialogProps, DialogState, Extent } from "./dialogState.js";
import { gravity, lostNames } from "./intent.js";

/** What a person types or chooses in a dialog. */

const EXTENTS: [Extent, string][] = [
  ["step", "The next step"],
  ["phase", "To the end of the phase"],
  ["end", "To the end"],
];

export const extents = (state: DialogState, change: DialogProps["change"]): View =>
  h(
    "fieldset",
    null,
    h("legend", { class: "sr" }, "How far"),
    EXTENTS.map(([value, label]) =>
      h(
        "label",
        { class: "choice", key: value },
        h("input", { type: "radio", name: "extent", value, checked: state.extent === value, onchange: () => change({ extent: value }) }),
        label,
      ),
    ),
  );

export const whyField = ({ state, change }: DialogProps): View =>
  h(
    "label",
    { class: "field", key: "why" },
    "Why",
    h("span", { class: "quiet small" }, "Stands in the journal."),
    h("input", {
      type: "text",
      maxlength: 500,
      value: state.why,
      oninput: (e: Event) => change({ why: (e.target as HTMLInputElement).value }),
    }),
  );

export const nameField = ({ state, migration, steps, change }: DialogProps): View =>
  h(
    "label",
    { class: "field", key: "name" },
    h("span", null, `${gravity(state, migration, steps)} Type `, h("span", { class: "whole" }, migration.application), " to go on"),
    h("input", {
      type: "text",
      autocomplete: "off",
      spellcheck: "false",
      value: state.typed,
      oninput: (e: Event) => change({ typed: (e.target as HTMLInputElement).value }),
    }),
  );

/** One field for each resource whose loss is approved. */
export const lostNameFields = ({ state, migration, change }: DialogProps): View =>
  lostNames(state.action, migration).map((name) =>
    h(
      "label",
      { class: "field", key: `lost-${name}` },
      h("span", null, "Type the resource's name, ", h("span", { class: "whole" }, name), ", to approve its loss"),
      h("input", {
        type: "text",
        autocomplete: "off",
        spellcheck: "false",
        value: state.named[name] ?? "",
        oninput: (e: Event) => change({ named: { ...state.named, [name]: (e.target as HTMLInputElement).value } }),
      }),
    ),
  );

export const revisionField = ({ state, migration, change }: DialogProps): View =>
  h(
    "label",
    { class: "field" },
    "Back to",
    h(
      "select",
      { onchange: (e: Event) => change({ revision: Number((e.target as HTMLSelectElement).value) }) },
      (state.revisions ?? [])
        .filter((r) => r.number !== migration.revision)
        .reverse()
        .map((r) =>
          h("option", { key: r.number, value: String(r.number), selected: r.number === state.revision }, `${r.number}: ${r.why}`),
        ),
    ),
  );

import { type ComponentChildren, h } from "preact";
import type { DialogProps, DialogState, Extent } from "./dialogState.js";
import { gravity, lostNames } from "./intent.js";

/** What a person types or chooses in a dialog. */

const EXTENTS: [Extent, string][] = [
  ["step", "The next step"],
  ["phase", "To the end of the phase"],
  ["end", "To the end"],
];

export const extents = (state: DialogState, change: DialogProps["change"]): ComponentChildren =>
  h(
    "fieldset",
    null,
    h("legend", { class: "sr" }, "How far"),
    EXTENTS.map(([value, label]) =>
      h(
        "label",
        { class: "choice", key: value },
        h("input", { type: "radio", name: "extent", value, checked: state.extent === value, onChange: () => change({ extent: value }) }),
        label,
      ),
    ),
  );

export const whyField = ({ state, change }: DialogProps): ComponentChildren =>
  h(
    "label",
    { class: "field", key: "why" },
    "Why",
    h("span", { class: "quiet small" }, "Stands in the journal."),
    h("input", {
      type: "text",
      maxlength: 500,
      value: state.why,
      onInput: (e: Event) => change({ why: (e.target as HTMLInputElement).value }),
    }),
  );

export const nameField = ({ state, migration, steps, change }: DialogProps): ComponentChildren =>
  h(
    "label",
    { class: "field", key: "name" },
    h("span", null, `${gravity(state, migration, steps)} Type `, h("span", { class: "whole" }, migration.application), " to go on"),
    h("input", {
      type: "text",
      autocomplete: "off",
      spellcheck: false,
      value: state.typed,
      onInput: (e: Event) => change({ typed: (e.target as HTMLInputElement).value }),
    }),
  );

/** One field for each resource whose loss is approved. */
export const lostNameFields = ({ state, migration, change }: DialogProps): ComponentChildren =>
  lostNames(state.action, migration).map((name) =>
    h(
      "label",
      { class: "field", key: `lost-${name}` },
      h("span", null, "Type the resource's name, ", h("span", { class: "whole" }, name), ", to approve its loss"),
      h("input", {
        type: "text",
        autocomplete: "off",
        spellcheck: false,
        value: state.named[name] ?? "",
        onInput: (e: Event) => change({ named: { ...state.named, [name]: (e.target as HTMLInputElement).value } }),
      }),
    ),
  );

export const revisionField = ({ state, migration, change }: DialogProps): ComponentChildren =>
  h(
    "label",
    { class: "field" },
    "Back to",
    h(
      "select",
      { value: String(state.revision), onChange: (e: Event) => change({ revision: Number((e.target as HTMLSelectElement).value) }) },
      (state.revisions ?? [])
        .filter((r) => r.number !== migration.revision)
        .reverse()
        .map((r) => h("option", { key: r.number, value: String(r.number) }, `${r.number}: ${r.why}`)),
    ),
  );

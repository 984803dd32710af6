import { type ComponentChildren, h } from "preact";
import { plural, shortImage } from "../lib/format.js";
import type { InventoryView, Migration, StackInFile } from "../lib/types.js";
import { FIRST_CHOICE, type FleetChoice, grouped, ORDERS, type Order, STATES, type State, type StateOf, textOf } from "./fleetChoice.js";
import { type BeginActions, beginSeveral, notBegunRow } from "./notBegun.js";
import { CELL, chip, health, STATUS, statusChip, weights } from "./parts.js";
import { phaseBar } from "./phases.js";

export interface FleetProps {
  migrations: readonly Migration[];
  loaded: boolean;
  inventory: InventoryView | undefined;
  /** Stacks whose migration has not begun. */
  notBegun: readonly StackInFile[];
  chosen: FleetChoice;
  choose: (what: Partial<FleetChoice>) => void;
  hrefOf: (stack: string) => string;
  onSelect: (stack: string, event: Event) => void;
  /** Absent where no commands are offered. */
  beginning?: BeginActions;
}

/** All applications: what needs a person first, then by wave where each is, how it is and where its users are. */
export function fleet(props: FleetProps): ComponentChildren {
  const { migrations, loaded, inventory, notBegun, chosen, choose } = props;
  if (!loaded) return h("p", { class: "empty" }, "Loading the fleet…");
  if (migrations.length === 0 && notBegun.length === 0)
    return h("p", { class: "empty" }, "No stack has a config here. `cutover init` writes one.");
  const wanted = chosen.text.trim().toLowerCase();
  const matches = (...words: (string | undefined)[]) => wanted === "" || words.join(" ").toLowerCase().includes(wanted);
  const shown = migrations.filter((m) => STATES[chosen.state].of(m) && matches(m.stack, m.owner, STATUS[m.status].word, m.status, m.phase));
  const waiting = chosen.state === "all" ? notBegun.filter((s) => matches(s.stack, s.owner, "not begun")) : [];
  return h(
    "div",
    { class: "stack" },
    tiles(migrations, props),
    h(
      "div",
      { class: "filters" },
      h(
        "label",
        { class: "filter" },
        h("span", { class: "sr" }, "Filter by name, owner, status or phase"),
        h("input", {
          type: "search",
          placeholder: "Filter by name, owner, status or phase",
          value: chosen.text,
          onInput: (e: Event) => choose({ text: (e.target as HTMLInputElement).value }),
        }),
      ),
      h(
        "label",
        { class: "row small" },
        h("span", { class: "quiet" }, "By"),
        h(
          "select",
          { value: chosen.order, onChange: (e: Event) => choose({ order: (e.target as HTMLSelectElement).value as Order }) },
          Object.entries(ORDERS).map(([id, { title }]) => h("option", { key: id, value: id }, title)),
        ),
      ),
      isFirst(chosen)
        ? false
        : h("button", { type: "button", onClick: () => choose({ ...FIRST_CHOICE, graph: chosen.graph }) }, "Show everything"),
    ),
    h(
      "div",
      { class: "card flush" },
      h(
        "table",
        { class: "fleet", role: "table" },
        h("caption", { class: "sr" }, "Migrations: what needs a person first"),
        h(
          "thead",
          { role: "rowgroup" },
          h(
            "tr",
            null,
            ["Application", "Status", "Progress", "Users", "Now or next"].map((t) =>
              h("th", { scope: "col", role: "columnheader", key: t }, t),
            ),
          ),
        ),
        grouped(shown, inventory, chosen.order).map(({ title, note, of }) =>
          group(
            title,
            note,
            props,
            of.map((m) => row(m, props)),
          ),
        ),
        waiting.length === 0
          ? false
          : group(
              "Not begun",
              `${plural(waiting.length, "stack")} with a config`,
              props,
              waiting.map((s) => notBegunRow(s, props.beginning)),
              beginSeveral(waiting, props.beginning),
            ),
      ),
      shown.length + waiting.length === 0 ? h("p", { class: "empty pad" }, "Nothing matches the filter.") : false,
    ),
  );
}

/** The graph has a choice of its own. */
const isFirst = (chosen: FleetChoice): boolean => textOf({ ...chosen, graph: FIRST_CHOICE.graph }) === "";

function group(
  title: string,
  note: string,
  { chosen, choose }: FleetProps,
  rows: ComponentChildren[],
  more: ComponentChildren = false,
): ComponentChildren {
  const isOpen = !chosen.folded.has(title);
  const toggle = (): void => {
    const folded = new Set(chosen.folded);
    if (!folded.delete(title)) folded.add(title);
    choose({ folded });
  };
  return h(
    "tbody",
    { key: title, role: "rowgroup" },
    h(
      "tr",
      { class: "wave", role: "row" },
      h(
        "th",
        { scope: "rowgroup", role: "rowheader", colspan: 5 },
        h(
          "button",
          { type: "button", class: "plain fold", "aria-expanded": String(isOpen), onClick: toggle },
          h("span", { "aria-hidden": "true" }, isOpen ? "▾" : "▸"),
          title,
        ),
        h("span", { class: "quiet" }, note),
        isOpen ? more : false,
      ),
    ),
    isOpen ? rows : false,
  );
}

function tiles(all: readonly Migration[], { chosen, choose }: FleetProps): ComponentChildren {
  const withUsers = all.filter((m) => m.dns !== undefined).length;
  return h(
    "div",
    { class: "tiles", role: "group", "aria-label": "Show only" },
    (Object.keys(STATES) as State[]).map((id) => {
      const state: StateOf = STATES[id];
      const count = all.filter(state.of).length;
      const isTold = id === "moved" ? count > 0 && count === withUsers : count > 0 && id !== "completed";
      return h(
        "button",
        {
          type: "button",
          key: id,
          class: "tile",
          "data-tone": isTold ? state.tone : "",
          "aria-pressed": String(chosen.state === id),
          onClick: () => choose({ state: chosen.state === id ? "all" : id }),
        },
        h("b", null, id === "moved" ? `${count} of ${withUsers}` : String(count)),
        h("span", null, count === 1 && id !== "moved" ? (state.one ?? state.label) : state.label),
      );
    }),
  );
}

function row(m: Migration, { hrefOf, onSelect }: FleetProps): ComponentChildren {
  const condition = health(m);
  return h(
    "tr",
    {
      key: m.stack,
      class: "migration",
      role: "row",
      onClick: (e: Event) => ((e.target as Element).closest("a") === null ? onSelect(m.stack, e) : undefined),
    },
    h(
      "th",
      { scope: "row", role: "rowheader" },
      h("a", { href: hrefOf(m.stack), onClick: (e: Event) => onSelect(m.stack, e) }, m.application),
      h("span", { class: "quiet small" }, [m.environment, `${m.criticality} criticality`, m.owner].filter(Boolean).join(" · ")),
    ),
    h("td", CELL, statusChip(m), h("span", { class: "small under", "data-tone": condition.tone }, condition.word)),
    h("td", CELL, phaseBar(m), h("span", { class: "quiet small" }, `${m.done} of ${m.steps} steps`)),
    h("td", CELL, weights(m)),
    h(
      "td",
      { class: "next", ...CELL },
      next(m),
      h("span", { class: "quiet small" }, `revision ${m.revision} · `, h("span", { class: "mono" }, shortImage(m.image))),
    ),
  );
}

function next(m: Migration): ComponentChildren {
  if (m.blind !== undefined) return h("span", { class: "bad" }, `Nobody sees how its users fare: ${m.blind.why}`);
  if (m.heldReason !== undefined && m.status !== "aborted") return h("span", { class: m.status === "held" ? "bad" : "" }, m.heldReason);
  if (m.returning !== undefined) return h("span", { class: "bad" }, `Back to revision ${m.returning.revision}: ${m.returning.why}`);
  if (m.status === "aborted") return h("span", { class: "quiet" }, "Aborted.");
  if (m.step === undefined) return h("span", { class: "quiet" }, "Everything is done.");
  return h("span", null, m.step.asks ?? m.step.title);
}

export const liveChip = (live: boolean): ComponentChildren => (live ? chip("Live", "good") : chip("Not live", "wait"));

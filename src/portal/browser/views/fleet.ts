import { type ComponentChildren, h } from "preact";
import { plural, shortImage } from "../lib/format.js";
import type { InventoryView, Migration, StackInFile } from "../lib/types.js";
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
  /** Absent where no commands are offered, or the person may begin none. */
  begin?: (stack: string) => void;
}

/** What of the fleet is looked at, and in which order. */
export interface FleetChoice {
  text: string;
  state: keyof typeof STATES;
  order: keyof typeof ORDERS;
  /** Groups that are folded, by title. */
  folded: ReadonlySet<string>;
}
export const FIRST_CHOICE: FleetChoice = { text: "", state: "all", order: "wave", folded: new Set() };

export const NEEDS_SOMEBODY: Migration["status"][] = ["approval", "held", "returning", "paused"];
const needsSomebody = (m: Migration): boolean => NEEDS_SOMEBODY.includes(m.status) || m.blind !== undefined;
const hasMoved = (m: Migration): boolean => m.dns?.new === 100;

/** The tiles: what they count, and what is left when one is chosen. */
const STATES = {
  all: { label: "migrations", one: "migration", of: () => true, tone: "" },
  running: { label: "running now", of: (m: Migration) => m.running, tone: "run" },
  person: { label: "need a person", one: "needs a person", of: needsSomebody, tone: "wait" },
  moved: { label: "have all users on the new side", one: "has all users on the new side", of: hasMoved, tone: "good" },
  completed: { label: "completed", of: (m: Migration) => m.status === "completed", tone: "good" },
} satisfies Record<string, { label: string; one?: string; of: (m: Migration) => boolean; tone: string }>;

/** Orders beside the waves: least first. */
const ORDERS = {
  wave: { title: "Wave", of: undefined },
  name: { title: "Name", of: (m: Migration) => m.stack },
  status: { title: "Status", of: (m: Migration) => STATUS[m.status].word },
  progress: { title: "Progress, least first", of: (m: Migration) => m.done / Math.max(1, m.steps) },
  users: { title: "Users on the new side, most first", of: (m: Migration) => -(m.dns?.new ?? -1) },
  criticality: { title: "Criticality, highest first", of: (m: Migration) => ["high", "medium", "low"].indexOf(m.criticality) },
} satisfies Record<string, { title: string; of: ((m: Migration) => string | number) | undefined }>;

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
          { value: chosen.order, onChange: (e: Event) => choose({ order: (e.target as HTMLSelectElement).value as FleetChoice["order"] }) },
          Object.entries(ORDERS).map(([id, { title }]) => h("option", { key: id, value: id }, title)),
        ),
      ),
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
              waiting.map((s) => notBegunRow(s, props)),
            ),
      ),
      shown.length + waiting.length === 0 ? h("p", { class: "empty pad" }, "Nothing matches the filter.") : false,
    ),
  );
}

function group(title: string, note: string, { chosen, choose }: FleetProps, rows: ComponentChildren[]): ComponentChildren {
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
    (Object.keys(STATES) as FleetChoice["state"][]).map((id) => {
      const state: { label: string; one?: string; of: (m: Migration) => boolean; tone: string } = STATES[id];
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

function notBegunRow(
  { stack, application, environment, criticality, owner, problem }: StackInFile,
  { begin }: FleetProps,
): ComponentChildren {
  return h(
    "tr",
    { key: `not begun ${stack}`, role: "row" },
    h(
      "th",
      { scope: "row", role: "rowheader" },
      h("b", null, application ?? stack),
      h(
        "span",
        { class: "quiet small" },
        [environment, criticality === undefined ? undefined : `${criticality} criticality`, owner].filter(Boolean).join(" · "),
      ),
    ),
    h("td", CELL, chip("Not begun", "")),
    h(
      "td",
      { class: "next", colspan: 3, ...CELL },
      problem !== undefined
        ? h("span", { class: "bad" }, problem)
        : begin === undefined
          ? h("span", { class: "quiet" }, `\`cutover advance ${stack} --extent step\` begins it.`)
          : h(
              "button",
              {
                type: "button",
                "aria-label": `Begin ${stack}`,
                title: "Takes its config as revision 0; nothing is changed until somebody advances it",
                onClick: () => begin(stack),
              },
              "Begin",
            ),
    ),
  );
}

interface Group {
  title: string;
  note: string;
  of: Migration[];
}

/** What needs a person, then the rest by wave; or everything in another order. */
export function grouped(migrations: Migration[], inventory: InventoryView | undefined, order: FleetChoice["order"]): Group[] {
  const by: ((m: Migration) => string | number) | undefined = ORDERS[order].of;
  if (by !== undefined) {
    const of = [...migrations].sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : a.stack < b.stack ? -1 : 1));
    return of.length === 0 ? [] : [{ title: "All applications", note: `by ${ORDERS[order].title.toLowerCase()}`, of }];
  }
  const first = migrations.filter(needsSomebody).sort((a, b) => (a.stack < b.stack ? -1 : 1));
  const rest = migrations.filter((m) => !needsSomebody(m));
  return [
    ...(first.length === 0 ? [] : [{ title: "Needs a person", note: plural(first.length, "migration"), of: first }]),
    ...byWave(rest, inventory),
  ];
}

/** By wave, and within it by application; what the inventory does not know stands last. */
function byWave(migrations: Migration[], inventory: InventoryView | undefined): Group[] {
  const waveOf = (m: Migration) => inventory?.applications.find((a) => a.name === m.application)?.wave ?? 0;
  const order = (m: Migration) => `${m.application} ${m.environment === "production" ? 1 : 0}`;
  const numbers = [...new Set(migrations.map(waveOf))].sort((a, b) => (a || 1e9) - (b || 1e9));
  return numbers.map((n) => {
    const of = migrations.filter((m) => waveOf(m) === n).sort((a, b) => (order(a) < order(b) ? -1 : 1));
    const done = of.filter((m) => m.status === "completed").length;
    const title = n === 0 ? (inventory === undefined ? "All applications" : "Not in the inventory") : `Wave ${n}`;
    return { title, note: done === of.length ? "completed" : `${done} of ${plural(of.length, "migration")} completed`, of };
  });
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

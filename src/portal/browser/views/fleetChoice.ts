import { plural } from "../lib/format.js";
import type { InventoryView, Migration } from "../lib/types.js";
import { STATUS } from "./parts.js";

/** What of the fleet is shown and how: all of it stands in the page's address, so that it can be kept and sent. */

/** What of the fleet is looked at, and in which order. */
export interface FleetChoice {
  text: string;
  state: State;
  order: Order;
  /** Groups that are folded, by title. */
  folded: ReadonlySet<string>;
  /** What the graph is about: see `focusOf`. Empty for what the graph itself begins with. */
  graph: string;
}
export type State = keyof typeof STATES;
export type Order = keyof typeof ORDERS;
export const FIRST_CHOICE: FleetChoice = { text: "", state: "all", order: "wave", folded: new Set(), graph: "" };

export const NEEDS_SOMEBODY: Migration["status"][] = ["approval", "held", "returning", "paused"];
const needsSomebody = (m: Migration): boolean => NEEDS_SOMEBODY.includes(m.status) || m.blind !== undefined;
const hasMoved = (m: Migration): boolean => m.dns?.new === 100;

export interface StateOf {
  label: string;
  /** The same of a single one. */
  one?: string;
  of: (m: Migration) => boolean;
  tone: string;
}

/** The tiles: what they count, and what is left when one is chosen. */
export const STATES = {
  all: { label: "migrations", one: "migration", of: () => true, tone: "" },
  running: { label: "running now", of: (m) => m.running, tone: "run" },
  person: { label: "need a person", one: "needs a person", of: needsSomebody, tone: "wait" },
  moved: { label: "have all users on the new side", one: "has all users on the new side", of: hasMoved, tone: "good" },
  completed: { label: "completed", of: (m) => m.status === "completed", tone: "good" },
} satisfies Record<string, StateOf>;

/** Orders beside the waves: least first. */
export const ORDERS = {
  wave: { title: "Wave", of: undefined },
  name: { title: "Name", of: (m: Migration) => m.stack },
  status: { title: "Status", of: (m: Migration) => STATUS[m.status].word },
  progress: { title: "Progress, least first", of: (m: Migration) => m.done / Math.max(1, m.steps) },
  users: { title: "Users on the new side, most first", of: (m: Migration) => -(m.dns?.new ?? -1) },
  criticality: { title: "Criticality, highest first", of: (m: Migration) => ["high", "medium", "low"].indexOf(m.criticality) },
} satisfies Record<string, { title: string; of: ((m: Migration) => string | number) | undefined }>;

/** A choice as it stands in an address; empty for the first one. Pure. */
export function textOf({ text, state, order, folded, graph }: FleetChoice): string {
  const said = new URLSearchParams();
  if (text !== FIRST_CHOICE.text) said.set("q", text);
  if (state !== FIRST_CHOICE.state) said.set("state", state);
  if (order !== FIRST_CHOICE.order) said.set("order", order);
  for (const title of [...folded].sort()) said.append("fold", title);
  if (graph !== FIRST_CHOICE.graph) said.set("graph", graph);
  return said.toString();
}

/** What an address says; of what it does not know, the first choice. Pure. */
export function choiceOf(address: string): FleetChoice {
  const said = new URLSearchParams(address);
  const [state, order] = [said.get("state") ?? "", said.get("order") ?? ""];
  return {
    text: said.get("q") ?? FIRST_CHOICE.text,
    state: Object.hasOwn(STATES, state) ? (state as State) : FIRST_CHOICE.state,
    order: Object.hasOwn(ORDERS, order) ? (order as Order) : FIRST_CHOICE.order,
    folded: new Set(said.getAll("fold")),
    graph: said.get("graph") ?? FIRST_CHOICE.graph,
  };
}

export interface Group {
  title: string;
  note: string;
  of: Migration[];
}

/** What needs a person, then the rest by wave; or everything in another order. */
export function grouped(migrations: Migration[], inventory: InventoryView | undefined, order: Order): Group[] {
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
  const waves = new Map(inventory?.applications.map((a) => [a.name, a.wave]));
  const waveOf = (m: Migration) => waves.get(m.application) ?? 0;
  const order = (m: Migration) => `${m.application} ${m.environment === "production" ? 1 : 0}`;
  const numbers = [...new Set(migrations.map(waveOf))].sort((a, b) => (a || 1e9) - (b || 1e9));
  return numbers.map((n) => {
    const of = migrations.filter((m) => waveOf(m) === n).sort((a, b) => (order(a) < order(b) ? -1 : 1));
    const done = of.filter((m) => m.status === "completed").length;
    const title = n === 0 ? (inventory === undefined ? "All applications" : "Not in the inventory") : `Wave ${n}`;
    return { title, note: done === of.length ? "completed" : `${done} of ${plural(of.length, "migration")} completed`, of };
  });
}

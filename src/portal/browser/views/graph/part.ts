import { plural } from "../../lib/format.js";
import type { InventoryView, Migration } from "../../lib/types.js";

/**
 * What of the dependencies one look can take in. A hundred applications in one picture are a tangle that nobody reads: a wave
 * is shown with the services it needs and with other waves, each as one box; an application with each of its neighbours.
 */

type Graph = InventoryView["graph"];
type Node = Graph["nodes"][number];
type Edge = Graph["edges"][number];

/** What the graph is about: everything, a wave, or an application. */
export type Focus = { of: "all" } | { of: "wave"; wave: number } | { of: "application"; name: string };

/** Applications and services that stand at the same place: the same need them, and they need the same. Or another wave. */
export interface Box {
  id: string;
  kind: Node["kind"] | "wave";
  /** Absent for what is in no wave. */
  wave?: number | undefined;
  /** Whether the graph is about them; the others are their neighbours. */
  isFocus: boolean;
  names: string[];
}

/** A part of the graph, with what looks the same drawn once. */
export interface Part {
  boxes: Box[];
  edges: Edge[];
  /** Applications of the focus that need nothing, and that nothing needs. */
  alone: string[];
}

/** More than this is no picture any more, in one. */
const MOST_IN_ONE = 30;

export const focusId = (focus: Focus): string =>
  focus.of === "all" ? "all" : focus.of === "wave" ? `wave-${focus.wave}` : `of-${focus.name}`;

export const wavesOf = ({ applications }: InventoryView): number[] => [...new Set(applications.map((a) => a.wave))].sort((a, b) => a - b);

/** Whether all of it may be one picture. */
export const fitsInOne = ({ graph }: InventoryView): boolean => graph.nodes.length <= MOST_IN_ONE;

/**
 * What an address says that the graph is about; where it says nothing that is there, all of a small fleet, and of another one
 * the first wave that is not over. Pure.
 */
export function focusOf(id: string, inventory: InventoryView, migrations: readonly Migration[]): Focus {
  const waves = wavesOf(inventory);
  const wave = waves.find((w) => id === `wave-${w}`);
  if (wave !== undefined) return { of: "wave", wave };
  const application = inventory.applications.find((a) => id === `of-${a.name}`);
  if (application !== undefined) return { of: "application", name: application.name };
  if (fitsInOne(inventory)) return { of: "all" };
  const completed = new Set(production(migrations).flatMap((m) => (m.status === "completed" ? [m.application] : [])));
  const next = waves.find((w) => inventory.applications.some((a) => a.wave === w && !completed.has(a.name)));
  return { of: "wave", wave: next ?? waves[0] ?? 1 };
}

export const production = (migrations: readonly Migration[]): Migration[] => migrations.filter((m) => m.environment === "production");

/** The focus with its neighbours, and what stands at the same place in one box. Pure. */
export function partOf(graph: Graph, focus: Focus): Part {
  const chosen = new Set(graph.nodes.filter((n) => isAbout(n, focus)).map((n) => n.id));
  // What neighbours have with each other says nothing about the focus.
  const kept = graph.edges.filter(({ from, to }) => from !== to && (chosen.has(from) || chosen.has(to)));
  const near = new Set(kept.flatMap(({ from, to }) => [from, to]));
  const alone = graph.nodes.filter((n) => chosen.has(n.id) && !near.has(n.id)).map((n) => n.label);
  const nodes = graph.nodes.filter((n) => near.has(n.id));
  if (focus.of !== "wave")
    return {
      ...boxed(
        nodes.map((n) => single(n, chosen)),
        kept,
      ),
      alone,
    };
  const others = nodes.filter((n) => n.kind === "application" && !chosen.has(n.id));
  const waveOf = new Map(others.map((n) => [n.id, waveId(n)]));
  const ends = kept.map(({ from, to }) => ({ from: waveOf.get(from) ?? from, to: waveOf.get(to) ?? to }));
  return { ...boxed([...nodes.filter((n) => !waveOf.has(n.id)).map((n) => single(n, chosen)), ...waves(others)], ends), alone };
}

const isAbout = (n: Node, focus: Focus): boolean =>
  focus.of === "all" || (n.kind === "application" && (focus.of === "wave" ? n.wave === focus.wave : n.id === focus.name));

const single = (n: Node, chosen: ReadonlySet<string>): Box => ({
  ...{ id: n.id, kind: n.kind, wave: n.wave, isFocus: chosen.has(n.id), names: [n.label] },
});

/** No application's name has a space. */
const waveId = ({ wave }: Node): string => `wave ${wave}`;

function waves(others: readonly Node[]): Box[] {
  const of = (wave: Node["wave"]) => others.filter((n) => n.wave === wave);
  return [...new Set(others.map((n) => n.wave))].flatMap((wave) => {
    const [first, ...rest] = of(wave);
    if (first === undefined) return [];
    return [{ id: waveId(first), kind: "wave" as const, wave, isFocus: false, names: [plural(1 + rest.length, "app")] }];
  });
}

/** What looks the same is drawn once. */
function boxed(all: readonly Box[], ends: readonly Edge[]): Omit<Part, "alone"> {
  const edges = [...new Map(ends.map((e) => [JSON.stringify([e.from, e.to]), e])).values()];
  const beside = (id: string, mine: keyof Edge, other: keyof Edge): string[] =>
    edges.flatMap((e) => (e[mine] === id ? [e[other]] : [])).sort();
  const boxes = new Map<string, Box>();
  const boxOf = new Map<string, string>();
  for (const b of all) {
    const place = JSON.stringify([b.kind, b.wave, b.isFocus, beside(b.id, "from", "to"), beside(b.id, "to", "from")]);
    const there = boxes.get(place);
    boxes.set(place, there === undefined ? b : { ...there, names: [...there.names, ...b.names] });
    boxOf.set(b.id, there?.id ?? b.id);
  }
  const drawn = edges.map(({ from, to }) => ({ from: boxOf.get(from) ?? from, to: boxOf.get(to) ?? to }));
  return { boxes: [...boxes.values()], edges: [...new Map(drawn.map((e) => [JSON.stringify([e.from, e.to]), e])).values()] };
}

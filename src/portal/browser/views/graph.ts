import { type ComponentChildren, h } from "preact";
import type { InventoryView, Migration } from "../lib/types.js";
import { STATUS } from "./parts.js";

type Node = InventoryView["graph"]["nodes"][number];

const NODE = { width: 150, height: 44, gapX: 90, gapY: 18 };

interface Placed extends Node {
  x: number;
  y: number;
}

/** Columns by distance from the consumers: who needs something stands left of it. Pure. */
export function layout({ nodes, edges }: InventoryView["graph"]): { placed: Placed[]; width: number; height: number } {
  const depth = new Map(nodes.map((n) => [n.id, 0]));
  // The inventory has no cycle among applications; the bound keeps a supplement's from going round.
  for (let round = 0; round < nodes.length; round += 1)
    for (const { from, to } of edges) {
      const wanted = (depth.get(from) ?? 0) + 1;
      if (wanted > (depth.get(to) ?? 0) && wanted < nodes.length) depth.set(to, wanted);
    }
  const columns = Math.max(...depth.values(), 0) + 1;
  const rows = (c: number) => nodes.filter((n) => depth.get(n.id) === c);
  const tallest = Math.max(...Array.from({ length: columns }, (_, c) => rows(c).length), 1);
  const step = NODE.height + NODE.gapY;
  const height = tallest * step - NODE.gapY;
  const placed = Array.from({ length: columns }, (_, c) => {
    const column = rows(c);
    const top = (height - (column.length * step - NODE.gapY)) / 2;
    return column.map((n, i) => ({ ...n, x: c * (NODE.width + NODE.gapX), y: top + i * step }));
  }).flat();
  return { placed, width: columns * (NODE.width + NODE.gapX) - NODE.gapX, height };
}

/** Who needs whom, with each application's wave and where its production migration is. */
export function dependencyGraph(inventory: InventoryView, migrations: readonly Migration[]): ComponentChildren {
  const { placed, width, height } = layout(inventory.graph);
  const byId = new Map(placed.map((n) => [n.id, n]));
  return h(
    "section",
    { class: "card graph", "aria-label": "Dependencies" },
    h("h2", { class: "section" }, "Dependencies"),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "group", "aria-label": "Dependency graph" },
      h(
        "svg",
        {
          viewBox: `-2 -2 ${width + 4} ${height + 4}`,
          style: { "min-width": `${Math.round(width * 0.8)}px`, "max-width": `${width * 1.25}px` },
          role: "img",
          "aria-label": describe(inventory),
        },
        h(
          "defs",
          null,
          h(
            "marker",
            { id: "tip", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" },
            h("path", { d: "M0 0 L8 4 L0 8 z" }),
          ),
        ),
        inventory.graph.edges.map(({ from, to }) => edge(byId.get(from), byId.get(to))),
        placed.map((n) => node(n, migrations)),
      ),
    ),
  );
}

function edge(from: Placed | undefined, to: Placed | undefined): ComponentChildren {
  if (from === undefined || to === undefined) return false;
  const [x1, y1, x2, y2] = [from.x + NODE.width, from.y + NODE.height / 2, to.x, to.y + NODE.height / 2];
  const bend = Math.max(30, (x2 - x1) / 2);
  return h("path", {
    key: `${from.id} ${to.id}`,
    class: "edge",
    "marker-end": "url(#tip)",
    d: `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2 - 2} ${y2}`,
  });
}

function node(n: Placed, migrations: readonly Migration[]): ComponentChildren {
  const m = migrations.find((o) => o.application === n.id && o.environment === "production");
  const sub =
    n.kind !== "application" ? n.kind : [`wave ${n.wave}`, ...(m === undefined ? [] : [STATUS[m.status].word.toLowerCase()])].join(" · ");
  return h(
    "g",
    {
      key: n.id,
      class: `node ${n.kind}`,
      transform: `translate(${n.x} ${n.y})`,
      ...(m === undefined ? {} : { "data-tone": STATUS[m.status].tone }),
    },
    h("rect", { width: NODE.width, height: NODE.height, rx: 8 }),
    h("text", { x: 12, y: 19 }, n.label.length > 20 ? `${n.label.slice(0, 19)}…` : n.label),
    h("text", { class: "sub", x: 12, y: 35 }, sub),
  );
}

const describe = ({ applications, graph }: InventoryView): string =>
  applications
    .map((a) => {
      const needs = graph.edges.filter((e) => e.from === a.name).map((e) => e.to);
      const by = graph.edges.filter((e) => e.to === a.name).map((e) => e.from);
      return `${a.name}, wave ${a.wave}, needs ${needs.join(", ") || "nothing"}; consumed by ${by.join(", ") || "nobody"}.`;
    })
    .join(" ");

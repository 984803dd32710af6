import { curveBumpX, line } from "d3-shape";
import { type ComponentChildren, h } from "preact";
import { plural } from "../../lib/format.js";
import type { InventoryView, Migration } from "../../lib/types.js";
import { STATUS, type Tone } from "../parts.js";
import { BOX, headOf, type Layout, layoutOf, type PlacedBox } from "./layout.js";
import { type Focus, fitsInOne, focusId, focusOf, type Part, partOf, production, wavesOf } from "./part.js";

export interface GraphProps {
  inventory: InventoryView;
  migrations: readonly Migration[];
  /** What is chosen, as an address says it. */
  chosen: string;
  choose: (focus: string) => void;
  /** Width that there is for the picture, in pixels. */
  width: number;
}

/** A status in one sign, so that it is told by more than its colour. */
const SIGN: Record<Tone, string> = { good: "✓", wait: "?", bad: "!", run: "▸", "": "·" };
const LEGEND: [Tone, string][] = [
  ["good", "completed"],
  ["run", "running"],
  ["wait", "needs a person"],
  ["bad", "held or going back"],
  ["", "ready, or not begun"],
];
const ABOUT = "Who needs something stands left of it. A box holds those that need the same and are needed by the same.";
const ABOUT_WAVES = " Other waves are one box each: choose an application to see which of them it is about.";
/** A little more or less width is the same picture. */
const WIDTH_STEP = 20;

/** Who needs whom, of one wave or around one application, with where each production migration is. */
export function dependencyGraph(props: GraphProps): ComponentChildren {
  const { inventory, migrations, chosen, width } = props;
  const focus = focusOf(chosen, inventory, migrations);
  const { part, layout } = remembered(inventory, focus, Math.floor(width / WIDTH_STEP) * WIDTH_STEP);
  const statusOf = statuses(migrations);
  return h(
    "section",
    { class: "card graph", "aria-label": "Dependencies" },
    h("div", { class: "row head" }, h("h2", { class: "section" }, "Dependencies"), chooser(props, focus)),
    part.boxes.length === 0
      ? h("p", { class: "quiet" }, "Nothing here needs anything, and nothing needs it.")
      : [
          h("p", { class: "quiet small" }, `${ABOUT}${focus.of === "wave" ? ABOUT_WAVES : ""}`),
          picture(layout, statusOf, props),
          h(
            "p",
            { class: "quiet small legend" },
            LEGEND.map(([tone, what]) => h("span", { key: tone, "data-tone": tone }, h("b", null, SIGN[tone]), ` ${what}`)),
          ),
        ],
    part.boxes.length === 0 || part.alone.length === 0
      ? false
      : h(
          "p",
          { class: "small" },
          h("b", null, `Alone (${part.alone.length}): `),
          `${part.alone.join(", ")}. They need nothing, and nothing needs them.`,
        ),
    inWords(inventory, focus, statusOf),
  );
}

/** Laying out takes longer than drawing, and what is drawn changes with every event of a migration. */
function remembered(inventory: InventoryView, focus: Focus, width: number): { part: Part; layout: Layout } {
  const made = memory.get(inventory) ?? new Map<string, { part: Part; layout: Layout }>();
  memory.set(inventory, made);
  const key = `${focusId(focus)} ${width}`;
  const known = made.get(key);
  if (known !== undefined) return known;
  const part = partOf(inventory.graph, focus);
  const fresh = { part, layout: layoutOf(part, width) };
  made.set(key, fresh);
  return fresh;
}
const memory = new WeakMap<InventoryView, Map<string, { part: Part; layout: Layout }>>();

type StatusOf = (application: string) => { word: string; tone: Tone } | undefined;

function statuses(migrations: readonly Migration[]): StatusOf {
  const byName = new Map(production(migrations).map((m) => [m.application, STATUS[m.status]]));
  return (application) => byName.get(application);
}

function chooser({ inventory, choose }: GraphProps, focus: Focus): ComponentChildren {
  const of = (wave: number) => inventory.applications.filter((a) => a.wave === wave).length;
  return h(
    "label",
    { class: "row small" },
    h("span", { class: "quiet" }, "Of"),
    h(
      "select",
      { "aria-label": "Dependencies of", value: focusId(focus), onChange: (e: Event) => choose((e.target as HTMLSelectElement).value) },
      fitsInOne(inventory) ? h("option", { value: "all" }, "all applications") : false,
      h(
        "optgroup",
        { label: "Waves" },
        wavesOf(inventory).map((w) => h("option", { key: w, value: `wave-${w}` }, `wave ${w} (${plural(of(w), "application")})`)),
      ),
      h(
        "optgroup",
        { label: "Applications" },
        inventory.applications
          .map((a) => a.name)
          .sort()
          .map((name) => h("option", { key: name, value: `of-${name}` }, name)),
      ),
    ),
  );
}

/** What is drawn is said in words below it: to whoever does not see it, the picture says nothing. */
function picture(layout: Layout, statusOf: StatusOf, { choose }: GraphProps): ComponentChildren {
  const edge = line<{ x: number; y: number }>(
    (p) => p.x,
    (p) => p.y,
  ).curve(curveBumpX);
  return h(
    "svg",
    {
      viewBox: `-2 -2 ${layout.width + 4} ${layout.height + 4}`,
      style: { "max-width": `${Math.ceil(layout.width) + 4}px` },
      "aria-hidden": "true",
    },
    h(
      "defs",
      null,
      h(
        "marker",
        { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
        h("path", { d: "M0 0 L8 4 L0 8 z" }),
      ),
    ),
    layout.edges.map(({ from, to, points }) =>
      h("path", { key: `${from} ${to}`, class: "edge", "marker-end": "url(#tip)", d: edge(points) ?? "" }),
    ),
    layout.boxes.map((b) => box(b, layout.beside, statusOf, choose)),
  );
}

function box(b: PlacedBox, { padX, sign }: Layout["beside"], statusOf: StatusOf, choose: (focus: string) => void): ComponentChildren {
  const head = headOf(b);
  let y = BOX.padY + 11;
  const isApplication = b.kind === "application";
  const leadsTo = (name: string): string | undefined => (isApplication ? `of-${name}` : b.kind === "wave" ? `wave-${b.wave}` : undefined);
  return h(
    "g",
    { key: b.id, class: `node ${b.kind}${b.isFocus ? " focus" : ""}`, transform: `translate(${b.x} ${b.y})` },
    h("rect", { width: b.width, height: b.height, rx: 7 }),
    head === undefined ? false : h("text", { class: "sub", x: padX, y }, head),
    b.lines.map(({ name, parts }, i) => {
      if (i === 0 && head !== undefined) y += BOX.head;
      const status = isApplication ? statusOf(name) : undefined;
      const from = y;
      y += BOX.line * parts.length;
      const focus = leadsTo(name);
      const indent = padX + (isApplication ? sign : 0);
      return h(
        "g",
        {
          key: name,
          class: focus === undefined ? "" : "name",
          ...(status === undefined ? {} : { "data-tone": status.tone }),
          ...(focus === undefined ? {} : { onClick: () => choose(focus) }),
        },
        h("title", null, status === undefined ? name : `${name}: ${status.word}`),
        isApplication ? h("text", { class: "sign", x: padX, y: from }, SIGN[status?.tone ?? ""]) : false,
        parts.map((text, n) => h("text", { key: n, x: indent, y: from + n * BOX.line }, text)),
      );
    }),
  );
}

/** The same as a list: for who does not see the picture, and for who looks for a name. */
function inWords({ applications, graph }: InventoryView, focus: Focus, statusOf: StatusOf): ComponentChildren {
  const about = applications.filter((a) => focus.of === "all" || (focus.of === "wave" ? a.wave === focus.wave : a.name === focus.name));
  return h(
    "details",
    { class: "words" },
    h("summary", null, `In words: ${plural(about.length, "application")}`),
    h(
      "ul",
      { class: "columns" },
      about.map(({ name, wave }) => {
        const needs = graph.edges.filter((e) => e.from === name).map((e) => e.to);
        const by = graph.edges.filter((e) => e.to === name).map((e) => e.from);
        const state = statusOf(name);
        return h(
          "li",
          { key: name, class: "small" },
          h("b", null, name),
          ` (wave ${wave}${state === undefined ? "" : `, ${state.word.toLowerCase()}`}) needs ${needs.join(", ") || "nothing"}; `,
          `${by.join(", ") || "nobody"} ${by.length > 1 ? "need" : "needs"} it.`,
        );
      }),
    ),
  );
}

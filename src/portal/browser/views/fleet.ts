import { plural, shortImage } from "../lib/format.js";
import { h, type View } from "../lib/render.js";
import type { InventoryView, Migration } from "../lib/types.js";
import { CELL, chip, health, statusChip, weights } from "./parts.js";
import { phaseBar } from "./phases.js";

export interface FleetProps {
  migrations: readonly Migration[];
  loaded: boolean;
  inventory: InventoryView | undefined;
  filter: string;
  onFilter: (text: string) => void;
  hrefOf: (stack: string) => string;
  onSelect: (stack: string, event: Event) => void;
}

export const NEEDS_SOMEBODY: Migration["status"][] = ["approval", "held", "returning", "paused"];

/** All applications by wave: where each is, how it is, where its users are, and what it waits for. */
export function fleet(props: FleetProps): View {
  const { migrations, loaded, inventory, filter } = props;
  if (!loaded) return h("p", { class: "empty" }, "Loading the fleet…");
  if (migrations.length === 0)
    return h("p", { class: "empty" }, "No migration has begun. Create one with POST /v1/migrations, or by the command line.");
  const wanted = filter.trim().toLowerCase();
  const shown = migrations.filter((m) => wanted === "" || [m.stack, m.owner, m.status, m.phase].join(" ").toLowerCase().includes(wanted));
  return h(
    "div",
    { class: "stack" },
    summary(migrations),
    h(
      "label",
      { class: "filter" },
      h("span", { class: "sr" }, "Filter by name, owner, status or phase"),
      h("input", {
        type: "search",
        placeholder: "Filter by name, owner, status or phase",
        value: filter,
        oninput: (e: Event) => props.onFilter((e.target as HTMLInputElement).value),
      }),
    ),
    h(
      "div",
      { class: "card flush" },
      h(
        "table",
        { class: "fleet", role: "table" },
        h("caption", { class: "sr" }, "Migrations by wave"),
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
        groups(shown, inventory).map(({ title, note, of }) =>
          h(
            "tbody",
            { key: title, role: "rowgroup" },
            h(
              "tr",
              { class: "wave", role: "row" },
              h("th", { scope: "rowgroup", role: "rowheader", colspan: 5 }, title, h("span", { class: "quiet" }, note)),
            ),
            of.map((m) => row(m, props)),
          ),
        ),
      ),
      shown.length === 0 ? h("p", { class: "empty pad" }, "Nothing matches the filter.") : false,
    ),
  );
}

function summary(all: readonly Migration[]): View {
  const withUsers = all.filter((m) => m.dns !== undefined);
  const moved = withUsers.filter((m) => m.dns?.new === 100).length;
  const tile = (value: string, label: string, tone = ""): View =>
    h("div", { class: "tile", key: label, "data-tone": tone }, h("dd", null, value), h("dt", null, label));
  const waiting = all.filter((m) => NEEDS_SOMEBODY.includes(m.status)).length;
  const running = all.filter((m) => m.running).length;
  return h(
    "dl",
    { class: "tiles" },
    tile(String(all.length), all.length === 1 ? "migration" : "migrations"),
    tile(String(running), "running now", running > 0 ? "run" : ""),
    tile(String(waiting), waiting === 1 ? "needs a person" : "need a person", waiting > 0 ? "wait" : ""),
    tile(`${moved} of ${withUsers.length}`, "have all users on the new side", moved > 0 && moved === withUsers.length ? "good" : ""),
    tile(String(all.filter((m) => m.status === "completed").length), "completed"),
  );
}

interface Group {
  title: string;
  note: string;
  of: Migration[];
}

/** By wave, and within it by application; what the inventory does not know stands last. */
function groups(migrations: Migration[], inventory: InventoryView | undefined): Group[] {
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

function row(m: Migration, { hrefOf, onSelect }: FleetProps): View {
  const condition = health(m);
  return h(
    "tr",
    {
      key: m.stack,
      class: "migration",
      role: "row",
      onclick: (e: Event) => ((e.target as Element).closest("a") === null ? onSelect(m.stack, e) : undefined),
    },
    h(
      "th",
      { scope: "row", role: "rowheader" },
      h("a", { href: hrefOf(m.stack), onclick: (e: Event) => onSelect(m.stack, e) }, m.application),
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

function next(m: Migration): View {
  if (m.blind !== undefined) return h("span", { class: "bad" }, `Nobody sees how its users fare: ${m.blind.why}`);
  if (m.heldReason !== undefined && m.status !== "aborted") return h("span", { class: m.status === "held" ? "bad" : "" }, m.heldReason);
  if (m.returning !== undefined) return h("span", { class: "bad" }, `Back to revision ${m.returning.revision}: ${m.returning.why}`);
  if (m.status === "aborted") return h("span", { class: "quiet" }, "Aborted.");
  if (m.step === undefined) return h("span", { class: "quiet" }, "Everything is done.");
  return h("span", null, m.step.asks ?? m.step.title);
}

export const liveChip = (live: boolean): View => (live ? chip("Live", "good") : chip("Not live", "wait"));

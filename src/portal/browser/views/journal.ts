import { type ComponentChildren, h } from "preact";
import { inWords } from "../../../automation/journal/words.js";
import { exact } from "../lib/format.js";
import type { Recorded } from "../lib/types.js";
import type { JournalFilter, PanelContext } from "./panel.js";

export const FIRST_FILTER: JournalFilter = { kind: "all", text: "", from: "", to: "", most: 100, open: new Set() };

/** What entries are about, for the filter. */
const KINDS: Record<string, { title: string; of: (e: Recorded) => boolean }> = {
  all: { title: "Everything", of: () => true },
  people: { title: "People's commands", of: (e) => e.type === "command" || e.type === "migration.created" },
  effects: { title: "Updates and actions", of: (e) => /^(update|action)\./.test(e.type) },
  gates: { title: "Gates", of: (e) => e.type.startsWith("gates.") },
  previews: { title: "Previews", of: (e) => e.type.startsWith("preview.") },
  trouble: {
    title: "Failures and rollbacks",
    of: (e) => /failed$|^rollback\.|held|lapsed|alarm|recovered|aborted/.test(e.type),
  },
};

/** What a field of a date and a time says, in UTC. */
function at(text: string, otherwise: number): number {
  const time = Date.parse(`${text}Z`);
  return Number.isNaN(time) ? otherwise : time;
}

/** The journal, newest first, by kind and by words; an entry unfolds to all it says. */
export function journalPanel(entries: Recorded[], { journal, choose }: PanelContext): ComponentChildren {
  const wanted = journal.text.trim().toLowerCase();
  const kind = KINDS[journal.kind] ?? KINDS.all;
  const found = entries
    .filter((e) => e.at >= at(journal.from, Number.NEGATIVE_INFINITY) && e.at <= at(journal.to, Number.POSITIVE_INFINITY))
    .filter((e) => kind?.of(e) === true && (wanted === "" || JSON.stringify(e).toLowerCase().includes(wanted)))
    .reverse();
  const shown = found.slice(0, journal.most);
  const toggle = (seq: number): void => {
    const open = new Set(journal.open);
    if (!open.delete(seq)) open.add(seq);
    choose({ journal: { open } });
  };
  return h(
    "section",
    { class: "card journal stack", "aria-label": "Journal" },
    h(
      "div",
      { class: "filters" },
      h(
        "label",
        { class: "field" },
        "About",
        h(
          "select",
          { value: journal.kind, onChange: (e: Event) => choose({ journal: { kind: (e.target as HTMLSelectElement).value } }) },
          Object.entries(KINDS).map(([id, { title }]) => h("option", { key: id, value: id }, title)),
        ),
      ),
      h(
        "label",
        { class: "field" },
        "With the words",
        h("input", {
          type: "search",
          value: journal.text,
          onInput: (e: Event) => choose({ journal: { text: (e.target as HTMLInputElement).value } }),
        }),
      ),
      (["from", "to"] as const).map((end) =>
        h(
          "label",
          { class: "field", key: end },
          end === "from" ? "From (UTC)" : "To (UTC)",
          h("input", {
            type: "datetime-local",
            step: "1",
            value: journal[end],
            onInput: (e: Event) => choose({ journal: { [end]: (e.target as HTMLInputElement).value } }),
          }),
        ),
      ),
      h("span", { class: "quiet", role: "status" }, `${found.length} of ${entries.length} entries`),
    ),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "group", "aria-label": "Entries" },
      h(
        "table",
        null,
        h("caption", { class: "sr" }, "Journal entries, newest first"),
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            ["No.", "When", "What", "Who or where", ""].map((t, i) =>
              h("th", { scope: "col", key: i }, t === "" ? h("span", { class: "sr" }, "All of it") : t),
            ),
          ),
        ),
        h(
          "tbody",
          null,
          shown.map((e) => row(e, journal.open.has(e.seq), () => toggle(e.seq))),
        ),
      ),
    ),
    found.length > shown.length
      ? h("button", { type: "button", onClick: () => choose({ journal: { most: journal.most + 200 } }) }, `Show more of ${found.length}`)
      : false,
  );
}

function row(e: Recorded, open: boolean, toggle: () => void): ComponentChildren {
  const { what, detail, bad = false } = inWords(e);
  return h(
    "tr",
    { key: e.seq },
    h("td", { class: "quiet" }, e.seq),
    h("td", { class: "at" }, exact(e.at)),
    h(
      "td",
      { class: "why" },
      h("span", { class: bad ? "bad" : "" }, what),
      detail === undefined ? false : h("span", { class: "quiet small" }, ` ${detail}`),
      open ? h("pre", { tabindex: 0 }, JSON.stringify(e, undefined, 2)) : false,
    ),
    h("td", { class: "mono small" }, "who" in e && e.who !== "" ? e.who : "step" in e ? e.step : ""),
    h(
      "td",
      null,
      h(
        "button",
        { type: "button", class: "plain fold", "aria-expanded": String(open), "aria-label": `All of entry ${e.seq}`, onClick: toggle },
        open ? "▾" : "▸",
      ),
    ),
  );
}

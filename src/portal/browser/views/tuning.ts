import { type ComponentChildren, h } from "preact";
import { duration } from "../lib/format.js";
import type { TuningData } from "../lib/types.js";
import { CELL } from "./parts.js";

/** What of a tuning was typed: the value as JSON by path, and why. */
export interface TuningDraft {
  changes: Record<string, string>;
  why: string;
}

export const NO_DRAFT: TuningDraft = { changes: {}, why: "" };

export interface TuningProps {
  draft: TuningDraft;
  /** What was typed since: the rest of the draft stays. */
  onDraft: (typed: Partial<TuningDraft>) => void;
  /** Asks for the draft as it is then, which may be newer than what is drawn. Absent where no commands are offered. */
  send?: (changesOf: (draft: TuningDraft) => Record<string, unknown>) => void;
}

const printed = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** As JSON where it is that, otherwise as a word; the service checks both. */
function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function meaning(text: { about: string; accepted: string } | undefined): ComponentChildren {
  if (text === undefined) return false;
  const { about, accepted } = text;
  return h("span", { class: "meaning quiet" }, about === "" ? false : `${about.replace(/[.]?$/, ".")} `, `Accepted: ${accepted}.`);
}

const SECOND = 1_000;

/** Seconds as people say them. */
const inUnits = (path: string, value: unknown): ComponentChildren =>
  path.endsWith("Seconds") && typeof value === "number" && value >= 60
    ? h("span", { class: "meaning quiet" }, duration(value * SECOND))
    : false;

/** Thresholds, holds and weights to come, as they count now; changed from here on, with the person's name in the journal. */
export function tuningPanel({ values, tuned, texts }: TuningData, { draft, onDraft, send }: TuningProps): ComponentChildren {
  const wantedOf = ({ changes }: TuningDraft) => Object.entries(changes).filter(([path, text]) => text.trim() !== printed(values[path]));
  const wanted = wantedOf(draft);
  return h(
    "section",
    { class: "card stack", "aria-label": "Tuning" },
    h(
      "p",
      { class: "quiet" },
      "What a running migration may be told to do differently, without a restart. It counts at once, and stands in the journal.",
    ),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "group", "aria-label": "Values" },
      h(
        "table",
        { class: "tuning", role: "table" },
        h(
          "thead",
          { role: "rowgroup" },
          h(
            "tr",
            { role: "row" },
            ["Path", "Now", ...(send === undefined ? [] : ["From now on"])].map((t) =>
              h("th", { scope: "col", role: "columnheader", key: t }, t),
            ),
          ),
        ),
        h(
          "tbody",
          { role: "rowgroup" },
          Object.entries(values).map(([path, value]) =>
            h(
              "tr",
              { key: path, role: "row" },
              h(
                "th",
                { scope: "row", role: "rowheader", class: "mono small" },
                path,
                path in tuned ? h("span", { class: "quiet" }, " tuned") : false,
                meaning(texts[path]),
              ),
              h("td", { class: "mono", ...CELL }, printed(value), inUnits(path, value)),
              send === undefined
                ? false
                : h(
                    "td",
                    CELL,
                    h("input", {
                      type: "text",
                      "aria-label": `${path} from now on`,
                      value: draft.changes[path] ?? printed(value),
                      onInput: (e: Event) => onDraft({ changes: { [path]: (e.target as HTMLInputElement).value } }),
                    }),
                  ),
            ),
          ),
        ),
      ),
    ),
    send === undefined
      ? false
      : h(
          "div",
          { class: "filters" },
          h(
            "label",
            { class: "field" },
            "Why",
            h("input", {
              type: "text",
              maxlength: 500,
              value: draft.why,
              onInput: (e: Event) => onDraft({ why: (e.target as HTMLInputElement).value }),
            }),
          ),
          h(
            "button",
            {
              type: "button",
              class: "primary",
              disabled: wanted.length === 0,
              onClick: () => send((latest) => Object.fromEntries(wantedOf(latest).map(([path, text]) => [path, read(text)]))),
            },
            wanted.length === 0 ? "Nothing changed" : `Change ${wanted.map(([path]) => path).join(", ")}`,
          ),
        ),
  );
}

import { type ComponentChildren, h } from "preact";
import { time } from "../lib/format.js";
import type { Migration, Step } from "../lib/types.js";
import { previewDiff } from "./diff.js";
import { planned } from "./now.js";
import { chip, gateRows, PHASE_NAMES } from "./parts.js";

export interface StepsProps {
  migration: Migration;
  steps: readonly Step[];
  /** Steps that are unfolded. */
  open: ReadonlySet<string>;
  onToggle: (id: string) => void;
  fileHref: (name: string) => string;
  onFile: (name: string, event: Event) => void;
}

const WORD: Record<Step["status"], [string, Parameters<typeof chip>[1]]> = {
  waiting: ["to come", ""],
  running: ["running", "run"],
  done: ["done", "good"],
  undone: ["undone", "wait"],
  failed: ["failed", "bad"],
};

/** Every step of the plan in order; a press unfolds what it did or would do. */
export function stepList(props: StepsProps): ComponentChildren {
  const { migration: m, steps } = props;
  return h(
    "div",
    { class: "stack" },
    m.phases.map((p) =>
      h(
        "section",
        { class: "card steps", key: p.phase, id: `phase-${p.phase}`, "aria-label": PHASE_NAMES[p.phase] ?? p.phase },
        h("h3", { class: "row" }, PHASE_NAMES[p.phase] ?? p.phase, h("span", { class: "quiet small" }, `${p.done} of ${p.steps} done`)),
        h(
          "ol",
          null,
          steps.filter((s) => s.phase === p.phase).map((s) => row(s, props)),
        ),
      ),
    ),
  );
}

function row(s: Step, props: StepsProps): ComponentChildren {
  const open = props.open.has(s.id);
  const here = s.id === props.migration.step?.id && props.migration.status !== "completed";
  const [word, tone] = here && s.status === "waiting" ? (["next", "run"] as const) : WORD[s.status];
  return h(
    "li",
    { key: s.id, class: here ? "step here" : "step" },
    h(
      "button",
      { type: "button", class: "plain", "aria-expanded": String(open), onClick: () => props.onToggle(s.id) },
      h("span", { class: "glyph", "aria-hidden": "true" }, open ? "▾" : "▸"),
      h("span", { class: "text" }, h("span", null, s.title), h("code", { class: "quiet" }, s.id)),
      s.pointOfNoReturn ? chip("point of no return", "bad") : false,
      chip(word, tone),
    ),
    open ? details(s, props) : false,
  );
}

function details(s: Step, { fileHref, onFile }: StepsProps): ComponentChildren {
  const line = (name: string, content: ComponentChildren): ComponentChildren =>
    content === undefined || content === false ? false : h("div", { key: name }, h("dt", null, name), h("dd", null, content));
  return h(
    "div",
    { class: "details" },
    h(
      "dl",
      { class: "facts" },
      line("Done", s.completedAt === undefined ? undefined : `${time(s.completedAt)}${s.attempt > 1 ? `, in attempt ${s.attempt}` : ""}`),
      line("Evidence", s.evidence),
      line("Approved by", s.approvedBy),
      line("Error", s.error === undefined ? undefined : h("span", { class: "bad" }, s.error)),
      line("Way back", `${s.wayBack.summary} Loses ${s.wayBack.loses}.`),
      line("From the guide", h("code", null, s.seed)),
      line(
        "Files",
        s.files === undefined
          ? undefined
          : h(
              "ul",
              { class: "row" },
              s.files.map((name) => h("li", { key: name }, h("a", { href: fileHref(name), onClick: (e: Event) => onFile(name, e) }, name))),
            ),
      ),
    ),
    s.observed === undefined ? planned(s) : gateRows(s.observed),
    s.preview === undefined ? false : [h("h4", null, "What its update changed"), previewDiff(s.preview)],
  );
}

import { h, type View } from "../lib/render.js";
import type { Migration, Step } from "../lib/types.js";
import { chip, gateRows, hold } from "./parts.js";

export interface NowProps {
  migration: Migration;
  steps: readonly Step[];
  onPreview: () => void;
}

/** Where it stands in one card: what runs or comes next, what it waits for, and how one would come back. */
export function now({ migration: m, steps, onPreview }: NowProps): View {
  const step = steps.find((s) => s.id === m.step?.id);
  const over = m.status === "completed" || m.status === "aborted";
  return h(
    "section",
    { class: `card here-now ${m.status}`, "aria-label": "Now" },
    h(
      "div",
      null,
      h("p", { class: "eyebrow" }, EYEBROW[m.status]),
      m.status === "returning" && m.returning !== undefined ? goingBack(m.returning) : what(m, step),
      m.heldReason === undefined ? false : h("p", { class: m.status === "held" ? "reason bad" : "reason" }, m.heldReason),
      m.waits === undefined ? false : h("p", { class: "reason" }, `Waits: ${m.waits.why}.`),
      over ? false : m.gates.length === 0 ? planned(step) : [holding(m), gateRows(m.gates)],
    ),
    step === undefined || over || m.status === "returning"
      ? false
      : h(
          "aside",
          { "aria-label": "Way back" },
          h("h3", { class: "sub" }, "How we would come back"),
          h("p", null, step.wayBack.summary),
          h("p", { class: step.wayBack.loses === "nothing" ? "good" : "bad" }, `Loses ${step.wayBack.loses}.`),
          step.kind === "config" ? h("button", { type: "button", onclick: onPreview }, "What will it change?") : false,
          h("p", { class: "quiet small" }, "From the guide: ", h("code", null, step.seed)),
        ),
  );
}

const what = (m: Migration, step: Step | undefined): View =>
  step === undefined
    ? h("p", { class: "title" }, m.status === "aborted" ? "The migration was aborted." : "Everything is done.")
    : [
        h("p", { class: "title" }, step.asks ?? step.title),
        h(
          "p",
          { class: "row small quiet" },
          h("code", null, step.id),
          h("span", null, KIND[step.kind]),
          step.pointOfNoReturn ? chip("point of no return", "bad") : false,
          step.secondPerson === true ? chip("needs a second person", "wait") : false,
        ),
      ];

const EYEBROW: Record<Migration["status"], string> = {
  ready: "Next",
  running: "Running now",
  approval: "Waits for approval",
  paused: "Paused before",
  held: "Held at",
  returning: "Going back",
  completed: "Completed",
  aborted: "Aborted",
};

const KIND: Record<Step["kind"], string> = {
  config: "changes the stack config and runs an update",
  action: "a call to the cloud or the cluster",
  gate: "waits until its gates hold",
  approval: "a person's decision",
};

/** The gates that a step will have, before it runs. */
export function planned(step: Step | undefined): View {
  if (step === undefined || step.gates.length === 0) return false;
  return h(
    "ul",
    { class: "planned" },
    step.gates.map((g) => h("li", { key: `${g.gate}` }, h("b", null, g.gate), h("span", { class: "quiet" }, ` ${g.accepts}`))),
  );
}

const holding = (m: Migration): View => {
  const held = hold(m);
  return held === undefined ? false : h("p", { class: "small quiet" }, `The gates ${held}.`);
};

const goingBack = ({ revision, items, done, why, automatic }: NonNullable<Migration["returning"]>): View => [
  h("p", { class: "title" }, `Back to revision ${revision}${automatic ? ", by itself" : ""}`),
  h("p", { class: "reason bad" }, why),
  h(
    "ol",
    { class: "way" },
    items.map((text, i) =>
      h(
        "li",
        { key: i, class: i < done ? "done" : i === done ? "here" : "" },
        h("span", null, text),
        i < done ? h("span", { class: "good small" }, "done") : false,
      ),
    ),
  ),
];

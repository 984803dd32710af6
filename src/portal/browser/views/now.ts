import { type ComponentChildren, h } from "preact";
import { exact, time } from "../lib/format.js";
import type { Migration, Step } from "../lib/types.js";
import { isOver } from "./actions.js";
import { type Clocked, underWay } from "./answers.js";
import { chip, gateRows, hold } from "./parts.js";

export interface NowProps {
  migration: Migration;
  /** Absent until the service has said it. */
  clocked: Clocked | undefined;
  steps: readonly Step[];
  onPreview: () => void;
  onReport: () => void;
}

/** Where it stands in one card: what runs or comes next, what it waits for, and how one would come back. */
export function now({ migration: m, clocked, steps, onPreview, onReport }: NowProps): ComponentChildren {
  const step = steps.find((s) => s.id === m.step?.id);
  const over = isOver(m);
  return h(
    "section",
    { class: `card here-now ${m.status}`, "aria-label": "Now" },
    h(
      "div",
      null,
      m.wentBack === undefined || m.status === "returning" ? false : happened(m.wentBack),
      h("p", { class: "eyebrow" }, EYEBROW[m.status]),
      m.status === "returning" && m.returning !== undefined ? goingBack(m.returning, m.wentBack) : what(m, step),
      m.blind === undefined ? false : h("p", { class: "reason bad" }, `Nobody sees how users on the new side fare: ${m.blind.why}`),
      m.heldReason === undefined ? false : h("p", { class: m.status === "held" ? "reason bad" : "reason" }, m.heldReason),
      m.sentBack === undefined ? false : h("p", { class: m.sentBack.shown ? "reason" : "reason bad" }, sentBack(m.sentBack)),
      m.status === "running" || m.status === "returning" ? underWay(clocked) : false,
      m.waits === undefined ? false : h("p", { class: "reason" }, `Waits: ${m.waits.why}.`),
      over ? ended(m, onReport) : m.gates.length === 0 ? planned(step) : [holding(m), readOn(m), gateRows(m.gates)],
    ),
    step === undefined || over || m.status === "returning"
      ? false
      : h(
          "aside",
          { "aria-label": "Way back" },
          wayBackFrom(m, step, steps),
          step.kind === "config" ? h("button", { type: "button", onClick: onPreview }, "What will it change?") : false,
          h("p", { class: "quiet small" }, "From the guide: ", h("code", null, step.seed)),
        ),
  );
}

const WENT_BACK = { emergency: "Emergency", rollback: "Rollback", abort: "Abort" } as const;

/** What went back, by whom and when: the first thing to know of a migration that stands still after it. */
function happened({ kind, who, at, doneAt, why, revision }: NonNullable<Migration["wentBack"]>): ComponentChildren {
  const by = who === undefined ? "automatically" : `by ${who}`;
  const led = doneAt === undefined ? "The way back has not run to its end." : `Back at revision ${revision} since ${exact(doneAt)}.`;
  return h(
    "div",
    { class: "happened", key: "happened" },
    h("p", { class: "title" }, `${WENT_BACK[kind]} ${by} on ${exact(at)}`),
    h("p", { class: "reason bad" }, why),
    h("p", { class: "small quiet" }, led),
  );
}

const sentBack = (sent: NonNullable<Migration["sentBack"]>): string =>
  sent.shown
    ? `The far side shows it: ${sent.old} % old, ${sent.new} % new.`
    : `Users are ordered back, and the far side does not show it yet. Waits for ${sent.waitsFor ?? "the name servers"}.`;

const what = (m: Migration, step: Step | undefined): ComponentChildren =>
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

/** An approval itself has nothing to undo: what matters is how one comes back from what it lets run. */
function wayBackFrom({ losses }: Migration, step: Step, steps: readonly Step[]): ComponentChildren {
  const { id, wayBack } = step.kind === "approval" ? (heaviest(afterApproval(step, steps)) ?? step) : step;
  const loses = losses === undefined ? wayBack.loses : `what is in ${losses.map((l) => l.name).join(", ")} now`;
  return [
    h("h3", { class: "sub" }, "How we would come back", id === step.id ? false : [" from ", h("code", null, id)]),
    h("p", null, wayBack.summary),
    h("p", { class: loses === "nothing" ? "good" : "bad" }, `Loses ${loses}.`),
  ];
}

/** Up to the next decision of a person. */
function afterApproval(step: Step, steps: readonly Step[]): Step[] {
  const after = steps.slice(steps.indexOf(step) + 1);
  const next = after.findIndex((s) => s.kind === "approval");
  return next === -1 ? after : after.slice(0, next);
}

const heaviest = (steps: readonly Step[]): Step | undefined =>
  steps.find((s) => s.pointOfNoReturn) ?? steps.find((s) => s.wayBack.loses !== "nothing") ?? steps.find((s) => s.kind === "config");

const ended = (m: Migration, onReport: () => void): ComponentChildren => [
  h("p", { class: "quiet" }, `Since ${time(m.updatedAt)}, at revision ${m.revision}.`),
  h("button", { type: "button", onClick: onReport }, "Save the report"),
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
export function planned(step: Step | undefined): ComponentChildren {
  if (step === undefined || step.gates.length === 0) return false;
  return [
    h("p", { class: "small quiet" }, "Its gates, once it has run:"),
    h(
      "ul",
      { class: "planned" },
      step.gates.map((g) =>
        h(
          "li",
          { key: `${g.gate}` },
          h("b", null, g.gate),
          h("span", { class: "quiet" }, ` ${g.accepts}${g.source === undefined ? "" : `; asked: ${g.source}`}`),
          g.noSource === undefined ? false : h("span", { class: "bad" }, ` nothing can answer it: ${g.noSource}`),
        ),
      ),
    ),
  ];
}

const holding = (m: Migration): ComponentChildren => {
  const stands = m.status === "held" || m.status === "paused";
  const held = stands ? undefined : hold(m);
  return held === undefined ? false : h("p", { class: "small quiet" }, `The gates ${held}.`);
};

/** Values stand in the journal at each change of a verdict, and now and then between: they may be some minutes old. */
function readOn({ gates }: Migration): ComponentChildren {
  const at = Math.max(...gates.map((g) => g.at ?? 0));
  return at === 0 ? false : h("p", { class: "small quiet" }, `Read on ${time(at)}:`);
}

const goingBack = (
  { revision, items, done, why, automatic }: NonNullable<Migration["returning"]>,
  back: Migration["wentBack"],
): ComponentChildren => [
  h(
    "p",
    { class: "title" },
    `${back === undefined ? "Back" : WENT_BACK[back.kind]} to revision ${revision}${automatic ? ", automatically" : ""}`,
  ),
  back?.who === undefined ? false : h("p", { class: "small quiet" }, `By ${back.who} on ${exact(back.at)}`),
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

import { type ComponentChildren, h } from "preact";
import type { Problem } from "../lib/api.js";
import { plural } from "../lib/format.js";
import type { Beginning } from "../lib/types.js";
import { chip, PHASE_NAMES, problemBox, type Tone } from "./parts.js";

/** What became of one application's beginning; of one that nobody answered for it is not known. */
export type Outcome = { is: "begun" | "asked" } | { is: "failed" | "unknown"; problem: Problem };

/** Beginning some migrations at once: what each will do, and what became of each. */
export interface BeginState {
  stacks: readonly string[];
  /** What the service says of each; absent while it is asked. */
  beginnings?: readonly Beginning[];
  /** Why it could not be asked. */
  problem?: Problem;
  /** By stack, from the confirmation on. */
  outcomes: ReadonlyMap<string, Outcome>;
  /** Not confirmed yet; under way; under way and no further one is begun; over. */
  at: "shown" | "beginning" | "stopping" | "over";
}

export interface BeginProps {
  state: BeginState;
  close: () => void;
  confirm: () => void;
  /** Asks again about those that were not begun. */
  again: (stacks: readonly string[]) => void;
}

/** Those that a confirmation begins. Pure. */
export const beginnable = ({ beginnings = [] }: BeginState): Beginning[] => beginnings.filter((b) => b.problem === undefined && !b.begun);

/** Those that were to be begun and, as far as is known, are not. Pure. */
export const leftOver = (state: BeginState): string[] =>
  beginnable(state).flatMap(({ stack }) => (state.outcomes.get(stack)?.is === "begun" ? [] : [stack]));

/** One preview and one confirmation for all; afterwards what became of each. */
export function beginDialog({ state, close, confirm, again }: BeginProps): ComponentChildren {
  const { stacks, beginnings, problem, at } = state;
  const ready = beginnable(state).length;
  const left = leftOver(state);
  return h(
    "dialog",
    {
      key: "begin",
      "data-modal": true,
      "aria-labelledby": "begin-title",
      onCancel: (e: Event) => {
        e.preventDefault();
        close();
      },
    },
    h(
      "form",
      {
        method: "dialog",
        onSubmit: (e: Event) => {
          e.preventDefault();
          if (at === "shown" && ready > 0) confirm();
        },
      },
      h(
        "header",
        null,
        h("h2", { id: "begin-title", tabindex: -1, autofocus: true }, titleOf(stacks)),
        h("p", { class: "quiet", role: "status" }, standing(state)),
      ),
      h(
        "div",
        { class: "body", tabindex: 0, role: "group", "aria-label": "What it will do" },
        at === "shown"
          ? h("p", null, "Each takes its config file as revision 0. Nothing is changed anywhere until somebody advances it.")
          : false,
        problemBox(problem),
        beginnings === undefined
          ? problem === undefined && h("p", { class: "quiet" }, "Reading the configs…")
          : h(
              "ul",
              { class: "beginnings" },
              beginnings.map((b) => item(b, state)),
            ),
      ),
      h(
        "footer",
        null,
        h("button", { type: "button", disabled: at === "stopping", onClick: close }, LEAVE[at]),
        at === "over" && left.length > 0
          ? h("button", { type: "button", onClick: () => again(left) }, `Look at the ${left.length} again…`)
          : false,
        at === "over"
          ? false
          : h("button", { type: "submit", class: "primary", disabled: at !== "shown" || ready === 0 }, labelOf(at, ready)),
      ),
    ),
  );
}

const LEAVE: Record<BeginState["at"], string> = { shown: "Cancel", beginning: "Stop", stopping: "Stopping…", over: "Close" };
const labelOf = (at: BeginState["at"], ready: number): string => (at === "shown" ? `Begin ${plural(ready, "migration")}` : "Beginning…");
const titleOf = (stacks: readonly string[]): string =>
  stacks.length === 1 ? `Begin the migration of ${stacks[0]}` : `Begin ${plural(stacks.length, "migration")}`;

/** How many of them, in one sentence. */
function standing(state: BeginState): string {
  const { beginnings, outcomes, at } = state;
  if (beginnings === undefined) return "Nothing is begun yet.";
  const ready = beginnable(state).length;
  const cannot = beginnings.length - ready;
  if (at === "shown") return `${ready} will be begun${cannot === 0 ? "" : `, ${cannot} will not`}.`;
  const count = (is: Outcome["is"]): number => [...outcomes.values()].filter((o) => o.is === is).length;
  const rest = beginnings.length - count("begun") - count("failed") - count("unknown");
  const parts = [
    `${count("begun")} of ${beginnings.length} begun`,
    ...(count("failed") === 0 ? [] : [`${count("failed")} failed`]),
    ...(count("unknown") === 0 ? [] : [`of ${count("unknown")} it is not known`]),
    ...(rest === 0 ? [] : [`${rest} not begun`]),
  ];
  return `${parts.join(", ")}.`;
}

function item(b: Beginning, state: BeginState): ComponentChildren {
  const outcome = state.outcomes.get(b.stack);
  const [word, tone] = wordOf(b, outcome, state.at);
  const refusal = outcome !== undefined && "problem" in outcome ? outcome.problem : undefined;
  return h(
    "li",
    { key: b.stack },
    h(
      "div",
      { class: "row" },
      h("b", { class: "whole" }, b.stack),
      chip(word, tone),
      h(
        "span",
        { class: "quiet small" },
        [b.criticality === undefined ? undefined : `${b.criticality} criticality`, b.owner].filter(Boolean).join(" · "),
      ),
    ),
    b.problem === undefined ? planOf(b) : reason(b.problem, b.next),
    refusal === undefined ? false : reason(refusal.detail, refusal.next),
  );
}

const reason = (problem: string, next: string | undefined): ComponentChildren => [
  h("p", { class: "bad small" }, problem),
  next === undefined ? false : h("p", { class: "small" }, `Next: ${next}`),
];

function wordOf(b: Beginning, outcome: Outcome | undefined, at: BeginState["at"]): [string, Tone] {
  if (outcome?.is === "begun") return ["Begun", "good"];
  if (outcome?.is === "asked") return ["Beginning…", "run"];
  if (outcome?.is === "failed") return ["Not begun: it failed", "bad"];
  if (outcome?.is === "unknown") return ["Not known", "wait"];
  if (b.problem !== undefined) return ["Cannot be begun", "bad"];
  if (b.begun) return ["Has begun already", ""];
  return at === "shown" || at === "beginning" ? ["Will be begun", ""] : ["Not begun", "wait"];
}

/** What its plan holds, in three lines. */
function planOf({ begun, phases = [], first, asks = 0, pointsOfNoReturn = [] }: Beginning): ComponentChildren {
  if (begun) return false;
  const steps = phases.reduce((sum, p) => sum + p.steps, 0);
  return h(
    "p",
    { class: "small" },
    `${plural(steps, "step")} (${phases.map((p) => `${PHASE_NAMES[p.phase] ?? p.phase} ${p.steps}`).join(", ")}). `,
    first === undefined ? false : `First: ${first.title}. `,
    `A person is asked ${plural(asks, "time")}. `,
    pointsOfNoReturn.length === 0
      ? "There is always a way back."
      : h("span", null, h("b", null, `${plural(pointsOfNoReturn.length, "point")} of no return: `), `${pointsOfNoReturn.join("; ")}.`),
  );
}

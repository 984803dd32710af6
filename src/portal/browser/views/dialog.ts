import { type ComponentChildren, h } from "preact";
import type { Migration, Step } from "../lib/types.js";
import type { DialogProps, DialogState, Extent } from "./dialogState.js";
import { lossList, previewDiff, wayBack } from "./diff.js";
import { editList } from "./edits.js";
import { extents, lostNameFields, nameField, revisionField, whyField } from "./fields.js";
import { ahead, asksForName, lostNames, titleOf } from "./intent.js";
import { chip, gateRows, problemBox } from "./parts.js";

/** Says exactly what will happen before it happens, and asks for what the action needs. */
export function actionDialog(props: DialogProps): ComponentChildren {
  const { state, migration: m, close, send } = props;
  const { action, sending } = state;
  const needsName = asksForName(state, m, props.steps);
  const unnamed = lostNames(action, m).some((name) => state.named[name]?.trim() !== name);
  const nameMissing = unnamed || (needsName && state.typed.trim() !== m.application);
  const waiting = needsAnswer(state) && state.problem === undefined;
  return h(
    "dialog",
    { key: "dialog", "data-modal": true, class: action, "aria-labelledby": "dialog-title", onCancel: close },
    h(
      "form",
      {
        method: "dialog",
        onSubmit: (e: Event) => {
          e.preventDefault();
          if (!nameMissing && !waiting && !sending) send();
        },
      },
      h(
        "header",
        null,
        h("h2", { id: "dialog-title", tabindex: -1, autofocus: true }, titleOf(action, m)),
        h("p", { class: "quiet" }, `${m.application} · ${m.environment}`),
      ),
      h(
        "div",
        { class: "body", tabindex: 0, role: "group", "aria-label": "What it will do" },
        body(props),
        problemBox(state.problem),
        insisting(props),
        withoutService(props.byHand),
      ),
      h(
        "footer",
        null,
        lostNameFields(props),
        needsName ? nameField(props) : false,
        h("button", { type: "button", onClick: close }, action === "preview" ? "Close" : "Cancel"),
        action === "preview" ? false : confirm(props, nameMissing || waiting || sending),
      ),
    ),
  );
}

const needsAnswer = ({ action, preview, way, edit }: DialogState): boolean =>
  (["advance", "preview"].includes(action) && preview === undefined) ||
  (action === "edit" && edit === undefined) ||
  (["rollback", "abort", "emergency"].includes(action) && way === undefined);

function confirm({ state, migration, change }: DialogProps, disabled: boolean): ComponentChildren {
  const { action, armed, sending } = state;
  if (action === "emergency" && armed === "no")
    return h(
      "button",
      { key: "arm", type: "button", class: "danger", disabled, onClick: () => change({ armed: "arming" }) },
      "Send users back…",
    );
  const label = action === "emergency" ? "Yes, send all users to the old side now" : titleOf(action, migration);
  const early = action === "emergency" && armed !== "ready";
  const danger = ["emergency", "abort", "rollback", "refuse"].includes(action) || lostNames(action, migration).length > 0;
  return h(
    "button",
    { key: "send", type: "submit", class: danger ? "danger primary" : "primary", disabled: disabled || early },
    sending ? "Asking…" : label,
  );
}

function body(props: DialogProps): ComponentChildren {
  const { state, migration: m, steps, change } = props;
  const step = steps.find((s) => s.id === m.step?.id);
  switch (state.action) {
    case "advance":
      return [extents(state, change), aheadList(m, state.extent), nextPreview(state)];
    case "preview":
      return nextPreview(state);
    case "approve":
      if (m.losses !== undefined) return [lossList(m.losses, step), aheadList(m, "goal", "What it lets run"), blocked(step)];
      return [
        h("p", null, h("b", null, step?.asks ?? step?.title ?? "")),
        secondPerson(m),
        aheadList(m, "goal", "What it lets run"),
        m.gates.length === 0 ? false : [h("h3", { class: "sub" }, "It takes effect once these have passed after it"), gateRows(m.gates)],
        blocked(step),
      ];
    case "refuse":
      return [h("p", null, `It will be held at ${step?.id ?? "its position"}: ${step?.asks ?? ""}`), whyField(props)];
    case "pause":
      return [
        h("p", null, "What runs now finishes; nothing further begins until somebody resumes. Users stay where they are."),
        whyField(props),
      ];
    case "resume":
      return m.returning === undefined
        ? [h("p", null, resumes(m, step)), aheadList(m, "goal")]
        : [
            h("p", null, "The way back goes on:"),
            h(
              "ol",
              { class: "way" },
              m.returning.items.slice(m.returning.done).map((text) => h("li", { key: text }, text)),
            ),
          ];
    case "promote":
      return h("p", null, "The pause that the canary is in ends now, and it goes to its next weight without waiting.");
    case "edit":
      if (state.edit === undefined)
        return state.problem === undefined ? h("p", { class: "quiet", role: "status" }, "Asking the engine what it will change…") : false;
      return [editList(state.edit), h("h3", { class: "sub" }, "What it will change"), previewDiff(state.edit.preview), whyField(props)];
    case "rollback":
      return [revisionField(props), steppedBack(state), whyField(props)];
    case "abort":
      return [
        h("p", null, "Everything done so far is undone, back to revision 0, and the migration ends for good."),
        steppedBack(state),
        whyField(props),
      ];
    case "emergency":
      return [
        h(
          "p",
          null,
          h("b", null, "All users are sent to the old side at once"),
          ", past the engine. Then everything else goes back to before their traffic moved:",
        ),
        steppedBack(state),
        handwork(state.way?.byHand),
        whyField(props),
      ];
  }
}

/** Nobody is sent to a side that is known to be no better, unless the person says so after having read it. */
const insisting = ({ state: { problem, insist }, change }: DialogProps): ComponentChildren =>
  insist === true
    ? h("p", { class: "bad" }, h("b", null, "Users are sent to the old side although it is known to be no better."))
    : problem?.status === 409 && problem.next?.includes("insist") === true
      ? h(
          "button",
          { key: "insist", type: "button", class: "danger", onClick: () => change({ insist: true, problem: undefined, armed: "no" }) },
          "Send them there all the same…",
        )
      : false;

/** The service is gone: what a person does instead, in full. */
export const withoutService = (lines: readonly string[] | undefined): ComponentChildren =>
  lines === undefined
    ? false
    : h(
        "div",
        { class: "by-hand stack tight", key: "by-hand", role: "group", "aria-label": "Without the service" },
        h("p", null, h("b", null, "The service does not answer. Users are sent back by hand:")),
        lines.length === 0
          ? h("p", null, "Users are on one side alone: there are no weights to set.")
          : h("pre", { class: "small", tabindex: 0 }, lines.join("\n")),
      );

/** What a person does where the service cannot act. */
const handwork = (lines: readonly string[] | undefined): ComponentChildren =>
  lines === undefined || lines.length === 0
    ? false
    : h("details", null, h("summary", null, "Without cutover: set the weights by hand"), h("pre", { class: "small" }, lines.join("\n")));

function resumes(m: Migration, step: Step | undefined): string {
  if (step?.kind === "approval") return "The person is asked again.";
  if (m.losses !== undefined) return "The engine is asked again what the step would change. It stays held if that still loses data.";
  return m.status === "paused" ? "It goes on where it was paused." : "What failed is tried again, in a new attempt.";
}

const secondPerson = ({ step, allowed }: Migration): ComponentChildren =>
  step?.secondPerson === true &&
  h(
    "p",
    { class: "quiet" },
    `It must be another person than ${allowed.approve.notBy ?? "the one"}${allowed.approve.notBy === undefined ? "" : ","} who advanced.`,
  );

/** The steps that will run, until the end or the next decision of a person. */
function aheadList(m: Migration, extent: Extent | "goal", title = "What will run"): ComponentChildren {
  const { run, stopsAt } = ahead(m, extent);
  return h(
    "div",
    { class: "stack tight" },
    h("h3", { class: "sub" }, title),
    run.length === 0 ? h("p", { class: "quiet" }, nothingRuns(stopsAt !== undefined)) : false,
    h(
      "ol",
      { class: "way" },
      run.map((s) =>
        h("li", { key: s.id }, h("span", { class: "row" }, s.title, s.pointOfNoReturn ? chip("point of no return", "bad") : false)),
      ),
    ),
    stopsAt === undefined
      ? false
      : h("p", { class: "quiet" }, `${run.length === 0 ? "Asked next" : "Then a person is asked"}: ${stopsAt.asks}`),
  );
}

const nothingRuns = (asks: boolean): string =>
  asks
    ? "Nothing yet: a person is asked again before anything runs."
    : "Nothing: it was advanced to here only. An advance runs what follows.";

function nextPreview({ preview, problem }: DialogState): ComponentChildren {
  if (preview === undefined)
    return problem === undefined ? h("p", { class: "quiet", role: "status" }, "Asking the engine what it will change…") : false;
  const { step } = preview;
  if (step === undefined) return h("p", { class: "quiet" }, "No step is left.");
  return [
    h("h3", { class: "sub" }, `${step.id}: ${step.title}`),
    preview.preview === undefined
      ? h(
          "p",
          { class: "quiet" },
          step.kind === "config" ? "Its update is applied already." : "It changes no stack config: there is nothing to preview.",
        )
      : previewDiff(preview.preview),
    h("h3", { class: "sub" }, "How we would come back"),
    h("p", null, step.wayBack.summary),
    preview.wayBack === undefined || preview.wayBack.path.length === 0
      ? h("p", { class: step.wayBack.loses === "nothing" ? "good" : "bad" }, h("b", null, `Loses ${step.wayBack.loses}.`))
      : wayBack(preview.wayBack),
  ];
}

const steppedBack = ({ way, problem }: DialogState): ComponentChildren =>
  way === undefined
    ? problem === undefined
      ? h("p", { class: "quiet", role: "status" }, "Working out the way back…")
      : false
    : wayBack(way);

const blocked = (step: Step | undefined): ComponentChildren =>
  step?.preview === undefined || step.status === "done"
    ? false
    : [h("h3", { class: "sub" }, "What is approved, by the engine's preview"), previewDiff(step.preview)];

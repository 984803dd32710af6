import { type ComponentChildren, h } from "preact";
import { duration, plural, time } from "../lib/format.js";
import type { Rehearsal } from "../lib/types.js";
import { chip, PHASE_NAMES, type Tone, VERDICT } from "./parts.js";
import { verdictChip } from "./rehearsals.js";

type Rehearsed = Rehearsal["migrations"][number];
type Frame = Rehearsed["frames"][number];

export interface ReplayProps {
  rehearsal: Rehearsal;
  stack: string;
  /** Index of the moment that is shown. */
  at: number;
  playing: boolean;
  onStack: (stack: string) => void;
  onAt: (at: number) => void;
  onPlay: () => void;
}

/** A rehearsal: its verdict, every moment of it to go through, and what going back would have cost. */
export function replay(props: ReplayProps): ComponentChildren {
  const { rehearsal, stack, at } = props;
  const of = rehearsal.migrations.find((m) => m.stack === stack);
  const frame = of?.frames[at];
  return h(
    "div",
    { class: "stack" },
    h(
      "header",
      null,
      h("h2", { class: "row" }, rehearsal.stacks.join(", "), verdictChip(rehearsal.verdict)),
      h("p", { class: "quiet" }, `rehearsed ${time(rehearsal.madeAt)}, seed ${rehearsal.seed}`),
      rehearsal.reasons.map((r) => h("p", { key: r, class: "bad" }, r)),
    ),
    of === undefined || frame === undefined
      ? h("p", { class: "empty" }, "Nothing happened in it.")
      : [player(props, of, frame), moment(frame), ofFaults(of), rollbacks(of), waysBack(of, frame)],
  );
}

function player({ rehearsal, stack, at, playing, onStack, onAt, onPlay }: ReplayProps, of: Rehearsed, frame: Frame): ComponentChildren {
  const last = of.frames.length - 1;
  return h(
    "section",
    { class: "card player", "aria-label": "Replay" },
    h(
      "div",
      { class: "row" },
      rehearsal.migrations.length < 2
        ? false
        : h(
            "label",
            { class: "row" },
            h("span", { class: "quiet" }, "Stack"),
            h(
              "select",
              { value: stack, onChange: (e: Event) => onStack((e.target as HTMLSelectElement).value) },
              rehearsal.migrations.map((m) => h("option", { key: m.stack, value: m.stack }, m.stack)),
            ),
          ),
      h("button", { type: "button", onClick: () => onAt(at - 1), disabled: at === 0 }, "Back"),
      h("button", { type: "button", class: "primary", onClick: onPlay }, playing ? "Pause" : "Play"),
      h("button", { type: "button", onClick: () => onAt(at + 1), disabled: at === last }, "Next"),
      h("span", { class: "quiet" }, `moment ${at + 1} of ${of.frames.length}`),
    ),
    h("input", {
      type: "range",
      min: 0,
      max: last,
      value: String(at),
      "aria-label": "Moment",
      "aria-valuetext": `${time(frame.at)}: ${frame.text}`,
      onInput: (e: Event) => onAt(Number((e.target as HTMLInputElement).value)),
    }),
  );
}

const TONE: Record<string, Tone> = { running: "run", approval: "wait", paused: "wait", held: "bad", returning: "bad", completed: "good" };

const percent = (share: number): string => `${Math.round(share * 1_000) / 10} %`;

const moment = (f: Frame): ComponentChildren =>
  h(
    "section",
    { class: "card stack", "aria-label": "The moment" },
    h("p", { class: "eyebrow" }, `${time(f.at)} · ${PHASE_NAMES[f.phase] ?? f.phase}${f.step === undefined ? "" : ` · ${f.step}`}`),
    h("p", { class: "row title" }, h("b", null, f.text), chip(f.status, TONE[f.status] ?? "")),
    h(
      "span",
      { class: "weights" },
      h(
        "span",
        { class: "bar", "aria-hidden": "true" },
        h("span", { class: "side old", style: { "flex-grow": String(1 - f.usersOnNew) } }),
        h("span", { class: "side new", style: { "flex-grow": String(f.usersOnNew) } }),
      ),
      h(
        "span",
        { class: "small quiet" },
        h("b", { class: "new-ink" }, `${percent(f.usersOnNew)} of the users on the new side`),
        f.weights.dns === undefined ? "" : ` · ${f.weights.dns} % asked for`,
        f.weights.green === undefined ? "" : ` · green ${f.weights.green} %`,
        ` · revision ${f.revision}`,
      ),
    ),
    f.gates === undefined || f.gates.length === 0
      ? false
      : h(
          "ul",
          { class: "gates" },
          f.gates.map((g) => {
            const { word, tone } = VERDICT[g.verdict as keyof typeof VERDICT] ?? VERDICT.unknown;
            return h(
              "li",
              { key: g.gate },
              chip(word, tone),
              h("span", { class: "what" }, h("b", null, g.gate), h("span", { class: "quiet small" }, `accepted: ${g.accepts}`)),
              h("span", { class: "shown mono" }, g.shown),
            );
          }),
        ),
  );

const ofFaults = ({ faults, reasons }: Rehearsed): ComponentChildren =>
  faults.length === 0 && reasons.length === 0
    ? false
    : h(
        "section",
        { class: "card", "aria-label": "Faults" },
        h("h3", null, "Faults"),
        faults.map((f) =>
          h("p", { key: f.fault, class: "row" }, h("code", null, f.fault), chip(f.came ? "came" : "never came", f.came ? "" : "wait")),
        ),
        reasons.map((r) => h("p", { key: r, class: "bad" }, r)),
      );

const rollbacks = (of: Rehearsed): ComponentChildren =>
  of.rollbacks.length === 0
    ? false
    : h(
        "section",
        { class: "card", "aria-label": "What went back" },
        h("h3", null, plural(of.rollbacks.length, "rollback")),
        h(
          "ul",
          { class: "stack" },
          of.rollbacks.map((r) =>
            h(
              "li",
              { key: r.at },
              h("p", null, h("b", null, `${time(r.at)}, to revision ${r.revision}${r.automatic ? ", automatically" : ""}: `), r.why),
              h(
                "p",
                { class: "quiet small" },
                [
                  r.detectionMs === undefined ? "" : `noticed after ${duration(r.detectionMs)}`,
                  r.usersBackMs === undefined ? "" : `users back after ${duration(r.usersBackMs)}`,
                  `${percent(r.usersOnNew)} of the users were on the new side`,
                  r.loses.length === 0 ? "nothing lost" : `lost: ${r.loses.join("; ")}`,
                ]
                  .filter((t) => t !== "")
                  .join(", "),
              ),
            ),
          ),
        ),
      );

const COST_COLUMNS = ["After the step", "Users back", "All undone", "Loses"];

/** What going back to the beginning would have cost after each step. */
const waysBack = ({ waysBack: ways }: Rehearsed, frame: Frame): ComponentChildren =>
  h(
    "section",
    { class: "card", "aria-label": "What going back would have cost" },
    h("h3", null, "What going back would have cost"),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "group", "aria-label": "Costs of going back" },
      h(
        "table",
        null,
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            COST_COLUMNS.map((c) => h("th", { scope: "col", key: c }, c)),
          ),
        ),
        h(
          "tbody",
          null,
          ways.map((w) =>
            h(
              "tr",
              { key: `${w.step} ${w.at}`, class: w.step === frame.step ? "lit" : "" },
              h("th", { scope: "row", class: "mono small" }, w.step),
              h("td", null, w.possible ? `${w.usersMinutes} min` : h("span", { class: "bad" }, "no way back")),
              h("td", null, w.possible ? `${w.minutes} min` : ""),
              h(
                "td",
                null,
                w.loses.length === 0 ? h("span", { class: "good" }, "nothing") : h("span", { class: "bad" }, w.loses.join("; ")),
              ),
            ),
          ),
        ),
      ),
    ),
  );

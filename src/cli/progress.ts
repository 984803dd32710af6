import type { Recorded } from "../automation/journal/entries.js";
import { type EntryKind, inWords } from "../automation/journal/words.js";
import type { Plan } from "../automation/plan/plan.js";
import type { Progress } from "../automation/run/projections.js";
import { currentConfig, type MigrationState } from "../automation/state/state.js";
import { SHIFTS, shiftOf } from "../config/shift.js";
import { bar, type Colour, type Paint, paintFor } from "./output.js";

/** Prints a migration's journal as it grows: a line a finished step, and everything that went wrong or back. */
export interface Printer {
  progress(progress: Progress): void;
  /** An entry of which no state is at hand, as the service tells it. */
  entry(stack: string, entry: Recorded): void;
  say(line: string): void;
}

export interface Line {
  mark: string;
  colour?: Colour;
  text: string;
  detail?: string | undefined;
}

export function printer(out: { write(text: string): unknown; isTTY?: boolean }, columns = 120): Printer {
  const paint = paintFor(out);
  const say = (line: string): void => void out.write(`${line}\n`);
  const width = Math.min(columns, 140);
  /** What a step left, by stack, until its end is told. */
  const left = new Map<string, string[]>();

  const show = (stack: string, at: number, line: Line | undefined): void => {
    if (line === undefined) return;
    const head = `${paint("dim", clock(at))}  ${marked(paint, line)} ${paint("bold", stack.padEnd(26))} ${line.text}`;
    const { detail = "" } = line;
    say(detail === "" ? head : `${head}\n${" ".repeat(20)}${paint("dim", cut(detail, width - 20))}`);
  };

  return {
    say,
    progress({ stack, entry, state, plan }) {
      const line = lineOf(entry);
      if (entry.type === "step.completed") {
        const step = state.steps[entry.step];
        const gates = (step?.gates ?? []).map(shownGate);
        const detail = [step?.evidence, gates.join(" · ")].filter((t) => t !== undefined && t !== "").join(" · ");
        show(stack, entry.at, {
          mark: "✓",
          text: `${shownDone(plan, state).padStart(8)}  ${entry.step.padEnd(28)} ${weights(state)}`.trimEnd(),
          detail,
        });
      } else if (entry.type === "rollback.completed") show(stack, entry.at, { ...(line as Line), detail: weights(state) });
      else show(stack, entry.at, line);
    },
    entry(stack, entry) {
      if (entry.type === "action.succeeded") left.set(stack, [entry.summary]);
      if (entry.type === "gates.passed") left.set(stack, [...(left.get(stack) ?? []), ...entry.gates.map(shownGate)]);
      if (entry.type !== "step.completed") return show(stack, entry.at, lineOf(entry));
      show(stack, entry.at, { mark: "✓", text: entry.step, detail: (left.get(stack) ?? []).join(" · ") });
      left.delete(stack);
    },
  };
}

const MARK: Partial<Record<EntryKind, string>> = { back: "↩", held: "■", settled: "↻", end: "●" };

/** What a person wants to know of an entry; most entries say nothing new. */
export function lineOf(entry: Recorded): Line | undefined {
  const { kind, what, detail, bad = false } = inWords(entry);
  const mark = MARK[kind] ?? (bad && kind !== "person" && kind !== "routine" ? "✗" : undefined);
  if (mark === undefined) return undefined;
  const colour: Colour | undefined = kind === "back" || (kind === "end" && bad) ? "yellow" : undefined;
  const path = entry.type === "rollback.started" ? entry.path.map((p) => p.summary).join(" ") : detail;
  const step = mark === "✗" && "step" in entry && entry.step !== undefined ? `${entry.step}: ` : "";
  return {
    mark,
    ...(colour === undefined ? {} : { colour }),
    text: `${step}${what.slice(0, 1).toLowerCase()}${what.slice(1)}`,
    detail: path,
  };
}

const MARKS: Record<string, Colour> = { "✓": "green", "✗": "red", "↩": "yellow", "■": "red", "↻": "cyan", "●": "green" };
function marked(paint: Paint, { mark, colour }: Line): string {
  return paint(colour ?? MARKS[mark] ?? "bold", mark);
}

const shownGate = ({ gate, shown }: { gate: string; shown: string }): string => `${gate} ${shown}`;

/** `14 of 42`: steps that are done. */
export const shownDone = (plan: Plan, { steps }: MigrationState): string =>
  `${plan.filter((s) => steps[s.id]?.status === "done").length} of ${plan.length}`;

/** `48 s` or `2 min 05 s` since then. */
export function elapsed(since: number, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - since) / 1_000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/** Where users are now: which share the new side has, by what divides them. */
export function weightsIn(state: MigrationState): [name: string, percent: number][] {
  const config = currentConfig(state);
  const { strategy } = config;
  const shift = shiftOf(config);
  const found: [string, number][] = [];
  if (strategy.kind === "blue-green" && strategy.green) found.push(["green", strategy.greenWeight]);
  if (shift !== undefined && shift.records !== "none" && shift.records !== "old")
    found.push([SHIFTS[shift.section].short, shift.weights.new]);
  return found;
}

/** `dns ███░░░░░░░ 25 %` */
const weights = (state: MigrationState): string =>
  weightsIn(state)
    .map(([name, percent]) => `${name} ${bar(percent)}`)
    .join("  ");

/** `2026-01-12 12:01`, UTC. */
export const clock = (at: number): string => new Date(at).toISOString().slice(0, 16).replace("T", " ");
const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

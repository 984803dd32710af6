import { stripVTControlCharacters } from "node:util";
import type { Progress } from "../automation/run/projections.js";
import { bar, type Paint, paintFor } from "./output.js";
import { elapsed, lineOf, type Printer, printer, shownDone, weightsIn } from "./progress.js";

interface Row {
  done: string;
  what: string;
  weights: string;
  since: number;
}

interface Terminal {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

/** What the start of a rehearsal is shown on, until `close`. */
export interface Board extends Printer {
  /** Leaves what it shows as it is and writes nothing more by itself. */
  close(): void;
}

const LEAST_COLUMNS = 40;
const MOST_COLUMNS = 110;
const EVERY_MS = 1_000;

/** A terminal gets one line a stack, rewritten as it goes on; anything else plain lines. */
export const boardFor = (out: Terminal): Board =>
  out.isTTY === true ? new Live(out) : { ...printer(out, out.columns), close: () => undefined };

/** Lines at the end of the terminal that are rewritten; what is said stays above them. */
class Live implements Board {
  private readonly rows = new Map<string, Row>();
  private readonly since = new Map<string, number>();
  private readonly paint: Paint;
  private readonly timer: NodeJS.Timeout;
  private drawn = 0;

  constructor(private readonly out: Terminal) {
    this.paint = paintFor(out);
    this.timer = setInterval(() => this.draw(), EVERY_MS);
    this.timer.unref();
  }

  say = (text: string): void => {
    const lines = text.split("\n").flatMap((line) => wrapped(line, this.width));
    this.out.write(`${this.erased()}${lines.join("\n")}\n`);
    this.drawn = 0;
    this.draw();
  };

  progress = ({ stack, entry, state, plan }: Progress): void => {
    const since = this.since.get(stack) ?? Date.now();
    this.since.set(stack, since);
    const over = state.status === "completed" || state.status === "aborted";
    const { weights, done } = { weights: weightsIn(state), done: shownDone(plan, state) };
    const line = lineOf(entry);
    if (over) this.rows.delete(stack);
    else {
      const step = plan[state.position]?.id ?? "";
      const what = state.returning === undefined ? step : "going back";
      this.rows.set(stack, { done, what, weights: weights.map(([name, percent]) => `${name} ${bar(percent)}`).join(" "), since });
    }
    if (line === undefined) {
      this.draw();
      return;
    }
    const head = `${this.paint(line.colour ?? "bold", line.mark)} ${stack}  ${line.text}`;
    this.say(over ? `${head}, ${done} steps in ${elapsed(since)}` : line.detail === undefined ? head : `${head}: ${line.detail}`);
  };

  entry = (): void => undefined;

  close(): void {
    clearInterval(this.timer);
    this.out.write(this.erased());
    this.rows.clear();
    this.drawn = 0;
  }

  /** One less than there are: a line that fills the last column would wrap. */
  private get width(): number {
    return Math.max(LEAST_COLUMNS, Math.min((this.out.columns ?? 80) - 1, MOST_COLUMNS));
  }

  private erased(): string {
    return this.drawn === 0 ? "" : `\u001b[${this.drawn}A\r\u001b[J`;
  }

  private draw(): void {
    const most = Math.max(1, (this.out.rows ?? 24) - 3);
    const all = [...this.rows].map(([stack, row]) => this.line(stack, row));
    const shown = all.length <= most ? all : [...all.slice(0, most - 1), `  and ${all.length - most + 1} more`];
    if (shown.length === 0 && this.drawn === 0) return;
    this.out.write(`${this.erased()}${shown.map((l) => `${l}\n`).join("")}`);
    this.drawn = shown.length;
  }

  /** Name, n of m, elapsed time, and of step and weights as much as there is room for. */
  private line(stack: string, { done, what, weights, since }: Row): string {
    const name = Math.min(Math.max(...[...this.rows.keys()].map((s) => s.length)), Math.floor(this.width / 2.4));
    const head = `${cut(stack, name).padEnd(name)}  ${done.padStart(8)}  `;
    const time = elapsed(since).padStart(12);
    const room = this.width - head.length - time.length;
    const full = weights === "" ? what : `${what}  ${weights}`;
    return `${this.paint("bold", head)}${cut(full.length <= room ? full : what, room).padEnd(room)}${this.paint("dim", time)}`;
  }
}

const cut = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, Math.max(0, most - 1))}…`);

/**
 * Breaks a line between words; what follows is indented. A word that is longer than a line stays whole, and so does an
 * indented line, which is a command: both are copied.
 */
export function wrapped(line: string, width: number): string[] {
  if (line.startsWith("    ")) return [line];
  const lines: string[] = [];
  const length = (text: string): number => stripVTControlCharacters(text).length;
  let rest = "";
  for (const word of line.split(" ")) {
    const longer = rest === "" && lines.length === 0 && word === line.split(" ")[0] ? word : `${rest} ${word}`;
    if (length(longer) <= width || rest.trim() === "") rest = longer;
    else {
      lines.push(rest);
      rest = `    ${word}`;
    }
  }
  return [...lines, rest];
}

import type { Progress } from "../automation/migrations.js";
import type { MigrationState } from "../automation/state.js";
import { currentConfig } from "../automation/state.js";

/** Prints a migration's journal as it grows: a line a finished step, and everything that went wrong or back. */
export interface Printer {
  progress(progress: Progress): void;
  say(line: string): void;
}

const COLOURS = { green: 32, red: 31, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const;
type Colour = keyof typeof COLOURS;

export function printer(out: { write(text: string): unknown; isTTY?: boolean }, columns = 120): Printer {
  const coloured = out.isTTY === true && process.env.NO_COLOR === undefined;
  const paint = (colour: Colour, text: string): string => (coloured ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text);
  const say = (line: string): void => void out.write(`${line}\n`);
  const width = Math.min(columns, 140);

  const line = (mark: string, stack: string, at: number, text: string, detail = ""): void => {
    const when = new Date(at).toISOString().slice(0, 16).replace("T", " ");
    const head = `${paint("dim", when)}  ${mark} ${paint("bold", stack.padEnd(26))} ${text}`;
    say(detail === "" ? head : `${head}\n${" ".repeat(20)}${paint("dim", cut(detail, width - 20))}`);
  };

  return {
    say,
    progress({ stack, entry, state }) {
      const { at } = entry;
      switch (entry.type) {
        case "step.completed": {
          const step = state.steps[entry.step];
          const gates = (step?.gates ?? []).map((g) => `${g.gate} ${g.shown}`).join(" · ");
          line(
            paint("green", "✓"),
            stack,
            at,
            `${entry.step.padEnd(28)} ${weights(state)}`,
            [step?.evidence, gates].filter((t) => t !== undefined && t !== "").join(" · "),
          );
          return;
        }
        case "gates.failed":
          line(paint("red", "✗"), stack, at, `${entry.step}: a gate failed`, entry.reason);
          return;
        case "rollback.started":
          line(
            paint("yellow", "↩"),
            stack,
            at,
            paint("yellow", `going back to revision ${entry.revision}${entry.automatic ? ", by itself" : ` (${entry.who})`}`),
            entry.path.map((p) => p.summary).join(" "),
          );
          return;
        case "rollback.completed":
          line(paint("yellow", "↩"), stack, at, paint("yellow", `back at revision ${entry.revision}`), weights(state));
          return;
        case "migration.held":
          line(paint("red", "■"), stack, at, "held for a person", entry.reason);
          return;
        case "action.failed":
        case "update.failed":
        case "preview.failed":
          line(paint("red", "✗"), stack, at, `${entry.type.replace(".", " ")}${entry.transient ? ", trying again" : ""}`, entry.error);
          return;
        case "runner.recovered":
          line(paint("cyan", "↻"), stack, at, "after an interruption", entry.note);
          return;
        case "migration.completed":
          line(paint("green", "●"), stack, at, paint("green", "completed"));
          return;
        default:
      }
    },
  };
}

/** `dns ▕███░░░░░░░▏ 25 %`: where users are now. */
function weights(state: MigrationState): string {
  const { dns, strategy } = currentConfig(state);
  const bars: string[] = [];
  if (strategy.kind === "blue-green" && strategy.green) bars.push(bar("green", strategy.greenWeight));
  if (dns !== undefined && dns.records !== "none" && dns.records !== "old") bars.push(bar("dns", dns.weights.new));
  return bars.join("  ");
}

const bar = (name: string, percent: number): string =>
  `${name} ${"█".repeat(Math.round(percent / 10))}${"░".repeat(10 - Math.round(percent / 10))} ${percent} %`;
const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

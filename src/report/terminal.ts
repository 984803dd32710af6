import { stripVTControlCharacters } from "node:util";
import { SHIFTS } from "../config/shift.js";
import { counted } from "../lib/plural.js";
import { duration, steps, time } from "./format.js";
import type { MigrationReport, Report } from "./report.js";

export interface TerminalOptions {
  /** Columns. */
  width: number;
  colour: boolean;
}

/** The report for a terminal: one table, then what a person wants to know of each migration. */
export function renderTerminal(report: Report, { width, colour }: TerminalOptions): string {
  const bold = (text: string): string => (colour ? `\u001b[1m${text}\u001b[0m` : text);
  const rule = "─".repeat(width);
  const name = Math.max(...report.migrations.map((m) => m.stack.length), 5);
  const { totals } = report;
  const rows = report.migrations.map((m) => {
    const done = m.steps.filter((s) => s.status === "done").length;
    return `${m.stack.padEnd(name)}  ${m.status.padEnd(10)} ${`${done}/${m.steps.length}`.padStart(6)} steps  ${duration(m.endedAt - m.startedAt).padStart(10)}  ${bars(m)}`.trimEnd();
  });
  return [
    "",
    rule,
    bold("Report"),
    `${counted(totals.updates, "update")} (${duration(totals.updateMs)} of engine time), ${counted(totals.previews, "preview")}, ${counted(totals.gates, "gate")} from ${counted(totals.samples, "sample")}, ${counted(totals.rollbacks, "rollback")}`,
    "",
    ...rows,
    ...report.migrations.flatMap((m) => story(m, bold)),
    rule,
  ]
    .flatMap((line) => wrapped(line, width))
    .join("\n");
}

/** The weights over time: `dns ▁▂▁▂▄█ 100 %`. */
function bars(m: MigrationReport): string {
  const blocks = "▁▂▃▄▅▆▇█";
  const spark = (points: { value: number }[]): string =>
    points.map((p) => blocks[Math.min(7, Math.floor((p.value / 100) * 7.99))]).join("");
  return [
    m.greenWeights.length > 0 ? `green ${spark(m.greenWeights)}` : "",
    m.dnsWeights.length > 0 ? `${shortOf(m)} ${spark(m.dnsWeights)} ${m.dnsWeights.at(-1)?.value} %` : "",
  ]
    .filter((t) => t !== "")
    .join("  ");
}

const shortOf = ({ shift = "dns" }: MigrationReport): string => SHIFTS[shift].short;

function story(m: MigrationReport, bold: (text: string) => string): string[] {
  const lines: string[] = [];
  const { promotion: p } = m;
  if (p !== undefined) {
    lines.push(
      `  promoted ${time(p.at)} at a lag of ${p.lag ?? "unknown"} s, ${duration((p.lagObservedAt ?? p.at) - (p.writesStoppedAt ?? p.at))} after writes stopped; no writes for ${duration(p.pauseMs)}`,
    );
  }
  if (m.dnsWeights.length > 0) lines.push(`  ${shortOf(m).padEnd(8)} ${steps(m.dnsWeights)}`);
  for (const r of m.rollbacks) {
    lines.push(
      `  went back to revision ${r.toRevision} ${r.automatic ? "automatically" : `(${r.who})`} on ${time(r.at)}, in ${duration((r.completedAt ?? r.at) - r.at)}: ${r.why}`,
    );
  }
  for (const r of m.recoveries) lines.push(`  settled after an interruption: ${r.note}`);
  return lines.length === 0 ? [] : ["", bold(m.stack), ...lines];
}

/** Breaks a long line at spaces; what follows is indented. */
function wrapped(line: string, width: number): string[] {
  if (stripVTControlCharacters(line).length <= width) return [line];
  const cut = line.lastIndexOf(" ", width);
  const at = cut > 20 ? cut : width;
  return [line.slice(0, at), ...wrapped(`           ${line.slice(at).trimStart()}`, width)];
}

import { duration, time } from "../report/format.js";
import type { Outcome, Rehearsed, RehearsedRollback, WayBackCost } from "./outcome.js";

/** The go or no-go report, as Markdown that reads well in a terminal too. */
export function outcomeText(outcome: Outcome): string {
  const { verdict, stacks, reasons, migrations, seed, id } = outcome;
  return [
    `# ${verdict === "go" ? "GO" : "NO-GO"}: ${stacks.join(", ")}`,
    "",
    verdict === "go"
      ? "Every step, gate and fault of the rehearsal ended as it should. It holds for exactly these stack configs."
      : "Do not go before this is fixed:",
    ...reasons.map((r) => `- ${r}`),
    "",
    ...migrations.flatMap(migration),
    `Rehearsal ${id}, seed ${seed}. The same command gives the same result again.`,
  ].join("\n");
}

function migration(m: Rehearsed): string[] {
  const { report, writePauseMs, restarts } = m;
  return [
    `## ${m.stack}`,
    "",
    `- ${m.status} in ${duration(report.endedAt - report.startedAt)} of the sandbox's time, config ${m.digest.slice(0, 12)}`,
    ...(writePauseMs === undefined ? [] : [`- users could not write for ${duration(writePauseMs)}${split(m)}`]),
    ...(restarts === 0 ? [] : [`- the process was killed ${restarts === 1 ? "once" : `${restarts} times`} and went on`]),
    ...(m.notTried ?? []).map((n) => `- not tried: ${n}`),
    ...m.faults.map((f) => `- fault ${f.fault}: ${f.came ? "came about" : "never came about"}`),
    "",
    ...(m.rollbacks.length === 0 ? [] : ["What going back cost:", "", ...m.rollbacks.map(rollback), ""]),
    ...answers(m.signals ?? []),
    "What going back to the beginning would cost, after each step that changes the answer:",
    "",
    ...table(turningPoints(m.waysBack)),
    "",
  ];
}

/** The sandbox answered for all of them. */
function answers(signals: NonNullable<Rehearsed["signals"]>): string[] {
  if (signals.length === 0) return [];
  const rows = signals.map(({ gate, steps, source, noSource }) => [gate, `${steps.length}`, source ?? `NOBODY: ${noSource}`]);
  return ["Who answers each gate on the real targets:", "", ...markdown(["Gate", "Steps", "Source"], rows), ""];
}

/** The budget is for what comes before the promotion; that itself counts against nothing. */
const split = ({ untilPromotionMs: before, writePauseBudgetMs: budget }: Rehearsed): string =>
  before === undefined || budget === undefined
    ? ""
    : `: ${duration(before) || "0 s"} of the ${duration(budget)} accepted until the promotion began, the rest for the promotion itself`;

function rollback(r: RehearsedRollback): string {
  const detected = r.detectionMs === undefined ? "" : `noticed in ${duration(r.detectionMs)}, `;
  const back = r.usersBackMs === undefined ? "users not back within a day" : `until users were back ${duration(r.usersBackMs) || "0 s"}`;
  const loses = r.loses.length === 0 ? "no data" : r.loses.join("; ");
  return `- ${time(r.at)}, ${r.automatic ? "automatically" : "as asked"}, ${Math.round(r.usersOnNew * 100)} % of users on the new side: ${detected}${back}, until all was done ${duration(r.doneMs)}; lost ${loses}. ${r.why}`;
}

/** Steps after which going back costs something else than before. */
export function turningPoints(costs: WayBackCost[]): WayBackCost[] {
  const rough = ({ possible, usersMinutes, loses, minutes }: WayBackCost): string =>
    JSON.stringify([possible, usersMinutes, loses, Math.round(minutes / 15)]);
  return costs.filter((c, i) => i === 0 || rough(c) !== rough(costs[i - 1] as WayBackCost));
}

function table(costs: WayBackCost[]): string[] {
  const rows = costs.map((c) =>
    c.possible
      ? [c.step, `${c.usersMinutes} min`, `${c.minutes} min`, c.loses.length === 0 ? "nothing" : c.loses.join("; ")]
      : [c.step, "-", "no way back", c.loses.join("; ")],
  );
  return markdown(["After", "Users back", "All back", "Loses"], rows);
}

/** Columns of one width, but for the last. */
function markdown(header: string[], rows: string[][]): string[] {
  const widths = header.slice(0, -1).map((h, i) => Math.max(h.length, ...rows.map((r) => r[i]?.length ?? 0)));
  const line = (cells: string[]): string => `| ${cells.map((c, i) => c.replaceAll("|", "\\|").padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(header), `|${[...widths, 3].map((w) => "-".repeat(w + 2)).join("|")}|`, ...rows.map(line)];
}

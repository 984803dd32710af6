import { counted } from "../lib/plural.js";
import { cell, duration, steps, time } from "./format.js";
import type { MigrationReport, Report, StepReport } from "./report.js";

/** The report as Markdown, for the next morning. */
export function renderMarkdown(report: Report): string {
  const { totals } = report;
  return [
    "# Migration report",
    "",
    `${counted(totals.applications, "application")}, ${counted(report.migrations.length, "stack")}: ${counted(totals.updates, "update")} (${duration(totals.updateMs)} of engine time), ${counted(totals.previews, "preview")}, ${counted(totals.gates, "gate")} judged from ${counted(totals.samples, "sample")}, ${counted(totals.rollbacks, "rollback")}.`,
    "",
    row(["Stack", "Status", "From", "To", "Weight of the new side", "Green weight", "Rollbacks"]),
    row(Array.from({ length: 7 }, () => "---")),
    ...report.migrations.map((m) =>
      row([m.stack, m.status, time(m.startedAt), time(m.endedAt), steps(m.dnsWeights), steps(m.greenWeights), String(m.rollbacks.length)]),
    ),
    "",
    ...report.migrations.flatMap(migration),
  ].join("\n");
}

const row = (cells: string[]): string => `| ${cells.map(cell).join(" | ")} |`;

function migration(m: MigrationReport): string[] {
  return [
    `## ${m.stack}`,
    "",
    ...promotion(m),
    ...rollbacks(m),
    row(["Step", "Kind", "Status", "Completed", "Took", "Update", "Gates and evidence"]),
    row(Array.from({ length: 7 }, () => "---")),
    ...m.steps.map((s) =>
      row([
        s.id,
        s.kind,
        s.attempts > 1 ? `${s.status}, attempt ${s.attempts}` : s.status,
        time(s.completedAt),
        tookOf(s),
        updateOf(s),
        evidenceOf(s),
      ]),
    ),
    "",
    ...(m.waivers.length === 0
      ? []
      : ["Policies waived:", "", ...m.waivers.map((w) => `- ${w.policy} for ${w.resource ?? "every resource"}: ${w.reason}`), ""]),
    ...(m.recoveries.length === 0
      ? []
      : ["Settled after an interruption:", "", ...m.recoveries.map((r) => `- ${time(r.at)}: ${r.note}`), ""]),
    ...decided(m),
    ...judged(m),
    ...costs(m),
    ...goals(m),
    ...verification(m),
    "### Revisions",
    "",
    ...m.revisions.map((r) => `- ${r.number}: ${r.why} (${r.who}, ${time(r.at)})`),
    "",
  ];
}

const section = (title: string, header: string[], rows: string[][]): string[] =>
  rows.length === 0 ? [] : [`### ${title}`, "", row(header), row(header.map(() => "---")), ...rows.map(row), ""];

const decided = ({ decisions }: MigrationReport): string[] =>
  section(
    "Approvals and commands",
    ["Time", "Who", "What", "Step", "Reason"],
    decisions.map((d) => [time(d.at), d.who, d.what, d.step ?? "-", d.why ?? "-"]),
  );

const judged = ({ judgements }: MigrationReport): string[] =>
  section(
    "Gates",
    ["Time", "Step", "Gate", "Verdict", "Value", "Accepted", "Samples", "Source"],
    judgements.flatMap((j) => j.gates.map((g) => [time(j.at), j.step, g.gate, g.verdict, g.shown, g.accepts, String(g.samples), g.source])),
  );

const costs = ({ costs: c }: MigrationReport): string[] =>
  c === undefined
    ? []
    : section(
        "Costs",
        ["A month", "Before", "After"],
        [
          ["Whole account", `${c.before} ${c.currency}`, `${c.after} ${c.currency}`],
          ...(c.applicationBefore === undefined
            ? []
            : [["Tagged with the application", `${c.applicationBefore} ${c.currency}`, `${c.applicationAfter} ${c.currency}`]]),
        ],
      );

function verification({ verification: v }: MigrationReport): string[] {
  if (v === undefined) return [];
  const found =
    v.faults.length === 0
      ? `Intact on ${time(v.at)}: ${counted(v.entries, "entry", "entries")}, and every revision agrees with the engine's history.`
      : `${v.faults.length} faults on ${time(v.at)}: ${v.faults.join("; ")}.`;
  return ["### Verification", "", `${found} The newest entry's hash is \`${v.head}\`.`, ""];
}

function goals({ scorecard }: MigrationReport): string[] {
  if (scorecard === undefined || scorecard.goals.length === 0) return [];
  const { since, days, goals: all } = scorecard;
  return [
    "### 30/60/90-day goals",
    "",
    since === undefined ? "Users have not all moved yet." : `All users moved on ${time(since)}, ${days} days ago.`,
    "",
    row(["Days", "Goal", "Standing", "Evidence"]),
    row(Array.from({ length: 4 }, () => "---")),
    ...all.map((g) => row([String(g.days), g.title, g.standing, g.evidence])),
    "",
  ];
}

function promotion({ promotion: p }: MigrationReport): string[] {
  if (p === undefined) return [];
  return [
    `Promoted on ${time(p.at)} at a lag of ${p.lag ?? "unknown"} s, observed ${duration((p.lagObservedAt ?? p.at) - (p.writesStoppedAt ?? p.at))} after writes stopped. Users could not write for ${duration(p.pauseMs)}.`,
    "",
  ];
}

function rollbacks(m: MigrationReport): string[] {
  return m.rollbacks.flatMap((r) => [
    `Went back to revision ${r.toRevision} on ${time(r.at)}, ${r.automatic ? "automatically" : `as ${r.who} asked`}, in ${duration((r.completedAt ?? r.at) - r.at)}: ${r.why}`,
    "",
    ...r.path.map((p) => `- ${p}`),
    ...r.kept.map((k) => `- kept ${k}`),
    "",
  ]);
}

const tookOf = (s: StepReport): string =>
  s.startedAt === undefined || s.completedAt === undefined ? "-" : duration(s.completedAt - s.startedAt) || "0 s";
const updateOf = (s: StepReport): string => (s.revision === undefined ? "-" : `revision ${s.revision}, ${duration(s.updateMs)}`);

function evidenceOf(s: StepReport): string {
  const gates = s.gates.map((g) => `${g.gate} ${g.shown} (${g.accepts}; ${counted(g.samples, "sample")})`);
  const approval = s.approvedBy === undefined || s.kind !== "approval" ? [] : [`approved by ${s.approvedBy}`];
  return [...approval, ...(s.evidence === undefined ? [] : [s.evidence]), ...gates].join("; ") || "-";
}

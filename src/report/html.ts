import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { counted } from "../lib/plural.js";
import { charts } from "./charts.js";
import { escaped } from "./escaped.js";
import { duration, time } from "./format.js";
import type { MigrationReport, Report, StepReport } from "./report.js";

const STYLE = readFileSync(new URL("./report.css", import.meta.url), "utf8");

/** What the page may load: nothing but its own style. Stands in the page, and in the header of whoever serves it. */
export const REPORT_POLICY = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; base-uri 'none'; form-action 'none'`;

/** The report as one file without anything outside it, for a browser, a printer or an auditor. */
export function renderHtml(report: Report): string {
  const names = report.migrations.map((m) => m.stack);
  const title = `Migration report: ${names.length === 1 ? names[0] : counted(names.length, "stack")}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${REPORT_POLICY}">
<title>${escaped(title ?? "")}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(title ?? "")}</h1>
<p class="quiet">Every figure comes from the journals. Times are UTC, on the clock of the environment that was migrated.</p>
${totals(report)}
${names.length > 1 ? overview(report) : ""}
${report.migrations.map(migration).join("\n")}
</main>
</body>
</html>
`;
}

type Cell = string | { html: string };
const html = (text: string): Cell => ({ html: text });
const shown = (cell: Cell): string => (typeof cell === "string" ? escaped(cell) : cell.html);

/** A table with a caption; the first column names the row. Empty without rows. */
function table(caption: string, header: string[], rows: Cell[][]): string {
  if (rows.length === 0) return "";
  const head = header.map((h) => `<th scope="col">${escaped(h)}</th>`).join("");
  const body = rows.map(
    ([first = "", ...rest]) => `<tr><th scope="row">${shown(first)}</th>${rest.map((c) => `<td>${shown(c)}</td>`).join("")}</tr>`,
  );
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escaped(caption)}"><table><caption>${escaped(caption)}</caption><thead><tr>${head}</tr></thead><tbody>${body.join("")}</tbody></table></div>`;
}

const facts = (pairs: [string, string][]): string =>
  `<dl class="facts">${pairs.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`).join("")}</dl>`;

function totals({ totals: t, migrations }: Report): string {
  return facts([
    ["Applications", String(t.applications)],
    ["Stacks", String(migrations.length)],
    ["Updates", `${t.updates} (${duration(t.updateMs)})`],
    ["Gates judged", `${t.gates}, ${counted(t.samples, "sample")}`],
    ["Rollbacks", String(t.rollbacks)],
  ]);
}

const overview = ({ migrations }: Report): string =>
  table(
    "Stacks",
    ["Stack", "Status", "From", "To", "Rollbacks"],
    migrations.map((m) => [
      html(`<a href="#${escaped(m.stack)}">${escaped(m.stack)}</a>`),
      m.status,
      time(m.startedAt),
      time(m.endedAt),
      String(m.rollbacks.length),
    ]),
  );

function migration(m: MigrationReport): string {
  const section = (title: string, body: string): string => (body === "" ? "" : `<h3>${title}</h3>${body}`);
  return [
    `<section aria-labelledby="${escaped(m.stack)}"><h2 id="${escaped(m.stack)}">${escaped(m.stack)}</h2>`,
    summary(m),
    section("Charts", charts(m)),
    section("Approvals and commands", decided(m)),
    section("Rollbacks", rollbacks(m)),
    section("Gates", gates(m)),
    section("Steps", steps(m)),
    section("Costs", costs(m)),
    section("30/60/90-day goals", goals(m)),
    section("Revisions of the stack config", revisions(m)),
    section("Waived policies", waivers(m)),
    section("Timeline", timelineOf(m)),
    section("Verification", verification(m)),
    "</section>",
  ].join("\n");
}

function summary(m: MigrationReport): string {
  const done = m.steps.filter((s) => s.status === "done").length;
  const { promotion: p } = m;
  const pairs: [string, string][] = [
    ["Status", m.status],
    ["Steps done", `${done} of ${m.steps.length}`],
    ["From", time(m.startedAt)],
    ["To", time(m.endedAt)],
    ["Took", duration(m.endedAt - m.startedAt)],
    ...(m.dnsWeights.length === 0 ? [] : [["Users on the new side", `${m.dnsWeights.at(-1)?.value} %`] as [string, string]]),
    ...(p?.pauseMs === undefined ? [] : [["Write pause", duration(p.pauseMs)] as [string, string]]),
  ];
  const promoted =
    p === undefined
      ? ""
      : `<p>The database was promoted on ${time(p.at)} at a lag of ${p.lag ?? "unknown"} s, observed ${duration((p.lagObservedAt ?? p.at) - (p.writesStoppedAt ?? p.at))} after writes stopped.</p>`;
  return facts(pairs) + promoted;
}

const decided = (m: MigrationReport): string =>
  table(
    "What people decided",
    ["Time", "Who", "What", "Step", "Reason"],
    m.decisions.map((d) => [time(d.at), d.who, d.what, d.step ?? "-", [d.why, ...(d.resources ?? [])].filter((t) => t).join("; ") || "-"]),
  );

function rollbacks(m: MigrationReport): string {
  return m.rollbacks
    .map((r) => {
      const took = r.completedAt === undefined ? "not finished" : duration(r.completedAt - r.at);
      const items = [...r.path, ...r.kept.map((k) => `Kept ${k}`)].map((p) => `<li>${escaped(p)}</li>`).join("");
      return `<p><strong>${time(r.at)}</strong>: to revision ${r.toRevision}, ${r.automatic ? "automatically" : `as ${escaped(r.who)} asked`}, in ${took}. ${escaped(r.why)}</p><ol>${items}</ol>`;
    })
    .join("");
}

/** Values and thresholds of every judgement, passed or failed. */
const gates = (m: MigrationReport): string =>
  table(
    "Every time that gates were judged",
    ["Time", "Step", "Gate", "Verdict", "Last value", "Range", "Accepted", "Samples", "Source"],
    m.judgements.flatMap((j) =>
      j.gates.map((g): Cell[] => [
        time(j.at),
        j.step,
        g.gate,
        html(`<span class="${g.verdict === "pass" ? "good" : "failed"}">${g.verdict === "pass" ? "passed" : g.verdict}</span>`),
        g.shown,
        g.min === undefined || g.max === undefined ? "-" : `${round(g.min)} – ${round(g.max)}`,
        g.accepts,
        String(g.samples),
        g.source,
      ]),
    ),
  );

const round = (value: number): number => Math.round(value * 1_000) / 1_000;

const steps = (m: MigrationReport): string =>
  table(
    "The plan, step by step",
    ["Step", "What it does", "From the guide", "Status", "Completed", "Evidence"],
    m.steps.map((s) => [s.id, s.title, s.seed, statusOf(s), time(s.completedAt), evidenceOf(s)]),
  );

const statusOf = (s: StepReport): string => (s.attempts > 1 ? `${s.status}, attempt ${s.attempts}` : s.status);
const evidenceOf = (s: StepReport): string =>
  [
    s.kind === "approval" && s.approvedBy !== undefined ? `approved by ${s.approvedBy}` : undefined,
    s.evidence,
    s.revision === undefined ? undefined : `revision ${s.revision}, ${duration(s.updateMs)}`,
    ...s.files,
  ]
    .filter((t) => t !== undefined)
    .join("; ") || "-";

function costs({ costs: c }: MigrationReport): string {
  if (c === undefined) return "";
  const money = (amount: number): string => `${amount.toFixed(2)} ${c.currency}`;
  return table(
    "Cost a month",
    ["What", "Before", "After"],
    [
      ["Whole account", money(c.before), money(c.after)],
      ...(c.applicationBefore === undefined || c.applicationAfter === undefined
        ? []
        : [["Tagged with the application", money(c.applicationBefore), money(c.applicationAfter)]]),
      ...(c.spotSavingsAMonth === undefined ? [] : [["Saved by Spot capacity", "-", money(c.spotSavingsAMonth)]]),
    ],
  );
}

const goals = ({ scorecard }: MigrationReport): string =>
  scorecard === undefined
    ? ""
    : table(
        scorecard.since === undefined
          ? "Users have not all moved yet"
          : `Users moved on ${time(scorecard.since)}, ${scorecard.days} days ago`,
        ["Goal", "Days", "Standing", "Evidence"],
        scorecard.goals.map((g) => [g.title, String(g.days), g.standing, g.evidence]),
      );

const revisions = (m: MigrationReport): string =>
  table(
    "Each change of what should be",
    ["Revision", "Time", "Who", "Why"],
    m.revisions.map((r) => [
      String(r.number),
      time(r.at),
      r.who,
      r.restores === undefined ? r.why : `${r.why} (restores revision ${r.restores})`,
    ]),
  );

const waivers = (m: MigrationReport): string =>
  table(
    "Policies that the stack config lets pass",
    ["Policy", "Resource", "Reason"],
    m.waivers.map((w) => [w.policy, w.resource ?? "every resource", w.reason]),
  );

const timelineOf = (m: MigrationReport): string =>
  table(
    "What happened, in order",
    ["Entry", "Time", "Step", "What"],
    m.timeline.map((t) => [String(t.seq), time(t.at), t.step ?? "-", t.text]),
  );

function verification({ verification: v }: MigrationReport): string {
  if (v === undefined) return "<p>The journal was not verified for this report.</p>";
  const found =
    v.faults.length === 0
      ? `<p class="good">Intact: the hash chain of ${counted(v.entries, "entry", "entries")} holds, and every revision agrees with the engine's own history.</p>`
      : `<p class="failed">${v.faults.length} faults:</p><ul>${v.faults.map((f) => `<li>${escaped(f)}</li>`).join("")}</ul>`;
  return `${found}<p>Looked at on ${time(v.at)}. The newest entry's hash is <span class="mono">${escaped(v.head)}</span>: <code>cutover journal verify</code> prints it again, and another value means that entries were changed or cut off since.</p>`;
}

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type ComponentChildren, h } from "preact";
import { renderToString } from "preact-render-to-string";
import { counted } from "../lib/plural.js";
import { charts } from "./charts.js";
import { duration, time } from "./format.js";
import { facts, part, table } from "./parts.js";
import type { MigrationReport, Report, StepReport } from "./report.js";

const STYLE = readFileSync(new URL("./report.css", import.meta.url), "utf8");

/** What the page may load: nothing but its own style. Stands in the page, and in the header of whoever serves it. */
export const REPORT_POLICY = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; base-uri 'none'; form-action 'none'`;

/** The report as one file without anything outside it, for a browser, a printer or an auditor. */
export function renderHtml(report: Report): string {
  const names = report.migrations.map((m) => m.stack);
  const title = `Migration report: ${names.length === 1 ? names[0] : counted(names.length, "stack")}`;
  const page = h(
    "html",
    { lang: "en" },
    h(
      "head",
      null,
      h("meta", { charset: "utf-8" }),
      h("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
      h("meta", { "http-equiv": "Content-Security-Policy", content: REPORT_POLICY }),
      h("title", null, title),
      // The only markup that is not built: our own file, byte for byte as its hash in the policy says.
      h("style", { dangerouslySetInnerHTML: { __html: STYLE } }),
    ),
    h(
      "body",
      null,
      h(
        "main",
        null,
        h("h1", null, title),
        h(
          "p",
          { class: "quiet" },
          "Every figure comes from the journals. Times are UTC, on the clock of the environment that was migrated.",
        ),
        totals(report),
        names.length > 1 && overview(report),
        report.migrations.map(migration),
      ),
    ),
  );
  return `<!doctype html>\n${renderToString(page)}\n`;
}

function totals({ totals: t, migrations }: Report): ComponentChildren {
  return facts([
    ["Applications", String(t.applications)],
    ["Stacks", String(migrations.length)],
    ["Updates", `${t.updates} (${duration(t.updateMs)})`],
    ["Gates judged", `${t.gates}, ${counted(t.samples, "sample")}`],
    ["Rollbacks", String(t.rollbacks)],
  ]);
}

const overview = ({ migrations }: Report): ComponentChildren =>
  table(
    "Stacks",
    ["Stack", "Status", "From", "To", "Rollbacks"],
    migrations.map((m) => [
      h("a", { href: `#${m.stack}` }, m.stack),
      m.status,
      time(m.startedAt),
      time(m.endedAt),
      String(m.rollbacks.length),
    ]),
  );

const migration = (m: MigrationReport): ComponentChildren =>
  h(
    "section",
    { "aria-labelledby": m.stack },
    h("h2", { id: m.stack }, m.stack),
    summary(m),
    part("Charts", charts(m)),
    part("Approvals and commands", decided(m)),
    part("Rollbacks", rollbacks(m)),
    part("Gates", gates(m)),
    part("Steps", steps(m)),
    part("Costs", costs(m)),
    part("30/60/90-day goals", goals(m)),
    part("Revisions of the stack config", revisions(m)),
    part("Waived policies", waivers(m)),
    part("Timeline", timelineOf(m)),
    part("Verification", verification(m)),
  );

function summary(m: MigrationReport): ComponentChildren {
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
  return [
    facts(pairs),
    p !== undefined &&
      h(
        "p",
        null,
        `The database was promoted on ${time(p.at)} at a lag of ${p.lag ?? "unknown"} s, observed `,
        `${duration((p.lagObservedAt ?? p.at) - (p.writesStoppedAt ?? p.at))} after writes stopped.`,
      ),
  ];
}

const decided = (m: MigrationReport): ComponentChildren =>
  table(
    "What people decided",
    ["Time", "Who", "What", "Step", "Reason"],
    m.decisions.map((d) => [time(d.at), d.who, d.what, d.step ?? "-", [d.why, ...(d.resources ?? [])].filter((t) => t).join("; ") || "-"]),
  );

const rollbacks = (m: MigrationReport): ComponentChildren =>
  m.rollbacks.map((r) => {
    const took = r.completedAt === undefined ? "not finished" : duration(r.completedAt - r.at);
    const who = r.automatic ? "automatically" : `as ${r.who} asked`;
    return [
      h("p", null, h("strong", null, time(r.at)), `: to revision ${r.toRevision}, ${who}, in ${took}. ${r.why}`),
      h(
        "ol",
        null,
        [...r.path, ...r.kept.map((k) => `Kept ${k}`)].map((text) => h("li", null, text)),
      ),
    ];
  });

/** Values and thresholds of every judgement, passed or failed. */
const gates = (m: MigrationReport): ComponentChildren =>
  table(
    "Every time that gates were judged",
    ["Time", "Step", "Gate", "Verdict", "Last value", "Range", "Accepted", "Samples", "Source"],
    m.judgements.flatMap((j) =>
      j.gates.map((g): ComponentChildren[] => [
        time(j.at),
        j.step,
        g.gate,
        g.verdict === "pass" ? h("span", { class: "good" }, "passed") : h("span", { class: "failed" }, g.verdict),
        g.shown,
        g.min === undefined || g.max === undefined ? "-" : `${round(g.min)} – ${round(g.max)}`,
        g.accepts,
        String(g.samples),
        g.source,
      ]),
    ),
  );

const round = (value: number): number => Math.round(value * 1_000) / 1_000;

const steps = (m: MigrationReport): ComponentChildren =>
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

function costs({ costs: c }: MigrationReport): ComponentChildren {
  if (c === undefined) return false;
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

const goals = ({ scorecard }: MigrationReport): ComponentChildren =>
  scorecard !== undefined &&
  table(
    scorecard.since === undefined ? "Users have not all moved yet" : `Users moved on ${time(scorecard.since)}, ${scorecard.days} days ago`,
    ["Goal", "Days", "Standing", "Evidence"],
    scorecard.goals.map((g) => [g.title, String(g.days), g.standing, g.evidence]),
  );

const revisions = (m: MigrationReport): ComponentChildren =>
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

const waivers = (m: MigrationReport): ComponentChildren =>
  table(
    "Policies that the stack config lets pass",
    ["Policy", "Resource", "Reason"],
    m.waivers.map((w) => [w.policy, w.resource ?? "every resource", w.reason]),
  );

const timelineOf = (m: MigrationReport): ComponentChildren =>
  table(
    "What happened, in order",
    ["Entry", "Time", "Step", "What"],
    m.timeline.map((t) => [String(t.seq), time(t.at), t.step ?? "-", t.text]),
  );

function verification({ verification: v }: MigrationReport): ComponentChildren {
  if (v === undefined) return h("p", null, "The journal was not verified for this report.");
  const chain = `the hash chain of ${counted(v.entries, "entry", "entries")} holds`;
  return [
    v.faults.length === 0
      ? h("p", { class: "good" }, `Intact: ${chain}, and every revision agrees with the engine's own history.`)
      : [
          h("p", { class: "failed" }, `${v.faults.length} faults:`),
          h(
            "ul",
            null,
            v.faults.map((fault) => h("li", null, fault)),
          ),
        ],
    h(
      "p",
      null,
      `Looked at on ${time(v.at)}. The newest entry's hash is `,
      h("span", { class: "mono" }, v.head),
      ": ",
      h("code", null, "cutover journal verify"),
      " prints it again, and another value means that entries were changed or cut off since.",
    ),
  ];
}

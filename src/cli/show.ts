import type { Migration, Way } from "../client/generated.js";
import { duration } from "../report/format.js";
import { bar, fields, type Paint, tableOf } from "./output.js";

/** How views are printed as text; each command with a view of a migration shows it alike. */

const VERDICTS: Record<string, string> = { pass: "✓", pending: "…", fail: "✗", unknown: "?" };

export function migrationText(view: Migration, paint: Paint): string {
  const head = `${paint("bold", view.stack)}  ${status(view, paint)}  ${view.done} of ${view.steps} steps, revision ${view.revision}`;
  const details = fields([
    ["Phase", view.phase],
    ["Step", view.step === undefined ? undefined : `${view.step.id}\n${view.step.title}`],
    ["Asks", view.step?.kind === "approval" ? view.step.asks : undefined],
    ["Users", users(view)],
    ["Green", view.green === undefined ? undefined : bar(view.green)],
    ["Image", view.image],
    ["Gates", view.gates.map((g) => `${VERDICTS[g.verdict] ?? g.verdict} ${g.gate} ${g.shown} (${g.accepts})`).join("\n")],
    ["Went back", wentBack(view)],
    ["Reason", view.heldReason],
    ["Waits", view.beyond ?? view.blocked],
    ["Blind", view.blind === undefined ? undefined : `nobody sees how users on the new side fare: ${view.blind.why}`],
    ["Loosened", loosenedLines(view).join("\n") || undefined],
    [
      "Proposed",
      view.proposal === undefined ? undefined : `entry ${view.proposal.tuning} by ${view.proposal.who}: cutover confirm ${view.stack}`,
    ],
    [
      "Edit",
      view.edit === undefined
        ? undefined
        : `${view.edit.paths.join(", ")} by ${view.edit.who}, ${view.edit.applied ? "its gates are watched" : "not applied yet"}`,
    ],
    ["Next", nextOf(view)],
  ]);
  return `${head}\n${details}`;
}

export function migrationsTable(views: Migration[], paint: Paint): string {
  if (views.length === 0) return "No migration has begun. Begin one: cutover advance STACK";
  const rows = views.map((v) => [
    v.stack,
    status(v, paint),
    v.phase,
    v.step?.id ?? "-",
    `${v.done}/${v.steps}`,
    v.dns === undefined ? "-" : `${v.dns.new} %`,
    v.green === undefined ? "-" : `${v.green} %`,
    v.updatedAt.slice(0, 16).replace("T", " "),
  ]);
  return tableOf(["STACK", "STATUS", "PHASE", "STEP", "DONE", "NEW SIDE", "GREEN", "UPDATED"], rows);
}

export const loosenedText = ({ path, before, after }: { path: string; before?: unknown; after?: unknown }): string =>
  `${path}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`;

/** What people loosened since it began, a line each. */
export const loosenedLines = ({ loosened = [] }: Migration): string[] =>
  loosened.flatMap(({ changes, who, confirmedBy, why }) =>
    changes.map((change) => `${loosenedText(change)} (${who} and ${confirmedBy}: ${why})`),
  );

/** What a rollback runs, keeps and loses. */
export function wayText({ revision, path, loses, crossesPointOfNoReturn }: Way): string {
  const items = path.flatMap((p, i) => {
    const { afterSeconds, kept } = p.kind === "config" ? p : { afterSeconds: undefined, kept: [] };
    const pause = afterSeconds === undefined ? "" : ` (after a pause of ${duration(afterSeconds * 1_000)})`;
    return [`  ${i + 1}. ${p.summary}${pause}`, ...kept.map((k) => `     keeps ${k.path}: ${k.why}`)];
  });
  return [
    `The way back to revision ${revision}:`,
    ...(items.length === 0 ? ["  Nothing to do: it is there already."] : items),
    `  Loses: ${loses.length === 0 ? "nothing" : loses.join("; ")}`,
    ...(crossesPointOfNoReturn ? ["  It crosses a point of no return after which users wrote data."] : []),
  ].join("\n");
}

/** Where the next answer of the name leads. */
const users = ({ dns }: Migration): string | undefined =>
  dns === undefined ? undefined : `${bar(dns.new)} new, ${dns.old} % old${dns.records === "none" ? " (no weighted records yet)" : ""}`;

function status({ status: s }: Migration, paint: Paint): string {
  const colour = s === "held" ? "red" : s === "completed" ? "green" : s === "running" ? "cyan" : "yellow";
  return paint(colour, s);
}

/** The command that a person would give next, of those that the service would take. */
function nextOf({ stack, status: s, step, allowed }: Migration): string {
  const { approve, advance, resume, rollback } = allowed;
  if (approve.offered) {
    const second = approve.notBy === undefined ? "" : ` (by another person than ${approve.notBy})`;
    return `cutover approve ${stack} ${step?.id ?? ""}${second}`;
  }
  if (advance.offered) return `cutover preview ${stack}, then cutover advance ${stack}`;
  if (resume.offered) return `cutover resume ${stack}${rollback.offered ? `, or cutover rollback ${stack} --to REVISION` : ""}`;
  if (s === "running" || s === "returning") return `cutover status ${stack} --watch`;
  if (s === "ready") return `wait: ${advance.why ?? ""}`;
  return `cutover report ${stack}`;
}

/** What went back last. */
function wentBack({ wentBack: back }: Migration): string | undefined {
  if (back === undefined) return undefined;
  const ordered = `${back.kind} ${back.who === undefined ? "automatically" : `by ${back.who}`} on ${at(back.at)}: ${back.why}`;
  return back.doneAt === undefined ? ordered : `${ordered}\nback at revision ${back.revision} since ${at(back.doneAt)}`;
}

const at = (time: number): string => `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;

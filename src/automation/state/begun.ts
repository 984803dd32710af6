import { type ConfigPatch, patched, readConfig } from "../../config/rawConfig.js";
import { Conflict } from "../../errors.js";
import type { Recorded } from "../journal/entries.js";
import { editionOf, shapeSeen } from "../plan/edition.js";
import { buildPlan, type Plan, planDigest } from "../plan/plan.js";
import type { Step } from "../plan/step.js";

/**
 * The plan that a migration began with, by its journal: as recorded there, or, in a journal from before shapes were recorded,
 * by what it has begun.
 * @throws Conflict when the journal does not begin with the migration's creation
 */
export function begunPlan(entries: readonly Recorded[], stack: string): Plan {
  const first = entries[0];
  if (first?.type !== "migration.created") throw new Conflict(`The journal of ${stack} does not begin with its creation.`);
  const planWith = (patch: ConfigPatch): Plan =>
    buildPlan(readConfig(patched(first.config, patch), `revision 0 of ${stack}`, stack, { lenient: true }));
  const code = planWith({});
  if (planDigest(code) === first.plan) return code;
  return editionOf(first.shape ?? shapeSeen(begunIn(entries), kindsIn(entries), code, tunedIn(entries, code, planWith)), code);
}

const begunIn = (entries: readonly Recorded[]): string[] => entries.flatMap((e) => (e.type === "step.started" ? [e.step] : []));

/** Ids of the steps that people's changes brought in. */
function tunedIn(entries: readonly Recorded[], code: Plan, planWith: (patch: ConfigPatch) => Plan): ReadonlySet<string> {
  const ids = new Set<string>();
  let patch: ConfigPatch = {};
  for (const entry of entries) {
    if (entry.type !== "command" || entry.command !== "tune") continue;
    patch = { ...patch, ...entry.changes };
    for (const { id } of planWith(patch)) if (!code.some((s) => s.id === id)) ids.add(id);
  }
  return ids;
}

/** What kind of step each was, by what the journal says of it. */
function kindsIn(entries: readonly Recorded[]): ReadonlyMap<string, Step["kind"]> {
  const kinds = new Map<string, Step["kind"]>();
  for (const entry of entries) {
    if (entry.type === "update.intended" && entry.step !== undefined) kinds.set(entry.step, "config");
    if (entry.type === "action.intended") kinds.set(entry.step, "action");
    if (entry.type === "command" && entry.command === "approve") kinds.set(entry.step, "approval");
  }
  return kinds;
}

import { webMovesOnce } from "../../config/processes.js";
import { type ConfigPatch, canonical } from "../../config/rawConfig.js";
import type { StackConfig } from "../../config/schema.js";
import { gates, rollback } from "../../config/sections.js";
import { printable, UserError } from "../../errors.js";
import type { Loosened } from "../journal/person.js";
import { STEP } from "../plan/ids.js";
import type { Plan } from "../plan/plan.js";
import { currentConfig, type MigrationState, planOf } from "../state/state.js";
import { loosenedBy } from "./protections.js";

/**
 * What a running migration may be told to do differently without a restart: how gates judge, how long things are held,
 * which weights are to come. It counts at once, and stands in the stack config from the next update on.
 */
export const TUNABLE = [
  ...Object.keys(gates.unwrap().shape).map((name) => `gates.${name}`),
  ...Object.keys(rollback.unwrap().shape).map((phase) => `rollback.${phase}`),
  "approvals.validSeconds",
  "approvals.goSeconds",
  "database.writePauseSeconds",
  "database.keepOldSeconds",
  "strategy.weights",
  "strategy.holdSeconds",
  "strategy.abortRampSeconds",
  "dns.steps",
  "dns.holdSeconds",
  "dns.lowTtlForSeconds",
  "traffic.steps",
  "traffic.holdSeconds",
  "drain.seconds",
  "drain.connections",
  "cleanup.soakSeconds",
];

/** How long the old side is kept: decided before that time is over. */
const SOAKS = ["cleanup.soakSeconds", "database.keepOldSeconds"];

/** The users' ramps: where the web process may run only once there is none. */
const RAMPS = ["dns.steps", "traffic.steps"];

/** Every tunable value as it counts now; what the stack config has no section or no choice for is left out. */
export function tunables(config: StackConfig): Record<string, unknown> {
  const fixed = webMovesOnce(config) ? RAMPS : [];
  return Object.fromEntries(
    TUNABLE.filter((path) => !fixed.includes(path))
      .map((path) => [path, path.split(".").reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], config)])
      .filter(([, value]) => value !== undefined),
  );
}

/** What of a change loosens something that protects. */
export function loosens(state: MigrationState, changes: ConfigPatch): Loosened[] {
  const after = tunables(currentConfig({ ...state, tuned: { ...state.tuned, ...changes } }));
  return loosenedBy(tunables(currentConfig(state)), after);
}

/**
 * Checks what a person wants changed, against the stack config's schema and the position of the migration.
 * @throws UserError naming each wrong path or value
 */
export function checkTuning(state: MigrationState, plan: Plan, changes: ConfigPatch): void {
  const now = tunables(currentConfig(state));
  const unknown = Object.keys(changes).filter((path) => !(path in now));
  if (Object.keys(changes).length === 0)
    throw new UserError({ path: "changes", got: "nothing", accepted: `one or more of ${Object.keys(now).join(", ")}` });
  if (unknown.length > 0)
    throw new UserError(
      unknown.map((path) => ({
        path: `changes.${path}`,
        got: "a path that cannot be tuned",
        accepted: `one of ${Object.keys(now).join(", ")}`,
      })),
    );
  const late = SOAKS.filter((path) => path in changes && state.steps[STEP.soak]?.status === "done");
  if (late.length > 0)
    throw new UserError(
      late.map((path) => ({ path: `changes.${path}`, got: printable(changes[path]), accepted: "nothing any more: the soak is over" })),
    );
  // Whoever only asks whether it may be tuned says what counts already: no config has to be read for that, and no plan made.
  if (Object.entries(changes).every(([path, value]) => canonical(value ?? null) === canonical(now[path] ?? null))) return;
  const next = { ...state, tuned: { ...state.tuned, ...changes } };
  currentConfig(next);
  const after = planOf(next, plan);
  const { status = "waiting" } = state.steps[plan[state.position]?.id ?? ""] ?? {};
  const begun = state.position + (status === "waiting" || status === "undone" ? 0 : 1);
  const lost = plan.slice(0, begun).find((step, i) => after[i]?.id !== step.id);
  if (lost === undefined) return;
  const ramps = Object.keys(changes).filter((path) => RAMPS.includes(path) || path === "strategy.weights");
  throw new UserError(
    ramps.map((path) => ({
      path: `changes.${path}`,
      got: printable(changes[path]),
      accepted: `weights that begin with those reached so far; ${lost.id} is ${state.steps[lost.id]?.status === "done" ? "done" : "under way"}`,
    })),
  );
}

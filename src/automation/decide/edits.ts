import { type Edit, nameOfEdit, whyNotEditable, withEdits } from "../../config/edits.js";
import { type RawConfig, readConfig } from "../../config/rawConfig.js";
import { Conflict, CutoverError, type InputIssue, printable, UserError } from "../../errors.js";
import { nextRoundAt, startWatch } from "../gates/watch.js";
import { gate } from "../plan/phases/build.js";
import { buildPlan, type Plan } from "../plan/plan.js";
import type { ConfigStep } from "../plan/step.js";
import { currentConfig, currentRevision, editId, MAX_TRIES, type MigrationState, stepOf } from "../state/state.js";
import { type Decision, effectKey, goBack, hold, pauseBefore, refuse, retryPause } from "./decision.js";
import { lossesOf } from "./losses.js";
import { configViolations } from "./promises.js";
import { gatesOf } from "./streamBack.js";
import { TUNABLE } from "./tuning.js";
import { editBefore, logicalRevision, wayBackFromEdit } from "./wayBack.js";

/**
 * A person's edit of the user's part of a stack's config, taken as a revision of its own:
 *
 *   journaled → previewed → (held when something stateful would be lost, or a promise speaks against it)
 *             → applied → the gates of the last step that changed anything hold once more → done
 *
 * It waits while users' writes are stopped, and for a way back that is under way; that one drops it. What fails its gates is
 * taken back by itself, and nothing else is.
 */
export function decideEdit(plan: Plan, state: MigrationState): Decision | undefined {
  const { edit } = state;
  if (edit === undefined || isInWindow(plan, state)) return undefined;
  const step = stepOfEdit(plan, state, edit);
  if (edit.revision !== undefined) return watchEdit(state, step, edit);
  const at = stepOf(state, step.id);
  if (at.failures >= MAX_TRIES) return failed(state, step, at.error ?? "it failed");
  const paused = (decision: Decision): Decision => (at.failures === 0 ? decision : pauseBefore(decision, state, retryPause(at.failures)));
  const current = currentConfig(state);
  const config = configAfterEdit(state, edit.changes);
  let wanted: ReturnType<typeof readConfig>;
  try {
    wanted = readConfig(config, `the config after ${step.id}`, state.stack, { lenient: true });
  } catch (error) {
    if (error instanceof CutoverError) return hold(`${step.title}: ${error.message}`);
    throw error;
  }
  const violations = configViolations(state, current, wanted, undefined);
  if (violations.length > 0) return refuse(violations);
  if (at.preview === undefined) return paused({ do: "preview", step, attempt: 1, config });
  const lost = lossesOf(at.preview.changes, current, wanted);
  if (lost.length > 0) return hold(`promise 7: ${step.title} would ${lost.map((l) => `${l.op} ${l.name} (${l.type})`).join(", ")}`);
  const refines = logicalRevision(state).number;
  const key = effectKey(state, step.id, 1, "update");
  return paused({ do: "update", key, step, edit: edit.seq, refines, config, why: `${step.title}: ${edit.why}`, dnsOnly: false });
}

/** The config that an edit leads to from the applied revision. */
export const configAfterEdit = (state: MigrationState, changes: readonly Edit[]): RawConfig =>
  withEdits(currentRevision(state).config, changes);

function watchEdit(state: MigrationState, step: ConfigStep, edit: NonNullable<MigrationState["edit"]>): Decision {
  if (step.gates.length === 0) return { do: "record", entries: [{ type: "gates.passed", step: step.id, gates: [], heldMs: 0 }] };
  if (edit.watch?.verdict === "failed") return failed(state, step, edit.watch.reason ?? "a gate failed");
  const watch = edit.watch ?? startWatch(state.updatedAt);
  return { do: "sample", step, watch, at: nextRoundAt(watch, step.gates), config: currentConfig(state), notBefore: 0 };
}

/** Takes the edit back, when the phase's policy says so and anything of it may have been applied. */
function failed(state: MigrationState, step: ConfigStep, reason: string): Decision {
  const why = `${step.title}: ${reason}`;
  if (state.edit?.revision === undefined && !state.dirty) return hold(why);
  const { rollback } = currentConfig(state);
  const policy = step.phase in rollback ? rollback[step.phase as keyof typeof rollback] : "automatic";
  const way = wayBackFromEdit(state, editBefore(state));
  if (policy !== "automatic")
    return hold(`${why}. The policy for ${step.phase} is "${policy}": revision ${way.revision} is the last good one.`);
  return goBack(way, { why, who: "cutover", automatic: true });
}

/** An edit as a step of no plan, with the gates of the last step that changed anything. */
export function stepOfEdit(plan: Plan, state: MigrationState, { seq, changes }: { seq: number; changes: readonly Edit[] }): ConfigStep {
  const done = plan
    .slice(0, state.position + (state.applied ? 1 : 0))
    .filter((s) => s.kind === "config" && stepOf(state, s.id).revision !== undefined);
  const last = done.findLast((s) => "gates" in s && s.gates.length > 0);
  const gates = last !== undefined && "gates" in last ? gatesOf(state, last.gates) : [];
  const { deployed } = currentConfig(state).workload;
  const ready = gates.some((g) => READY.includes(g.gate));
  return {
    id: editId(seq),
    phase: plan[Math.min(state.position, plan.length - 1)]?.phase ?? "assess",
    kind: "config",
    title: `Edit of ${changes.map(nameOfEdit).join(", ")}`,
    seed: "",
    wayBack: { summary: "Take the edit back.", loses: "nothing" },
    change: () => ({}),
    gates: deployed && !ready ? [...gates, gate("pods-ready", 60)] : gates,
  };
}
const READY = ["pods-ready", "green-ready", "rollout-healthy"];

/** Between the first step and the last of what is undone as a whole: users' writes may be stopped there. */
export function isInWindow(plan: Plan, state: MigrationState): boolean {
  const step = plan[state.position];
  if (step?.undoFrom === undefined) return false;
  const first = plan.findIndex((s) => s.id === step.undoFrom);
  return first < state.position || ["running", "failed"].includes(stepOf(state, step.id).status);
}

/**
 * Checks what a person changed in a stack's config.
 * @throws UserError naming each value that cannot be taken, and why; Conflict where nothing was edited
 */
export function checkEdit(state: MigrationState, plan: Plan, changes: readonly Edit[]): void {
  if (changes.length === 0)
    throw new Conflict(`${state.stack}: nothing in the stack's file differs from what is applied.`, { next: "Edit the file first." });
  const issues = changes.flatMap((edit): InputIssue[] => {
    const accepted = whyNotEditable(edit, TUNABLE) ?? whyNotHere(state, edit);
    return accepted === undefined ? [] : [{ path: nameOfEdit(edit), got: shownValue(edit), accepted }];
  });
  if (issues.length > 0)
    throw new UserError(issues, { summary: `${state.stack}: not everything that was edited can be taken during a migration.` });
  const after = configAfterEdit(state, changes);
  const config = readConfig(after, `the edited config of ${state.stack}`, state.stack);
  // The steps that were begun stay what they are.
  const before = buildPlan(currentConfig(state));
  if (idsOf(buildPlan(config)) !== idsOf(before))
    throw new UserError({
      path: changes.map(nameOfEdit).join(", "),
      got: "another plan",
      accepted: `an edit that leaves the steps of this migration as they are (${plan.length})`,
    });
}

const idsOf = (plan: Plan): string => plan.map((s) => s.id).join();

/** Which secret names the database belongs to the steps that move it. */
function whyNotHere(state: MigrationState, { path, value }: Edit): string | undefined {
  const [section, name, variable = ""] = path;
  if (section !== "cutover:workload" || name !== "secretEnv") return undefined;
  const now = currentConfig(state).workload.secretEnv[variable];
  return value === "database-url" || now === "database-url"
    ? "the variable that names the database as it is: the migration's steps move it"
    : undefined;
}

const shownValue = ({ path, value }: Edit): string =>
  path[0] === "cutover:secrets" ? "(secret)" : value === undefined ? "it was removed" : printable(value);

import { nextRoundAt, startWatch } from "../gates/watch.js";
import type { Entry } from "../journal/entries.js";
import { isSamePerson } from "../journal/person.js";
import type { Preview } from "../journal/records.js";
import type { Plan } from "../plan/plan.js";
import type { ApprovalStep, ConfigStep } from "../plan/step.js";
import { configAfter, currentConfig, type MigrationState, type StepState } from "../state/state.js";
import { isLate } from "./deadline.js";
import { complete, type Decision, onFailure, refuse, retrying } from "./decision.js";
import { cutoverViolations } from "./promises.js";

/** An approval right before this step that was too old when it began. */
export function lapsedBefore(plan: Plan, state: MigrationState, at: StepState): Entry | undefined {
  const { validSeconds } = currentConfig(state).approvals;
  for (let i = state.position - 1; ; i -= 1) {
    const step = plan[i];
    if (step?.kind !== "approval") return undefined;
    const { approvedAt, approvedBy } = state.steps[step.id] ?? {};
    // That a window was agreed with the users stays true.
    if (!step.secondPerson && step.inMaintenance !== true) continue;
    if (approvedAt !== undefined && at.startedAt !== undefined && isLate({ from: approvedAt, mostMs: validSeconds * 1_000 }, at.startedAt))
      return { type: "approval.lapsed", step: step.id, why: `${approvedBy} approved it more than ${validSeconds} s before it was used` };
  }
}

/** Whether the one who approved is the one who advanced. */
const isFirstPerson = (state: MigrationState, at: StepState): boolean =>
  isSamePerson({ who: at.approvedBy, ids: at.approvedIds }, { who: state.advancedBy, ids: state.advancedIds });

/** Waits for a person, with the preview of what they approve and the gates watched meanwhile. */
export function decideApproval(plan: Plan, state: MigrationState, step: ApprovalStep, at: StepState): Decision {
  const approved = plan.find((s) => s.id === step.approves);
  if (approved?.kind === "config" && at.preview === undefined) {
    const preview: Decision = { do: "preview", step, attempt: at.attempt, config: configAfter(state, approved) };
    return retrying(plan, state, step, at, preview);
  }
  const given = at.approvedBy !== undefined && !(step.secondPerson && isFirstPerson(state, at));
  // Said before a person waits for gates that can never pass.
  const violations = step.inMaintenance === true ? cutoverViolations(state) : [];
  if (violations.length > 0) return refuse(violations);
  if (step.gates.length === 0) return given ? complete(step, at) : { do: "idle", why: `Waits for approval: ${step.asks}` };
  if (given && state.watch?.verdict === "passed") return complete(step, at);
  const watch = state.watch ?? startWatch(state.updatedAt);
  const due = nextRoundAt(watch, step.gates);
  // A person who says go is answered at once; with a clock that was set back since then, at the next round.
  const asked = given && (watch.lastRoundAt ?? 0) < (at.approvedAt ?? 0);
  return { do: "stand by", step, watch, at: asked ? Math.min(due, at.approvedAt ?? 0) : due, config: currentConfig(state) };
}

/** An approval counts for the preview that was seen: for another one it lapses, and the step fails. */
export function withoutApproval(plan: Plan, state: MigrationState, step: ConfigStep, preview: Preview): Decision | undefined {
  const approval = plan.find((s) => s.kind === "approval" && s.approves === step.id);
  if (approval === undefined) return undefined;
  const { status, approvedPreview, approvedBy } = state.steps[approval.id] ?? {};
  if (status !== "done") return onFailure(plan, state, step, `${approval.id} has lapsed`);
  if (approvedPreview === preview.digest) return undefined;
  const why = `what ${step.id} would change is not what ${approvedBy} approved`;
  return { do: "record", entries: [{ type: "approval.lapsed", step: approval.id, why }] };
}

import type { ConfigPatch } from "../../config/rawConfig.js";
import type { Extent, Recorded } from "../journal/entries.js";
import { isSamePerson } from "../journal/person.js";
import type { Plan } from "../plan/plan.js";
import { type MigrationState, NOT_APPROVED, planOf, type StepState, stepOf } from "./state.js";

export function command(next: MigrationState, entry: Extract<Recorded, { type: "command" }>, plan: Plan): MigrationState {
  switch (entry.command) {
    case "advance":
      return settle(
        {
          ...next,
          status: "running",
          goal: goalOf(plan, next.position, entry.extent),
          advancedBy: entry.who,
          advancedIds: entry.ids,
          heldReason: undefined,
          heldPromise: undefined,
          sentBack: undefined,
          wentBack: undefined,
        },
        plan,
      );
    case "resume":
      return resumed(next, plan);
    case "tune":
      return (entry.loosens ?? []).length > 0 ? { ...next, proposal: proposed(entry) } : tuned(next, entry.changes, plan);
    case "confirm":
      return confirmed(next, entry, plan);
    case "promote":
      return { ...next, promotion: entry.seq };
    case "edit":
      return { ...next, edit: { seq: entry.seq, changes: entry.changes, why: entry.why, who: entry.who } };
    case "pause":
      return { ...next, status: "paused", heldReason: entry.why };
    case "approve":
      return approved(next, entry, plan);
    case "refuse":
      return { ...next, status: "held", heldReason: `${entry.who} refused ${entry.step}: ${entry.why}` };
    case "rollback":
      return {
        ...next,
        requested: { to: entry.revision, why: entry.why, who: entry.who, abort: false },
        wentBack: ordered("rollback", entry, entry.revision),
      };
    case "emergency":
      return {
        ...next,
        requested: { to: "safety", why: entry.why, who: entry.who, abort: false },
        wentBack: ordered("emergency", entry),
        sentBack: { at: entry.at, seq: entry.seq, weights: { old: 100, new: 0 }, shown: false },
      };
    case "abort":
      return {
        ...next,
        requested: { to: 0, why: entry.why, who: entry.who, abort: true },
        wentBack: ordered("abort", entry, 0),
      };
    default: {
      const { seq, command: name } = entry as { seq: number; command: string };
      return { ...next, beyond: { seq, type: `command ${name}` } };
    }
  }
}

type WentBack = NonNullable<MigrationState["wentBack"]>;

const ordered = (kind: WentBack["kind"], { at, who, why }: { at: number; who: string; why: string }, revision?: number): WentBack => ({
  ...{ kind, at, who, why },
  ...(revision === undefined ? {} : { revision }),
});

function approved(next: MigrationState, entry: Extract<Recorded, { type: "command"; command: "approve" }>, plan: Plan): MigrationState {
  const step = plan[next.position];
  // A way back is resumed, not approved.
  if (next.returning !== undefined) return next;
  // Who advanced cannot be the second person; the service says so, and a journal that says otherwise changes nothing.
  if (
    step?.id !== entry.step ||
    (step.kind === "approval" && step.secondPerson && isSamePerson(entry, { who: next.advancedBy, ids: next.advancedIds }))
  )
    return next;
  const before = stepOf(next, entry.step);
  const preview = entry.preview ?? before.preview?.digest;
  const at = {
    ...before,
    ...NOT_APPROVED,
    approvedBy: entry.who,
    ...(entry.ids === undefined ? {} : { approvedIds: entry.ids }),
    approvedAt: entry.at,
    ...(preview === undefined ? {} : { approvedPreview: preview }),
    ...(entry.resources === undefined ? {} : { approvedResources: entry.resources }),
  };
  return { ...next, steps: { ...next.steps, [entry.step]: at }, status: "running", heldReason: undefined, heldPromise: undefined };
}

/** Asks the person again, unless something was done since: then the way back leads there first. */
export function lapsed(next: MigrationState, id: string, plan: Plan): MigrationState {
  const at: StepState = { ...stepOf(next, id), ...NOT_APPROVED };
  if (plan[next.position]?.id === id) return { ...next, status: "approval", steps: { ...next.steps, [id]: at } };
  return toLapsed({ ...next, steps: { ...next.steps, [id]: { ...at, status: "undone" } } }, plan);
}

/** Back to the first approval that has lapsed, of those right before the position. */
export function toLapsed(state: MigrationState, plan: Plan): MigrationState {
  let position = state.position;
  for (let i = state.position - 1; plan[i]?.kind === "approval"; i -= 1) {
    const id = plan[i]?.id;
    if (id !== undefined && state.steps[id]?.status !== "done") position = i;
  }
  if (position === state.position) return state;
  const undone = plan.slice(position, state.position + 1).flatMap(({ id }) => (state.steps[id] === undefined ? [] : [id]));
  const steps = { ...state.steps, ...Object.fromEntries(undone.map((id) => [id, { ...stepOf(state, id), status: "undone" as const }])) };
  return { ...state, steps, position, applied: false, watch: undefined };
}

type Said<C extends string> = Extract<Recorded, { type: "command"; command: C }>;

const proposed = ({ seq, at, changes, loosens = [], why, who, ids }: Said<"tune">): NonNullable<MigrationState["proposal"]> => ({
  ...{ seq, at, changes, loosens, why, who },
  ...(ids === undefined ? {} : { ids }),
});

/** What two people want counts now. An approval that was given for the values before does not. */
function confirmed(next: MigrationState, entry: Said<"confirm">, plan: Plan): MigrationState {
  const { proposal } = next;
  if (proposal?.seq !== entry.tuning || isSamePerson(entry, proposal)) return next;
  const { loosens, why, who } = proposal;
  const loosened = [...(next.loosened ?? []), { changes: loosens, why, who, confirmedBy: entry.who, at: entry.at }];
  const state = tuned({ ...next, proposal: undefined, loosened }, proposal.changes, plan);
  const after = planOf(state, plan);
  return approvalsBefore(state, after).reduce((s, id) => lapsed(s, id, after), state);
}

/** Ids of the approvals at the position and right before it that were given, the last one first. */
function approvalsBefore(state: MigrationState, plan: Plan): string[] {
  const ids: string[] = [];
  for (let i = state.position; i >= 0; i -= 1) {
    const step = plan[i];
    if (step?.kind !== "approval" && i < state.position) break;
    // That a window was agreed with the users stays true.
    const binds = step?.kind === "approval" && (step.secondPerson || step.inMaintenance === true);
    if (binds && state.steps[step.id]?.approvedBy !== undefined) ids.push(step.id);
  }
  return ids;
}

/** What a person changed counts at once; the goal stays at the same step. */
function tuned(next: MigrationState, changes: ConfigPatch, plan: Plan): MigrationState {
  const state = { ...next, tuned: { ...next.tuned, ...changes } };
  const after = planOf(state, plan);
  const kept = plan.slice(next.goal).find((step) => after.some((s) => s.id === step.id));
  return { ...state, goal: kept === undefined ? after.length : after.findIndex((s) => s.id === kept.id) };
}

/** A person says go on: what failed is tried again, in a new attempt, and what would have lost something is previewed again. */
function resumed(next: MigrationState, plan: Plan): MigrationState {
  const state = {
    ...next,
    heldReason: undefined,
    heldPromise: undefined,
    sentBack: next.returning === undefined ? undefined : next.sentBack,
    wentBack: next.returning === undefined ? undefined : next.wentBack,
  };
  if (state.returning !== undefined) return { ...state, status: "returning", returning: { ...state.returning, failures: 0 } };
  const step = plan[state.position];
  const id = step?.id;
  const at = id === undefined ? undefined : state.steps[id];
  const steps =
    id !== undefined && at !== undefined && (at.status === "failed" || at.failures > 0 || next.heldPromise === 7)
      ? { ...state.steps, [id]: { ...at, status: "undone" as const } }
      : state.steps;
  const goal = Math.max(state.goal, Math.min(state.position + 1, plan.length));
  // An answer that was given before still counts.
  if (step?.kind === "approval" && at?.status === "running" && at.approvedBy === undefined) return { ...state, goal, status: "approval" };
  return settle({ ...state, steps, status: "running", goal }, plan);
}

/** The first index that an advance does not run any more. */
function goalOf(plan: Plan, position: number, extent: Extent): number {
  if (extent === "end") return plan.length;
  if (extent === "step") return Math.min(position + 1, plan.length);
  const phase = plan[position]?.phase;
  const end = plan.findIndex((s, i) => i > position && s.phase !== phase);
  return end === -1 ? plan.length : end;
}

/** Sets the status that follows from position and goal. */
export function settle(state: MigrationState, plan: Plan): MigrationState {
  if (state.status !== "running") return state;
  if (state.position >= plan.length) return state;
  return state.position >= state.goal ? { ...state, status: "ready" } : state;
}

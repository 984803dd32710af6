import type { Migration, Step } from "../lib/types.js";
import type { Action } from "./actions.js";
import type { DialogState, Extent } from "./dialogState.js";

/** Or as far as it was advanced before. */
type Reach = Extent | "goal";

const TITLE: Record<Action, string> = {
  advance: "Advance",
  approve: "Approve",
  refuse: "Refuse",
  pause: "Pause",
  resume: "Resume",
  rollback: "Roll back",
  abort: "Abort the migration",
  emergency: "Emergency: send users back",
  promote: "End this pause",
  preview: "What the next step will change",
};

/** What a person does by this action on this migration, as the dialog's title says it. */
export const titleOf = (action: Action, m: Migration): string =>
  action === "approve" && m.losses !== undefined ? "Approve the loss" : TITLE[action];

/** The names that an approval of what is held for its losses must say. */
export const lostNames = (action: Action, { losses = [] }: Migration): string[] =>
  action === "approve" ? [...new Set(losses.map((l) => l.name))] : [];

/** The steps that an advance runs before the next decision of a person, which it stops at. Pure. */
export function ahead(m: Migration, steps: readonly Step[], extent: Reach): { run: Step[]; stopsAt?: Step } {
  const position = steps.findIndex((s) => s.id === m.step?.id);
  if (position === -1) return { run: [] };
  const first = steps[position] as Step;
  const end = { step: position + 1, phase: endOfPhase(steps, position), end: steps.length, goal: Math.max(m.goal, position + 1) }[extent];
  // An approval that is being given is behind us.
  const from = m.status === "approval" && first.kind === "approval" ? position + 1 : position;
  const stop = steps.findIndex((s, i) => i >= from && i < end && s.kind === "approval");
  const stopsAt = stop === -1 ? undefined : steps[stop];
  return { run: steps.slice(from, stopsAt === undefined ? end : stop), ...(stopsAt === undefined ? {} : { stopsAt }) };
}

function endOfPhase(steps: readonly Step[], position: number): number {
  const end = steps.findIndex((s, i) => i > position && s.phase !== steps[position]?.phase);
  return end === -1 ? steps.length : end;
}

/** Whether the application's name must be typed: what follows cannot be undone. Pure. */
export function asksForName(state: DialogState, m: Migration, steps: readonly Step[]): boolean {
  switch (state.action) {
    case "advance":
      return ahead(m, steps, state.extent).run.some((s) => s.pointOfNoReturn);
    case "approve": {
      const step = steps.find((s) => s.id === m.step?.id);
      return step?.pointOfNoReturn === true || ahead(m, steps, "goal").run.some((s) => s.pointOfNoReturn);
    }
    case "resume":
      return ahead(m, steps, "goal").run.some((s) => s.pointOfNoReturn);
    case "rollback":
      return state.way !== undefined && (state.way.crossesPointOfNoReturn || state.way.loses.length > 0);
    case "abort":
      return true;
    default:
      return false;
  }
}

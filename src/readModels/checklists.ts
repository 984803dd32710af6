import type { Plan } from "../automation/plan/plan.js";
import type { MigrationState, StepState } from "../automation/state/state.js";
import { SEED_CHECKLISTS, type SeedItem } from "./seedChecklists.js";

export type Tick = "done" | "running" | "failed" | "undone" | "waiting";

export interface ChecklistItem {
  text: string;
  tick: Tick;
  /** The steps of this plan that tick it, with where each stands. */
  steps: { id: string; status: StepState["status"] }[];
  /** What was seen: a gate's reading, or what an action left. Absent until something was. */
  evidence?: string;
  /** When the last of its steps was done, on the target's clock. */
  at?: number;
}

export interface Checklist {
  id: string;
  title: string;
  phase: string;
  done: number;
  items: ChecklistItem[];
}

/** The guide's checklists as far as this plan has them; each line ticked by the steps that carry it out. Pure. */
export function checklists(plan: Plan, state: MigrationState): Checklist[] {
  const ids = new Set(plan.map((s) => s.id));
  return SEED_CHECKLISTS.flatMap(({ items, ...list }): Checklist[] => {
    const found = items.flatMap((item) => {
      const steps = item.steps.filter((id) => ids.has(id));
      return steps.length === 0 ? [] : [itemOf(item, steps, state)];
    });
    return found.length === 0 ? [] : [{ ...list, done: found.filter((i) => i.tick === "done").length, items: found }];
  });
}

function itemOf({ text, gate }: SeedItem, steps: string[], state: MigrationState): ChecklistItem {
  const at = steps.map((id) => ({ id, state: state.steps[id] }));
  const all = at.map(({ id, state: s }) => ({ id, status: s?.status ?? ("waiting" as const) }));
  const evidence = at.flatMap(({ id, state: s }) => evidenceOf(id, s, gate)).join(" ");
  const done = all.every((s) => s.status === "done");
  const last = Math.max(...at.map((s) => s.state?.completedAt ?? 0));
  return {
    text,
    tick: done ? "done" : tickOf(all.map((s) => s.status)),
    steps: all,
    ...(evidence === "" ? {} : { evidence }),
    ...(done && last > 0 ? { at: last } : {}),
  };
}

/** What is bad shows before what is under way, and that before what only waits. */
const tickOf = (statuses: StepState["status"][]): Tick =>
  (["failed", "running", "undone"] as const).find((s) => statuses.includes(s)) ?? (statuses.includes("done") ? "running" : "waiting");

function evidenceOf(id: string, at: StepState | undefined, gate: string | undefined): string[] {
  if (at === undefined || at.status === "waiting" || at.status === "undone") return [];
  const named = at.gates?.find((g) => g.gate === gate);
  if (named !== undefined) return [`${named.gate} ${named.shown} (${named.accepts}) by ${named.source}.`];
  if (at.evidence !== undefined) return [at.evidence];
  if (at.approvedBy !== undefined) return [`${at.approvedBy} approved ${id}.`];
  const shown = (at.gates ?? []).map((g) => `${g.gate} ${g.shown}`);
  if (shown.length > 0) return [`${shown.join(", ")}.`];
  return at.status === "done" && at.revision !== undefined ? [`Applied as revision ${at.revision}.`] : [];
}

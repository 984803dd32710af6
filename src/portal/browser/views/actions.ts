import { h, type View } from "../lib/render.js";
import type { Migration, Step } from "../lib/types.js";

/** What can be asked of a migration; each opens a dialog that says what it will do. */
export type Action = "advance" | "approve" | "refuse" | "pause" | "resume" | "rollback" | "abort" | "emergency" | "promote" | "preview";

export const isOver = ({ status }: Migration): boolean => status === "completed" || status === "aborted";

/** Thresholds of what is over cannot be changed. */
export const mayTune = (m: Migration, roles: readonly string[]): boolean => !isOver(m) && roles.includes("operator");

/** The actions that the state and the roles allow, the likely one first. */
export function actionsOf(m: Migration, step: Step | undefined, roles: readonly string[]): Action[] {
  return possible(m, step).filter((a) => roles.includes(a === "approve" || a === "refuse" ? "approver" : "operator"));
}

function possible(m: Migration, step: Step | undefined): Action[] {
  if (isOver(m)) return [];
  const usersMoved = m.dns?.records === "both";
  const back = m.status !== "returning";
  return [
    ...(m.status === "approval" ? (["approve", "refuse"] as const) : []),
    ...(m.status === "ready" ? (["advance"] as const) : []),
    ...(m.status === "held" || m.status === "paused" ? (["resume"] as const) : []),
    ...(m.losses === undefined ? [] : (["approve"] as const)),
    ...(m.status === "running" && step?.id === "rollout.canary" ? (["promote"] as const) : []),
    ...(m.status === "running" || m.status === "returning" ? (["pause"] as const) : []),
    ...(back && m.revision > 0 ? (["rollback"] as const) : []),
    ...(back ? (["abort"] as const) : []),
    ...(usersMoved ? (["emergency"] as const) : []),
  ];
}

const LABEL: Record<Action, string> = {
  advance: "Advance…",
  approve: "Approve…",
  refuse: "Refuse…",
  pause: "Pause…",
  resume: "Resume…",
  rollback: "Roll back…",
  abort: "Abort…",
  emergency: "Emergency: users back now",
  promote: "End this pause…",
  preview: "What will it change?",
};

const labelOf = (a: Action, m: Migration): string => (a === "approve" && m.losses !== undefined ? "Approve the loss…" : LABEL[a]);

/** What weighs heavily does not look like the likely next thing. */
const toneOf = (a: Action, m: Migration, first: boolean): string => {
  if (a === "emergency" || (a === "approve" && m.losses !== undefined)) return "danger";
  return first && a !== "abort" && a !== "rollback" ? "primary" : "";
};

export const actionBar = (m: Migration, actions: readonly Action[], onAction: (action: Action) => void): View =>
  actions.length > 0 &&
  h(
    "div",
    { class: "actions", role: "group", "aria-label": "Actions" },
    actions.map((a, i) =>
      h(
        "button",
        {
          key: a,
          type: "button",
          class: toneOf(a, m, i === 0),
          onclick: () => onAction(a),
        },
        labelOf(a, m),
      ),
    ),
  );

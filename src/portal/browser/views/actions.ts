import { h, type View } from "../lib/render.js";
import type { Migration, Step } from "../lib/types.js";

/** What can be asked of a migration; each opens a dialog that says what it will do. */
export type Action = "advance" | "approve" | "refuse" | "pause" | "resume" | "rollback" | "abort" | "emergency" | "promote" | "preview";

const OVER: Migration["status"][] = ["completed", "aborted"];

/** The actions that the state and the roles allow, the likely one first. */
export function actionsOf(m: Migration, step: Step | undefined, roles: readonly string[]): Action[] {
  return possible(m, step).filter((a) => roles.includes(a === "approve" || a === "refuse" ? "approver" : "operator"));
}

function possible(m: Migration, step: Step | undefined): Action[] {
  if (OVER.includes(m.status)) return [];
  const usersMoved = m.dns?.records === "both";
  const back = m.status !== "returning";
  return [
    ...(m.status === "approval" ? (["approve", "refuse"] as const) : []),
    ...(m.status === "ready" ? (["advance"] as const) : []),
    ...(m.status === "held" || m.status === "paused" ? (["resume"] as const) : []),
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

export const actionBar = (actions: readonly Action[], onAction: (action: Action) => void): View =>
  h(
    "div",
    { class: "actions", role: "group", "aria-label": "Actions" },
    actions.map((a, i) =>
      h(
        "button",
        {
          key: a,
          type: "button",
          class: a === "emergency" ? "danger" : i === 0 && a !== "abort" && a !== "rollback" ? "primary" : "",
          onclick: () => onAction(a),
        },
        LABEL[a],
      ),
    ),
  );

import { type ComponentChildren, h } from "preact";
import type { Migration } from "../lib/types.js";

/** What can be asked of a migration; each opens a dialog that says what it will do. */
export type Action =
  | "advance"
  | "approve"
  | "refuse"
  | "pause"
  | "resume"
  | "rollback"
  | "abort"
  | "emergency"
  | "promote"
  | "preview"
  | "edit";

export const isOver = ({ status }: Migration): boolean => status === "completed" || status === "aborted";

/** Thresholds of what is over cannot be changed, for example. */
export const mayTune = (m: Migration, roles: readonly string[]): boolean => m.allowed.tune.offered && roles.includes("operator");

/** The likely one first. */
const ORDER = ["approve", "refuse", "advance", "resume", "promote", "pause", "rollback", "abort", "emergency"] as const;

/** The actions that the service offers and the roles allow, the likely one first. */
export const actionsOf = (m: Migration, roles: readonly string[]): Action[] =>
  ORDER.filter((a) => m.allowed[a].offered && roles.includes(a === "approve" || a === "refuse" ? "approver" : "operator"));

const LABEL: Record<Exclude<Action, "approve">, string> = {
  advance: "Advance…",
  refuse: "Refuse…",
  pause: "Pause…",
  resume: "Resume…",
  rollback: "Roll back…",
  abort: "Abort…",
  emergency: "Emergency: users back now",
  promote: "End this pause…",
  preview: "What will it change?",
  edit: "Apply the edit…",
};

/** What a person says yes to, in its own words. */
export const answerOf = (m: Migration): string => (m.losses === undefined ? (m.step?.answer ?? "Approve") : "Approve the loss");

const labelOf = (a: Action, m: Migration): string => (a === "approve" ? `${answerOf(m)}…` : LABEL[a]);

/** What weighs heavily does not look like the likely next thing. */
const toneOf = (a: Action, m: Migration, first: boolean): string => {
  if (a === "emergency" || (a === "approve" && m.losses !== undefined)) return "danger";
  return first && a !== "abort" && a !== "rollback" ? "primary" : "";
};

export const actionBar = (m: Migration, actions: readonly Action[], onAction: (action: Action) => void): ComponentChildren =>
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
          onClick: () => onAction(a),
        },
        labelOf(a, m),
      ),
    ),
  );

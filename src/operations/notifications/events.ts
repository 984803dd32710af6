import type { Recorded } from "../../automation/journal/entries.js";
import type { Plan } from "../../automation/plan/plan.js";
import { currentConfig, type MigrationState } from "../../automation/state/state.js";
import { redactText } from "../../lib/redact.js";

/** What people and systems may want to hear of. */
export const EVENTS = [
  "migration.created",
  "migration.paused",
  "migration.held",
  "migration.completed",
  "migration.aborted",
  "approval.needed",
  "point-of-no-return.passed",
  "gate.failed",
  "emergency",
  "users.back",
  "rollback.started",
  "rollback.completed",
  "hook.refused",
  "drift.found",
  "watch.blind",
  "watch.sees",
] as const;
export type EventType = (typeof EVENTS)[number];

export interface MigrationEvent {
  /** The same whenever it is sent again: STACK/NUMBER of the journal entry. */
  id: string;
  type: EventType;
  /** When it was journaled, ISO 8601. */
  time: string;
  stack: string;
  application: string;
  environment: string;
  owner?: string;
  revision: number;
  step?: { id: string; title: string; phase: string };
  /** One sentence for people. */
  summary: string;
}

const LONGEST = 600;

/** What an entry tells others, from the state after it; nothing for most entries. Holds no secret: configs are not sent, and texts are redacted. */
export function eventOf(entry: Recorded, state: MigrationState, plan: Plan): MigrationEvent | undefined {
  const told = tell(entry, state, plan);
  if (told === undefined) return undefined;
  const { application } = currentConfig(state);
  const step = plan.find((s) => s.id === told.step);
  const text = redactText(told.summary);
  return {
    id: `${state.stack}/${entry.seq}`,
    type: told.type,
    time: entry.recordedAt,
    stack: state.stack,
    application: application.name,
    environment: application.environment,
    ...(application.owner === undefined ? {} : { owner: application.owner }),
    revision: state.revision,
    ...(step === undefined ? {} : { step: { id: step.id, title: step.title, phase: step.phase } }),
    summary: text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text,
  };
}

interface Told {
  type: EventType;
  summary: string;
  step?: string;
}

function tell(entry: Recorded, state: MigrationState, plan: Plan): Told | undefined {
  const { stack } = state;
  switch (entry.type) {
    case "migration.created":
      return { type: entry.type, summary: `${entry.who} began the migration of ${stack}.` };
    case "command":
      if (entry.command === "emergency")
        return {
          type: "emergency",
          summary: `${entry.who} orders the users of ${stack} back: ${entry.why}. Another message says when the far side shows it.`,
        };
      if (entry.command === "pause") return { type: "migration.paused", summary: `${entry.who} paused ${stack}: ${entry.why}` };
      return undefined;
    case "step.started": {
      const step = plan.find((s) => s.id === entry.step);
      return step?.kind === "approval"
        ? {
            type: "approval.needed",
            step: step.id,
            summary: `${stack} waits for ${step.secondPerson ? "a second person's " : ""}approval: ${step.asks}`,
          }
        : undefined;
    }
    case "step.completed": {
      const step = plan.find((s) => s.id === entry.step);
      return step?.pointOfNoReturn === true
        ? { type: "point-of-no-return.passed", step: step.id, summary: `${stack} passed a point of no return: ${step.title}.` }
        : undefined;
    }
    case "runner.recovered":
      if (entry.blind !== undefined)
        return { type: entry.blind === null ? "watch.sees" : "watch.blind", summary: `${stack}: ${entry.note}` };
      return entry.shown === undefined ? undefined : { type: "users.back", summary: `${stack}: ${entry.note}` };
    case "gates.failed":
      return { type: "gate.failed", step: entry.step, summary: `A gate of ${stack} failed at ${entry.step}: ${entry.reason}` };
    case "rollback.started":
      return {
        type: entry.type,
        summary: `${stack} goes back to revision ${entry.revision}${entry.automatic ? " automatically" : ` (${entry.who})`}: ${entry.why}`,
      };
    case "rollback.completed":
      return { type: entry.type, summary: `${stack} is back at revision ${entry.revision}.` };
    case "hook.finished":
      return entry.outcome !== "passed" && entry.holds
        ? {
            type: "hook.refused",
            ...(entry.step === undefined ? {} : { step: entry.step }),
            summary: `The hook ${entry.hook} stops ${stack} (${entry.outcome}, ${entry.moment}): ${entry.detail}`,
          }
        : undefined;
    case "migration.held": {
      const at = plan[state.position]?.id;
      return { type: entry.type, ...(at === undefined ? {} : { step: at }), summary: `${stack} is held: ${entry.reason}` };
    }
    case "drift.found":
      return {
        type: entry.type,
        summary: `Something was changed past the engine in ${stack}: ${entry.changes.map((c) => `${c.name} (${[c.op, ...c.paths].join(" ")}${c.by === undefined ? "" : `, by ${c.by.join(" and ")}`})`).join(", ")}`,
      };
    case "migration.completed":
      return { type: entry.type, summary: `${stack} has arrived: its migration is complete.` };
    case "migration.aborted":
      return { type: entry.type, summary: `The migration of ${stack} was given up; it is as it was before.` };
    default:
      return undefined;
  }
}

import { counted } from "../../lib/plural.js";
import type { GateSummary } from "../gates/watch.js";
import type { Recorded } from "./entries.js";

/** What an entry is about, for whoever shows some of them, or each in its own way. `routine` says little that is new. */
export type EntryKind = "begin" | "person" | "step" | "update" | "gate" | "back" | "held" | "settled" | "end" | "routine";

/** An entry in words: the report, the command line and the portal show the same. */
export interface EntryWords {
  kind: EntryKind;
  /** A few words, without a full stop. */
  what: string;
  detail?: string | undefined;
  /** Whether something went wrong. */
  bad?: boolean;
}

/** An entry of an unknown type, from a later version, is named by its type. */
export function inWords(e: Recorded): EntryWords {
  switch (e.type) {
    case "migration.created":
      return { kind: "begin", what: `Begun by ${e.who}`, detail: e.why };
    case "command":
      return command(e);
    case "step.started":
      return { kind: "routine", what: e.attempt > 1 ? `Begun, try ${e.attempt}` : "Begun" };
    case "step.completed":
      return { kind: "routine", what: "Completed" };
    case "preview.stored": {
      const lost = e.blocked.length === 0 ? undefined : `stopped, since it would lose ${e.blocked.join(", ")}`;
      return { kind: "step", what: `Previewed: ${counted(e.preview.changes.length, "change")}`, detail: lost, bad: lost !== undefined };
    }
    case "preview.failed":
      return failed("step", "The preview", e);
    case "update.intended":
      return { kind: "routine", what: `Applying revision ${e.revision}`, detail: e.why };
    case "update.succeeded": {
      const changes = Object.entries(e.changes).map(([operation, n]) => `${n} ${operation}`);
      return { kind: "update", what: `Revision ${e.revision} is applied`, detail: changes.join(", ") };
    }
    case "update.failed":
      return failed("update", `The update to revision ${e.revision}`, e);
    case "action.intended":
      return { kind: "routine", what: e.undo ? "Undoing" : "Acting" };
    case "action.succeeded":
      return { kind: "step", what: e.undo ? "Undone" : "Done", detail: e.summary };
    case "action.failed":
      return failed("step", e.undo ? "Undoing it" : "The action", e);
    case "gates.watching":
      return { kind: "routine", what: "Gates watched", detail: shown(e.watch.gates) };
    case "gates.passed":
      return { kind: "gate", what: "Gates passed", detail: shown(e.gates) };
    case "gates.failed":
      return { kind: "gate", what: "A gate failed", detail: e.reason, bad: true };
    case "approval.lapsed":
      return { kind: "routine", what: "The approval lapsed", detail: e.why };
    case "alarm":
      return { kind: "routine", what: `Alarm from ${e.source}`, detail: e.reason, bad: true };
    case "rollback.started": {
      const how = e.automatic ? "automatically" : `as ${e.who} asked`;
      return { kind: "back", what: `Going back to revision ${e.revision}, ${how}`, detail: e.why, bad: true };
    }
    case "rollback.completed":
      return { kind: "back", what: `Back at revision ${e.revision}` };
    case "migration.held":
      return { kind: "held", what: "Needs a decision", detail: e.reason, bad: true };
    case "runner.recovered":
      if (e.blind === null) return { kind: "gate", what: "The watch over users on the new side sees again" };
      if (e.blind !== undefined)
        return { kind: "gate", what: "The watch over users on the new side sees nothing", detail: e.blind.why, bad: true };
      return { kind: "settled", what: "Settled after an interruption", detail: e.note };
    case "migration.completed":
      return { kind: "end", what: "Completed" };
    case "migration.aborted":
      return { kind: "end", what: "Aborted", bad: true };
    default:
      return { kind: "routine", what: capital(String((e as Recorded).type).replaceAll(".", " ")) };
  }
}

/** The same as one sentence. */
export function sentence({ what, detail }: EntryWords): string {
  const text = detail === undefined || detail === "" ? what : `${what}: ${detail}`;
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function command(e: Extract<Recorded, { type: "command" }>): EntryWords {
  const { extent, why, step } = e as { extent?: string; why?: string; step?: string };
  return { kind: "person", what: `${e.who}: ${e.command}${extent === undefined ? "" : ` (${extent})`}`, detail: why ?? step };
}

const failed = (kind: EntryKind, what: string, { error, transient }: { error: string; transient: boolean }): EntryWords => ({
  kind,
  what: `${what} failed${transient ? ", trying again" : ""}`,
  detail: error,
  bad: true,
});

/** `error-rate 0.2 %, latency-p95 0.12 s`. */
const shown = (gates: readonly GateSummary[]): string => gates.map((g) => `${g.gate} ${g.shown}`).join(", ");
const capital = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

import type { Entry } from "../journal/entries.js";
import type { Plan } from "../plan/plan.js";
import type { MigrationState } from "../state/state.js";
import type { Decision } from "./decision.js";
import { hasStep } from "./editions.js";

/** An action of another version that was under way: its end is not known here, and a way back does not wait for that version. */
export function leaveAction(plan: Plan, { intent, requested }: MigrationState): Decision | undefined {
  if (intent?.type !== "action.intended" || hasStep(plan, intent.step)) return undefined;
  if (requested === undefined) return { do: "idle", why: `${intent.step} is under way, and this version of cutover does not know it.` };
  const error = "another version of cutover had begun it: how far it came is not known here";
  const entry: Entry = { type: "action.failed", key: intent.key, step: intent.step, undo: intent.undo, error, transient: false };
  return { do: "record", entries: [entry] };
}

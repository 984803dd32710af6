import type { Entry } from "./entries.js";

/** Every type that this version writes; the type checker says so when one is missing. */
const TYPES: Record<Entry["type"], true> = {
  "migration.created": true,
  command: true,
  "step.started": true,
  "preview.stored": true,
  "preview.failed": true,
  "update.intended": true,
  "update.succeeded": true,
  "update.failed": true,
  "action.intended": true,
  "action.succeeded": true,
  "action.failed": true,
  "gates.watching": true,
  "gates.passed": true,
  "gates.failed": true,
  "step.completed": true,
  "approval.lapsed": true,
  alarm: true,
  "rollback.started": true,
  "rollback.completed": true,
  "migration.held": true,
  "runner.recovered": true,
  "drift.found": true,
  "drift.cleared": true,
  "hook.intended": true,
  "hook.finished": true,
  "migration.completed": true,
  "migration.aborted": true,
};

export const ENTRY_TYPES: readonly string[] = Object.keys(TYPES);

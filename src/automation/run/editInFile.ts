import { type Edit, editsDigest, editsIn, editsOf, nameOfEdit } from "../../config/edits.js";
import type { ConfigChange, RawConfig, StackFile } from "../../config/stackFile.js";
import { CutoverError, type InputIssue, UserError } from "../../errors.js";
import { checkEdit } from "../decide/edits.js";
import type { Plan } from "../plan/plan.js";
import { currentRevision, type MigrationState } from "../state/state.js";
import { writtenBefore } from "./updates.js";

/** What somebody edited in a stack's file. */
export interface FileEdit {
  changes: Edit[];
  /** The same for the same edit: it is taken as it was seen. */
  digest: string;
  /** As people read it; secrets are hidden. */
  shown: ConfigChange[];
  /** What of it cannot be taken during a migration, and why; empty when all can. */
  refused: InputIssue[];
}

/** @param file as it is now */
export function editInFile(file: StackFile, plan: Plan, state: MigrationState): FileEdit {
  const raw = file.raw();
  const { config } = currentRevision(state);
  const now = secretsOf(config);
  const changes = [...editsIn(raw, writtenBefore(state)), ...editsOf({ [SECRETS]: now }, { [SECRETS]: { ...now, ...secretsOf(raw) } })];
  const shown = changes.map((edit): ConfigChange => {
    const [section] = edit.path;
    const hide = (value: unknown): unknown => (section === SECRETS && value !== undefined ? "(secret)" : value);
    return { path: nameOfEdit(edit), before: hide(valueAt(config, edit.path)), after: hide(edit.value) };
  });
  return { changes, digest: editsDigest(changes), shown, refused: changes.length === 0 ? [] : refusedOf(state, plan, changes) };
}

const SECRETS = "cutover:secrets";

/** The secrets alone: a key that the file does not have is no edit. */
const secretsOf = (raw: RawConfig): object => ({ ...(raw[SECRETS] as object | undefined) });

const valueAt = (raw: RawConfig, path: string[]): unknown =>
  path.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], raw);

function refusedOf(state: MigrationState, plan: Plan, changes: Edit[]): InputIssue[] {
  try {
    checkEdit(state, plan, changes);
    return [];
  } catch (error) {
    if (error instanceof UserError) return [...error.issues];
    if (error instanceof CutoverError) return [{ path: "changes", accepted: error.message }];
    throw error;
  }
}

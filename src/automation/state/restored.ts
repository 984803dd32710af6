import { configDigest } from "../../config/rawConfig.js";
import type { Recorded } from "../journal/entries.js";
import type { Restoration, Revision } from "../journal/records.js";
import { STEP } from "../plan/ids.js";
import { currentRevision, type MigrationState, stepOf, type UpdateIntent } from "./state.js";

/**
 * After a store failed over or was restored, and what is left of the journal was held against the engine and the far side. What
 * comes next is told from what was lost; and whatever an update that was lost with its intent left half done is settled before the
 * next one.
 */
export function restored(state: MigrationState, entry: Extract<Recorded, { type: "migration.held" | "runner.recovered" }>): MigrationState {
  if (entry.restored === undefined) return state;
  const { lost, promoted, differs, adrift } = entry.restored;
  const perhaps = lost.map((id) => [id, { ...stepOf(state, id), perhaps: true }]);
  const { config, number } = currentRevision(state);
  const name = entry.hash.slice(0, 8);
  const forgotten: UpdateIntent = {
    type: "update.intended",
    key: `${state.stack}/restored#${name}`,
    revision: number,
    config,
    why: "",
    who: "",
  };
  return {
    ...state,
    ...(adrift === undefined ? {} : driftedTo(state, adrift, entry.at)),
    restored: name,
    steps: { ...state.steps, ...Object.fromEntries(perhaps), ...(differs === true ? unsoaked(state) : {}) },
    promoted: promoted ?? state.promoted,
    dirty: state.dirty || differs === true,
    unsettled: [...(state.unsettled ?? []), forgotten],
  };
}

/** Users may have been elsewhere meanwhile: a soak that is over says nothing any more, and nothing old is removed on its word (promise 4). */
const unsoaked = ({ steps }: MigrationState): MigrationState["steps"] => {
  const soak = steps[STEP.soak];
  return soak?.status === "done" ? { [STEP.soak]: { ...soak, status: "undone" } } : {};
};

/** What the engine applied last is what a way back begins with. */
function driftedTo(state: MigrationState, { to, back, applied }: NonNullable<Restoration["adrift"]>, at: number): Partial<MigrationState> {
  // A way back that was under way began elsewhere: a person begins another one.
  const gone = { adrift: { to, back }, returning: undefined };
  if (applied === undefined) return gone;
  const { key, config } = applied;
  const number = Math.max(...state.revisions.map((r) => r.number)) + 1;
  const revision: Revision = {
    ...{ number, config, key, at },
    digest: configDigest(config),
    why: "what the engine had applied when entries of the journal were lost",
    who: "cutover",
  };
  return { ...gone, revisions: [...state.revisions, revision], revision: number };
}

import type { MigrationState } from "./state.js";
import type { Preview, ResourceChange } from "./types.js";

/** What is really there and differs from the applied revision. Names and paths only: a value may be a secret. */
export interface Drift {
  /** The same for the same differences: each is told once. */
  digest: string;
  changes: DriftedResource[];
}

export interface DriftedResource {
  name: string;
  type: string;
  /** What an update would do to bring it back. */
  op: ResourceChange["op"];
  paths: string[];
}

/** Drift, from a preview of the applied revision after a refresh. */
export function driftOf({ changes, digest }: Preview): Drift {
  return {
    digest,
    changes: changes.map(({ name, type, op, diff }) => ({ name, type, op, paths: diff.map((d) => d.path).sort() })),
  };
}

/** Why a look would say nothing now: what is under way is between two revisions. */
export function unsettled(state: MigrationState): string | undefined {
  if (state.intent !== undefined || state.dirty) return "an update did not finish";
  return state.status === "running" || state.status === "returning" ? `it is ${state.status}` : undefined;
}

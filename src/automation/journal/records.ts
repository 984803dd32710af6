import type { RawConfig } from "../../config/rawConfig.js";

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
  /** Who wrote it past the engine, where the far side knows. */
  by?: string[];
}

/**
 * Moments at which a user's own checks and announcements are called.
 *
 *   asked      the migration waits for the answer, and a hook whose policy is `hold` can stop it there
 *   announced  nothing waits: whatever leads to safety is never held up by a hook
 */
export const ASKED_MOMENTS = ["before-step", "before-point-of-no-return", "after-step"] as const;
export const ANNOUNCED_MOMENTS = ["gate-failed", "before-rollback", "after-rollback", "held", "completed"] as const;
export type AskedMoment = (typeof ASKED_MOMENTS)[number];
export type AnnouncedMoment = (typeof ANNOUNCED_MOMENTS)[number];
export type Moment = AskedMoment | AnnouncedMoment;

export const isAsked = (moment: Moment): moment is AskedMoment => (ASKED_MOMENTS as readonly string[]).includes(moment);

export interface HookAnswer {
  outcome: "passed" | "refused" | "failed" | "timed-out";
  /** What it said, or why it has said nothing. Never a secret. */
  detail: string;
}

/** A request that its sender may send again: kept in the journal beside its command, so that it outlives the process. */
export interface RequestMark {
  /** SHA-256 over who asked and the key that they gave: one caller's keys are not another's. */
  key: string;
  /** SHA-256 over what was asked. */
  digest: string;
}

/** What was found when the journal's store had failed over or was restored, and may have lost entries. */
export interface Restoration {
  /** Steps that may have been begun, though the journal says nothing of it: a way back goes over them too. */
  lost: readonly string[];
  /** The new database is a primary, whatever the journal says. */
  promoted?: boolean;
  /** The engine or the far side is not as the journal says. */
  differs?: boolean;
  /**
   * The engine has applied more than the next step of the journal: nothing goes forward before it went back to this revision, or
   * further. `back` when that was a way back; `applied` is what it applied last, where that is known.
   */
  adrift?: { to: number; back: boolean; applied?: { key: string; config: RawConfig } };
}

/** An immutable, numbered copy of a stack's config, why it came to be, and the update that applied it. */
export interface Revision {
  number: number;
  /** Ciphertexts stay ciphertexts. */
  config: RawConfig;
  digest: string;
  why: string;
  who: string;
  /** The step that made it; absent for revision 0 and for rollbacks. */
  step?: string;
  /** The revision that this one went back to. */
  restores?: number;
  /** The revision whose config a person's edit changed. */
  refines?: number;
  /** Config paths kept although the restored revision had them otherwise, and why. */
  kept?: { path: string; why: string }[];
  /** Key of the decision that applied it; stands in the message of the engine's own history. Absent for revision 0. */
  key?: string;
  /** Version of the engine's update; absent for revision 0. Folder backends number every update 0. */
  engineVersion?: number;
  at: number;
}

/** One resource in a preview. */
export interface ResourceChange {
  urn: string;
  type: string;
  name: string;
  op: "create" | "update" | "replace" | "delete";
  /** Property path → before and after; secrets read `[secret]`. */
  diff: { path: string; before?: unknown; after?: unknown; replaces?: boolean | undefined }[];
  /** Who else wrote what it changes, where the far side knows. */
  by?: string[] | undefined;
}

export interface Preview {
  changes: ResourceChange[];
  unchanged: number;
  /** SHA-256 over the changes: an approval is bound to it. */
  digest: string;
}

/**
 * Where an engine was started: a system is one boot of one kernel and one space of process numbers in it, so that a
 * process number of it means one process and no other.
 */
export interface EngineStart {
  /** Absent where the system cannot be told from others. */
  system?: string;
  /** ISO 8601, by that system's clock. */
  at: string;
}

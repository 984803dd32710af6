import type { Edit } from "../../config/edits.js";
import type { ConfigPatch, RawConfig } from "../../config/rawConfig.js";
import type { GateSummary, WatchState } from "../gates/watch.js";
import type { PlanShape } from "../plan/edition.js";
import type { Mark } from "../plan/step.js";
import type { Loosened } from "./person.js";
import type { Drift, EngineStart, HookAnswer, Moment, Preview, RequestMark, Restoration } from "./records.js";

/** How far an advance goes: one step, the rest of the phase, or all the way (stopping for approvals). */
export type Extent = "step" | "phase" | "end";

/** What a person or another system asks for. */
export type Command =
  | { command: "advance"; extent: Extent }
  /** `resources` names what may be replaced or deleted, for a step that was stopped by promise 7. */
  | {
      command: "approve";
      step: string;
      resources?: string[];
      /** Digest of the preview that the person saw. */
      preview?: string;
    }
  | { command: "refuse"; step: string; why: string }
  /** Ends the pause that the step at the position is in (an Argo Rollout's, between two weights). */
  | { command: "promote" }
  /** Changes thresholds, holds, weights to come: dotted paths in the stack config, from now on. */
  | { command: "tune"; changes: ConfigPatch; why: string }
  /** A second person wants a tuning that loosens protections too; the number of its entry. */
  | { command: "confirm"; tuning: number }
  /** Takes what somebody edited in the user's part of the stack's config as a revision of its own. */
  | { command: "edit"; changes: Edit[]; why: string }
  | { command: "pause"; why: string }
  | { command: "resume" }
  /** `insist`: although the old side is known to be no better. */
  | { command: "rollback"; revision: number; why: string; insist?: boolean }
  /** Users to the old side at once, past the engine; then back to before their traffic moved. */
  | { command: "emergency"; why: string; insist?: boolean }
  | { command: "abort"; why: string; insist?: boolean };

/** One item of a way back, in the order in which it runs. */
export type PathItem =
  | {
      kind: "config";
      config: RawConfig;
      kept: { path: string; why: string }[];
      dnsOnly: boolean;
      summary: string;
      /** Pause before it, in seconds: what the item before set going must be in force first. */
      afterSeconds?: number;
    }
  | { kind: "undo"; step: string; summary: string };

/** What the journal records, by type. Effects are two entries: the intent before, the outcome after (promise 6). */
export type Entry =
  /** `shape` is the plan that it goes on with, whatever later versions plan; absent in journals from before 0.2. */
  | { type: "migration.created"; stack: string; plan: string; shape?: PlanShape; config: RawConfig; why: string; who: string }
  /** `loosens`: what of a tuning waits for a second person. */
  | ({ type: "command"; who: string; ids?: readonly string[]; loosens?: Loosened[]; request?: RequestMark } & Command)
  | { type: "step.started"; step: string; attempt: number }
  | { type: "preview.stored"; step: string; attempt: number; preview: Preview; blocked: string[] }
  /** `conflict`: somebody else holds the stack's engine; that passes automatically, and spends no try. */
  | { type: "preview.failed"; step: string; error: string; transient: boolean; conflict?: boolean }
  | {
      type: "update.intended";
      key: string;
      step?: string;
      revision: number;
      config: RawConfig;
      restores?: number;
      kept?: { path: string; why: string }[];
      why: string;
      who: string;
      targetDns?: boolean;
      /** The number of the command whose edit it applies, and the revision that this changes. */
      edit?: number;
      refines?: number;
      /** Where its engine was begun. */
      engine?: EngineStart;
    }
  | {
      type: "update.succeeded";
      key: string;
      revision: number;
      engineVersion: number;
      changes: Record<string, number>;
      durationMs: number;
      recovered?: boolean;
    }
  /** `unsettled`: what it had begun may have been done, though the engine knows nothing of it. */
  | { type: "update.failed"; key: string; revision: number; error: string; transient: boolean; unsettled?: boolean; conflict?: boolean }
  | { type: "action.intended"; key: string; step: string; undo: boolean }
  | {
      type: "action.succeeded";
      key: string;
      step: string;
      undo: boolean;
      summary: string;
      facts?: Record<string, unknown>;
      files?: string[];
      marks: Mark[];
    }
  | { type: "action.failed"; key: string; step: string; undo: boolean; error: string; transient: boolean }
  | { type: "gates.watching"; step: string; watch: WatchState }
  | { type: "gates.passed"; step: string; gates: GateSummary[]; heldMs: number }
  | { type: "gates.failed"; step: string; gates: GateSummary[]; reason: string }
  | { type: "step.completed"; step: string; attempt: number }
  /** What was approved is not approved any more: it grew old, its preview changed, or the gates did not pass after it. */
  | { type: "approval.lapsed"; step: string; why: string }
  /** Users on the new side are in trouble, found beside any step: by the watch between steps, or by Alertmanager. */
  | { type: "alarm"; id: string; source: string; reason: string }
  | {
      type: "rollback.started";
      revision: number;
      undoTo: number;
      why: string;
      who: string;
      path: PathItem[];
      automatic: boolean;
      abort?: boolean;
    }
  | { type: "rollback.completed"; revision: number }
  /**
   * `byHand`: names an update that somebody ran past cutover; who resumes has read of it. `restored`: entries before this one
   * may be lost.
   */
  | { type: "migration.held"; reason: string; promise?: number; byHand?: string; restored?: Restoration }
  /**
   * `engine`: the interrupted update goes on there. `settled`: the engine knows what the failed updates had done; `promoted`: one
   * of them had promoted the database. `shown`: the far side shows these weights after users were sent back.
   */
  | {
      type: "runner.recovered";
      note: string;
      engine?: EngineStart;
      settled?: boolean;
      promoted?: boolean;
      shown?: { old: number; new: number };
      byHand?: string;
      restored?: Restoration;
      /** The watch over users sees nothing of them; null once it sees again. */
      blind?: { gates: string[]; why: string } | null;
    }
  | ({ type: "drift.found" } & Drift)
  | { type: "drift.cleared" }
  | { type: "hook.intended"; id: string; hook: string; moment: Moment; step?: string; reason?: string }
  | ({ type: "hook.finished"; id: string; hook: string; moment: Moment; step?: string; holds: boolean } & HookAnswer)
  | { type: "migration.completed" }
  | { type: "migration.aborted" };

export type EntryType = Entry["type"];

/** An entry as it stands in the journal. */
export type Recorded = Entry & {
  seq: number;
  /** Milliseconds since the epoch on the target's clock (virtual in the sandbox). */
  at: number;
  /** Wall clock, ISO 8601. */
  recordedAt: string;
  /** Fencing token of the runner that wrote it; 0 for commands. */
  fence: number;
  /** Hash of the entry before; 64 zeros for the first. */
  prev: string;
  /** SHA-256 over everything else in the entry. */
  hash: string;
};

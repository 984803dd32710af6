import type { GateSummary } from "../automation/gates/watch.js";
import type { Phase } from "../automation/plan/step.js";
import type { MigrationReport } from "../report/report.js";
import type { Moment } from "../report/story.js";

/** What a rehearsal leaves: `rehearsal.json`, for the command line, the portal and whoever decides about the night. */
export interface Outcome {
  id: string;
  /** Wall clock, ISO 8601. */
  madeAt: string;
  /** Same seed, same readings. */
  seed: number;
  /** Stacks that were rehearsed for themselves, without those that only had to come first. */
  stacks: string[];
  verdict: "go" | "no-go";
  /** Everything that speaks against the night; empty for a go. */
  reasons: string[];
  migrations: Rehearsed[];
}

export interface Rehearsed {
  stack: string;
  /** SHA-256 of the stack config that was rehearsed: a go is a go for this config alone. */
  digest: string;
  status: string;
  reasons: string[];
  faults: { fault: string; came: boolean }[];
  /** How often the process was killed and started again. */
  restarts: number;
  rollbacks: RehearsedRollback[];
  waysBack: WayBackCost[];
  /** What the sandbox could not try, as sentences; absent in rehearsals of earlier versions. */
  notTried?: string[];
  /** Each gate of the plan, and who answers it on real targets, or why nothing can; absent in rehearsals of earlier versions. */
  signals?: { gate: string; steps: string[]; source?: string; noSource?: string }[];
  /** How long users could not write, in milliseconds. */
  writePauseMs?: number;
  /** How much of that was before the promotion began, and how much might have been. */
  untilPromotionMs?: number;
  writePauseBudgetMs?: number;
  frames: Frame[];
  report: MigrationReport;
}

/** What one rollback of the rehearsal really cost, on the sandbox's clock. */
export interface RehearsedRollback {
  at: number;
  why: string;
  automatic: boolean;
  revision: number;
  /** From the first sample that did not pass to the decision. */
  detectionMs?: number;
  /** From the decision until as many users were on the old side again as before; absent when it never was so. */
  usersBackMs?: number;
  /** From the decision to the end of the whole way back. */
  doneMs?: number;
  /** Share of users on the new side at the decision. */
  usersOnNew: number;
  loses: string[];
}

/** What going back to the beginning would have cost right after a step. */
export interface WayBackCost {
  step: string;
  at: number;
  /** After the cleanup began there is none. */
  possible: boolean;
  /** Until users are on the old side again, by the durations that this rehearsal measured. */
  usersMinutes: number;
  /** Until everything is as it was before. */
  minutes: number;
  items: number;
  loses: string[];
}

/** One moment to replay: what happened, and how everything stood then. */
export interface Frame extends Moment {
  status: string;
  phase: Phase;
  revision: number;
  /** Percent, as intended. */
  weights: { dns?: number; green?: number };
  /** Share of users really on the new side. */
  usersOnNew: number;
  /** Gates as they were judged at this moment. */
  gates?: Pick<GateSummary, "gate" | "verdict" | "shown" | "accepts">[];
}

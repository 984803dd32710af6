import type { ConfigPatch } from "../../config/rawConfig.js";
import type { StackConfig } from "../../config/schema.js";
import type { OtherStack } from "../../config/shared.js";
import type { Effect, Evidence, Target } from "../../ports/target.js";
import type { GateUse } from "../gates/gate.js";

/** The phases of a migration, in order; the seed's chapters. */
export const PHASES = ["assess", "containerize", "database", "rollout", "traffic", "optimize", "cleanup"] as const;
export type Phase = (typeof PHASES)[number];

/** How a step is undone, shown before it runs (promise 5). */
export interface WayBack {
  /** One sentence. */
  summary: string;
  /** What going back loses; `nothing` for most. */
  loses: string;
  /** It cannot be undone. */
  none?: true | undefined;
}

interface StepBase {
  /** `phase.what`, unique in a plan. */
  id: string;
  phase: Phase;
  /** What it does, as an imperative sentence. */
  title: string;
  /** The seed's command, manifest or checklist item that this step carries out. */
  seed: string;
  wayBack: WayBack;
  /** After this step the way back changes. */
  pointOfNoReturn?: boolean;
  /** On failure everything from this step on is undone. Default: the step itself for `config`, nothing otherwise. */
  undoFrom?: string;
  /** Begins only inside one of the calendar's maintenance windows. */
  inMaintenance?: boolean;
  /** The journal has it and this version does not: see `edition.ts`. */
  unknown?: true;
  /** Users' writes wait meanwhile: it counts against the pause that `database.writePauseSeconds` allows. */
  inWritePause?: boolean;
}

/** Changes stack config and runs an update; then its gates must hold. */
export interface ConfigStep extends StepBase {
  kind: "config";
  /** Pure: what changes, from the config as it is. */
  change: (config: StackConfig) => ConfigPatch;
  gates: GateUse[];
  /** Takes what the config set going to its next stage before its time, when a person says so. */
  promote?: (context: ActionContext) => Promise<Evidence>;
  /** Stops at once what the config set going; on the way back it comes before the earlier config. */
  undo?: (context: ActionContext) => Promise<Evidence>;
  /** Facts that the undo makes. */
  undoMarks?: Mark[];
}

/** A call that Pulumi cannot express. */
export interface ActionStep extends StepBase {
  kind: "action";
  run: (context: ActionContext) => Promise<Evidence>;
  /** Absent when there is nothing to undo. */
  undo?: (context: ActionContext) => Promise<Evidence>;
  /** Evidence makes this the moment that promises 1 and 3 refer to. */
  marks?: Mark[];
  undoMarks?: Mark[];
}

/** Waits until every gate passes and has held. */
export interface GateStep extends StepBase {
  kind: "gate";
  gates: GateUse[];
}

/** A person's decision. */
export interface ApprovalStep extends StepBase {
  kind: "approval";
  /** What the person is asked. */
  asks: string;
  /** The answer that lets it go on, as a button says it. @default Approve */
  answer?: string;
  /** The one who approves must not be the one who advanced. */
  secondPerson: boolean;
  /** A config step whose preview is made and shown first: the approval counts for exactly that. */
  approves?: string;
  /** Watched for as long as it waits; an approval takes effect once they have passed after it. */
  gates: GateUse[];
}

export type Step = ConfigStep | ActionStep | GateStep | ApprovalStep;

/** Facts that the promises are checked against. */
export type Mark =
  | "old-writes-stopped"
  | "old-writes-allowed"
  | "new-writes-stopped"
  | "new-writes-allowed"
  | "maintenance-on"
  | "maintenance-off"
  | "old-fleet-on-new"
  | "old-fleet-on-old"
  | "old-files-on-new"
  | "old-files-on-old"
  | "reverse-ended"
  | "old-once-stopped"
  | "old-once-started"
  | "new-once-stopped"
  | "dns-adopted"
  | "dns-released";

/** When a fact became true, on the target's clock. Which of two is newer, `seq` says: a clock may be set back, a journal not. */
export interface MarkedAt {
  at: number;
  /** The journal's entry. */
  seq: number;
}
export type Marks = Partial<Record<Mark, MarkedAt>>;

/** What an action gets. */
export interface ActionContext {
  target: Target;
  config: StackConfig;
  effect: Effect;
  project: ProjectPort;
  /** Other stacks whose migrations have not ended. */
  otherStacks: () => Promise<OtherStack[]>;
  marks: Marks;
  /** Facts that the last run of another step left; undefined where it has not succeeded. @default none is known */
  factsOf?: (step: string) => Record<string, unknown> | undefined;
  /** Facts that the step's own run left, for its undo. */
  done?: Record<string, unknown>;
}

/** The user's project as actions need it: the inventory, the documents they write, and the tools that try images. */
export interface ProjectPort {
  inventory(): Promise<import("../../inventory/csv.js").Inventory>;
  dependencySupplement(): Promise<string | undefined>;
  /** Sources of an application, in a folder of this machine. */
  readSources: typeof import("../../containerize/readSources.js").readSources;
  lintDockerfile: typeof import("../../containerize/check.js").lintDockerfile;
  verifyImage: typeof import("../../containerize/verify.js").verifyImage;
}

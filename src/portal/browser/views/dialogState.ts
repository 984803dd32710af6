import type { Problem } from "../lib/api.js";
import type { EditAnswer, Migration, Preview, PreviewAnswer, Revision, Step, Way } from "../lib/types.js";
import type { Action } from "./actions.js";

/** What a dialog knows and what was typed into it. */
export interface DialogState {
  action: Action;
  /** What it will do, from the service; absent while it is asked. */
  preview?: PreviewAnswer;
  way?: Way;
  edit?: EditAnswer & { preview: Preview };
  /** The old side is known to be no better, and the person sends users there all the same. */
  insist?: boolean;
  revisions?: Revision[];
  problem?: Problem | undefined;
  extent: Extent;
  revision?: number;
  why: string;
  typed: string;
  /** What was typed for each resource whose loss is approved. */
  named: Readonly<Record<string, string>>;
  /** The emergency button was pressed once; ready a moment later, so that a double click is no decision. */
  armed: "no" | "arming" | "ready";
  sending: boolean;
}

export interface DialogProps {
  state: DialogState;
  migration: Migration;
  steps: readonly Step[];
  /** What a person does without the service; there once it does not answer. */
  byHand: readonly string[] | undefined;
  change: (what: Partial<DialogState>) => void;
  close: () => void;
  send: () => void;
}

export type Extent = "step" | "phase" | "end";

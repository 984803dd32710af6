import type { Recorded } from "../automation/journal/entries.js";
import type { Budget } from "./judge.js";

/** What a rehearsal is asked to do: written into its folder, so that a process that died goes on with the same. */
export interface Order {
  id: string;
  madeAt: string;
  /** The checkout, with Pulumi.yaml. */
  root: string;
  /** Folder with the stack configs. */
  stacks: string;
  /** Stacks that must have passed before: staging. */
  first: string[];
  chosen: string[];
  /** By stack. */
  faults: Record<string, string[]>;
  seed: number;
  budget: Budget;
}

/** What the process that rehearses tells the one that watches it. */
export type Told = { kind: "entry"; stack: string; entry: Recorded } | { kind: "error"; message: string; next?: string };

export const ORDER = "order.json";
export const OUTCOME = "rehearsal.json";

import type { Instant } from "./observations.js";

/** `refuses` the move; `loses` something on the way back; `slows` the pause or the stream; `warns`. */
export type FindingKind = "refuses" | "loses" | "slows" | "warns";

export interface ReadinessFinding {
  kind: FindingKind;
  /** What it is about, by name. */
  what: string;
  /** What it means, in tables, rows or seconds. */
  means: string;
  /** The statement or setting that mends it. */
  cure: string;
  /** What as a whole is impossible because of it. */
  stops?: "the stream back" | "stopping writes" | "the comparison";
}

/** The readiness of a migration's databases, as one report for everybody who shows it. */
export interface DatabaseReadiness {
  /**
   * `computed`: the findings are all there is. `unknown`: it could not be computed, which is not the same as ready. `past`:
   * writes are stopped or the replica was promoted, and the barrier and the stream speak for themselves. `none`: no database moves.
   */
  standing: "computed" | "unknown" | "past" | "none";
  /** When. */
  at: Instant;
  /** Worst first. */
  findings: ReadinessFinding[];
  /** Why it is not known. */
  why?: string;
}

const ORDER: readonly FindingKind[] = ["refuses", "loses", "slows", "warns"];

export const worstFirst = (findings: readonly ReadinessFinding[]): ReadinessFinding[] =>
  [...findings].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));

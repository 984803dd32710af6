import type { Column } from "./mappings.js";

/** How one cell was read: nothing is guessed in silence. */
export interface Reading {
  column: Column;
  /** As written. */
  text: string;
  /** What it was taken for. */
  as: string;
  /** `sure`: it says so. `likely`: it follows from what it says. `unsure`: somebody must say. */
  confidence: "sure" | "likely" | "unsure";
  /** What to answer; for `unsure` always. */
  question?: string;
}

/** Parts of a cell that lists several things; what stands in parentheses belongs to what stands before it. */
export function partsOf(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  let depth = 0;
  for (const c of text) {
    if (c === "(") depth += 1;
    if (c === ")") depth = Math.max(0, depth - 1);
    if (depth === 0 && /[/;,+&|\n]/.test(c)) {
      parts.push(part);
      part = "";
    } else part += c;
  }
  return [...parts, part]
    .flatMap((p) => p.split(/\s+and\s+(?![^(]*\))/i))
    .map((p) => p.trim())
    .filter((p) => p !== "" && !isNone(p));
}

export const isNone = (text: string): boolean => /^(none|n\/?a|-+|no|nothing|null)$/i.test(text.trim());

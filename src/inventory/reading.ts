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

/** URLs, ARNs and paths are one thing. */
const ADDRESS = /[a-z][a-z0-9+.:-]*:\/\/[^\s,;|]+|\barn:[^\s,;|]+|(?<![^\s,;(])(?:\/[\w.-]+\/|\\\\\w|[a-z]:\\)[^\s,;|]*/gi;
/** Names with a bar or an ampersand of their own: SAP R/3, R&D, AT&T. */
const NAMED = /\b(?:TCP\/IP|PL\/SQL|[Nn]\/[Aa]|[A-Z]+[/&][A-Z0-9]|[A-Z][/&][A-Z0-9]+)\b/g;

/** Parts of a cell that lists several things; what stands in parentheses belongs to what stands before it. */
export function partsOf(text: string): string[] {
  const plain = text.replace(/\band\s*\/\s*or\b/gi, ",");
  const whole = [...plain.matchAll(ADDRESS), ...plain.matchAll(NAMED)];
  const inside = (i: number): boolean => whole.some((m) => i >= m.index && i < m.index + m[0].length);
  const parts: string[] = [];
  let part = "";
  let depth = 0;
  for (const [i, c] of plain.split("").entries()) {
    if (c === "(") depth += 1;
    if (c === ")") depth = Math.max(0, depth - 1);
    if (depth === 0 && /[/;,+&|\n]/.test(c) && !inside(i)) {
      parts.push(part);
      part = "";
    } else part += c;
  }
  return [...parts, part]
    .flatMap((p) => p.split(/\s+(?:and|und|et)\s+(?![^(]*\))/i))
    .map((p) => p.trim().replace(/^[•*·]\s*/, ""))
    .filter((p) => p !== "" && !isNone(p));
}

export const isNone = (text: string): boolean =>
  /^(none|n\/?a|n\.a\.|[-–—]+|no|nothing|null|nil|keine[rs]?|aucune?)( *\((stateless|standalone)\))?$/i.test(text.trim());

/** The writer does not know it, or says that it is not so, or not now. */
const DOUBT =
  /[\p{L}\d)]\s?\?+\)?$|^\?+$|\(\?+\)|\b(tb[acd]|none known|unknown|unclear|unsure|maybe|perhaps|probably|presumably|not|no longer|never|formerly|previously|planned|to be confirmed|unbekannt|inconnue?)\b/iu;
export const isDoubted = (text: string): boolean => DOUBT.test(text.trim());

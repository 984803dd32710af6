import { closest, distance } from "fastest-levenshtein";

const EDITS = 2;

/**
 * The nearest name, whatever its case.
 * @param edits more than these make another word. @default 2
 */
export function nearest(word: string, names: readonly string[], edits = EDITS): string | undefined {
  if (names.length === 0) return undefined;
  const byLower = new Map(names.map((name) => [name.toLowerCase(), name]));
  const found = closest(word.toLowerCase(), [...byLower.keys()]);
  return distance(word.toLowerCase(), found) <= edits ? byLower.get(found) : undefined;
}

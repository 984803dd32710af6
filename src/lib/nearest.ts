import { closest, distance } from "fastest-levenshtein";

/** More edits than this make another word. */
const EDITS = 2;

/** The nearest name within two edits, whatever its case. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const byLower = new Map(names.map((name) => [name.toLowerCase(), name]));
  const found = closest(word.toLowerCase(), [...byLower.keys()]);
  return distance(word.toLowerCase(), found) <= EDITS ? byLower.get(found) : undefined;
}

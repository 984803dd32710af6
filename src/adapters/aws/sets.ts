import { known, type Reading, unknown } from "../../ports/observations.js";
import { ALIAS_TTL_SECONDS, type NameSet } from "./zone.js";

const named = ({ name, type, zoneId }: NameSet): string => `${name} ${type} in ${zoneId}`;

/** The weight that every name has, as Route 53 was told; names that differ are unknown, since no one number is true of them. */
export function weightOf(sets: NameSet[]): Reading {
  const weights = sets.map((s) => s.new?.Weight ?? 0);
  const [first = 0] = weights;
  if (weights.every((w) => w === first)) return known(first);
  return unknown(`the names differ: ${sets.map((s, i) => `${named(s)} ${weights[i]} %`).join(", ")}`);
}

/** The longest TTL of the old side's records. */
export function ttlOf(sets: NameSet[]): Reading {
  const ttls = sets.flatMap(({ old, plain }) => {
    const record = old ?? plain;
    if (record === undefined) return [];
    return [record.AliasTarget === undefined ? (record.TTL ?? 0) : ALIAS_TTL_SECONDS];
  });
  return ttls.length === 0 ? unknown("the name has no record of the old side") : known(Math.max(...ttls));
}

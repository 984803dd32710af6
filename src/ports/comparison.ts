import { type BuiltInName, type Observation, type ObservationName, type Reading, type Side, unknown } from "./observations.js";

interface Comparison {
  of: BuiltInName;
  made: (fresh: number, old: number) => Reading;
}

/** Observations of one side by another: what they are made of, and how. */
const COMPARISONS = {
  "error-rate-over-old": { of: "error-rate", made: (fresh: number, old: number) => ({ known: true, value: fresh - old }) },
  "latency-over-old": {
    of: "latency-p95",
    made: (fresh: number, old: number): Reading => (old > 0 ? { known: true, value: fresh / old } : unknown("the old side's is 0")),
  },
} satisfies Partial<Record<BuiltInName, Comparison>>;

/** By a comparison's name what it compares. */
export const COMPARED: Partial<Record<BuiltInName, BuiltInName>> = Object.fromEntries(
  Object.entries(COMPARISONS).map(([name, { of }]) => [name, of]),
);

/** What a target measures itself: neither made of two others, nor known from the journals of other stacks, nor the user's own. */
export type MeasuredName = Exclude<BuiltInName, keyof typeof COMPARISONS | "staging-verified">;

/**
 * The new side compared with the old one, from an observation of each, or undefined for what is no comparison. It is as
 * old as the new side's: the old side is what it is held against, and its source may be minutes behind. Unknown when
 * either is (promise 10).
 */
export async function compared(
  name: ObservationName,
  observe: (name: ObservationName, side: Side) => Promise<Observation>,
): Promise<Observation | undefined> {
  const comparison: Comparison | undefined = (COMPARISONS as Partial<Record<ObservationName, Comparison>>)[name];
  if (comparison === undefined) return undefined;
  const [fresh, old] = await Promise.all([observe(comparison.of, "new"), observe(comparison.of, "old")]);
  const { at, delaySeconds } = fresh;
  const when = { at, ...(delaySeconds === undefined ? {} : { delaySeconds }) };
  const source = fresh.source === old.source ? fresh.source : `${fresh.source} and ${old.source}`;
  if (!fresh.reading.known) return { name, reading: unknown(`new side: ${fresh.reading.reason}`), ...when, source };
  if (!old.reading.known) return { name, reading: unknown(`old side: ${old.reading.reason}`), ...when, source };
  return { name, reading: comparison.made(fresh.reading.value, old.reading.value), ...when, source };
}

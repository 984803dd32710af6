/** One quantity measured several times. */
export interface Sample {
  median: number;
  /** First and third quartile: half of the measurements lie between. */
  low: number;
  high: number;
  values: number[];
}

/** The value below which a fraction of the values lies, between neighbours in proportion. */
export function quantile(values: readonly number[], fraction: number): number {
  if (values.length === 0) throw new Error("a quantile of no values");
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(at)] as number;
  const above = sorted[Math.ceil(at)] as number;
  return below + (above - below) * (at - Math.floor(at));
}

export const sampleOf = (values: number[]): Sample => ({
  median: quantile(values, 0.5),
  low: quantile(values, 0.25),
  high: quantile(values, 0.75),
  values,
});

/** Ratio by pairs: each measurement of ours by the one of theirs that was made right beside it. */
export const ratioOf = (ours: Sample, theirs: Sample): Sample => sampleOf(ours.values.map((v, i) => v / (theirs.values[i] as number)));

/** `k` of `value ~ size^k` between two sizes: 0 is flat, 1 is linear. */
export const exponentOf = (small: { size: number; value: number }, large: { size: number; value: number }): number =>
  Math.log(large.value / small.value) / Math.log(large.size / small.size);

/** Slopes of y over x between all pairs of points: their median is not moved by single outliers. */
export function slopesOf(points: readonly { x: number; y: number }[]): Sample {
  const slopes = points.flatMap((a, i) => points.slice(i + 1).flatMap((b) => (a.x === b.x ? [] : [(b.y - a.y) / (b.x - a.x)])));
  return quartersOf(slopes);
}

/** The same with its quartiles for values: of two ways that were not looked at equally often, those can be compared. */
export const quartersOf = (values: number[]): Sample => {
  const { median, low, high } = sampleOf(values);
  return { median, low, high, values: [low, median, high] };
};

/** Seconds that it takes. */
export async function seconds(operation: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await operation();
  return (performance.now() - began) / 1_000;
}

/**
 * Measures two ways of doing the same in turns, so that whatever else the machine does weighs on both alike; each
 * answers its own measurement. The first way of a pair is the second one of the next.
 */
export async function inTurns(
  times: number,
  ours: (round: number) => Promise<number>,
  theirs: (round: number) => Promise<number>,
): Promise<{ ours: Sample; theirs: Sample }> {
  const measured = { ours: [] as number[], theirs: [] as number[] };
  for (let round = 0; round < times; round += 1) {
    if (round % 2 === 0) measured.ours.push(await ours(round));
    measured.theirs.push(await theirs(round));
    if (round % 2 === 1) measured.ours.push(await ours(round));
  }
  return { ours: sampleOf(measured.ours), theirs: sampleOf(measured.theirs) };
}

import { known, type Reading, unknown } from "../../ports/observations.js";
import type { Sampled } from "./observations.js";
import { type PrometheusOptions, query, queryVector } from "./query.js";

/** What a gate of the user's own asks Prometheus. */
export interface OwnExpression {
  expression: string;
  /** Gives the number of samples. */
  samples?: string | undefined;
  leastSamples?: number | undefined;
}

/**
 * The value of an expression of the user's own: its one series, a finite number, of enough samples and not older than they are.
 * Several series, none, NaN or infinity are unknown: which of them would be meant, or whether nothing is good or bad, nobody
 * knows (promise 10).
 * @throws as `queryVector` does
 */
export async function ownExpression(
  options: PrometheusOptions,
  { expression, samples, leastSamples }: OwnExpression,
  windowSeconds: number,
): Promise<Sampled> {
  const inWindow = (text: string): string => text.replaceAll("$window", `${windowSeconds}s`);
  const reading = await only(options, "expression", inWindow(expression));
  if (!reading.known) return { reading, ageSeconds: 0 };
  if (samples !== undefined && leastSamples !== undefined) {
    const count = await only(options, "samples", inWindow(samples));
    if (!count.known) return { reading: count, ageSeconds: 0 };
    if (count.value < leastSamples) return { reading: unknown(`only ${Math.round(count.value)} samples in the window`), ageSeconds: 0 };
  }
  // A plain series keeps its last value for minutes after its target is gone; a rate over a window is as old as its window says.
  const age = await query(options, `time() - max(timestamp(\n${inWindow(expression)}\n))`);
  return { reading, ageSeconds: Math.max(0, age ?? 0) };
}

async function only(options: PrometheusOptions, what: string, expression: string): Promise<Reading> {
  const found = await queryVector(options, expression);
  const [first] = found;
  if (first === undefined) return unknown(`its ${what} gives no series`);
  if (found.length > 1) return unknown(`its ${what} gives ${found.length} series, and one is meant: sum, max or min makes one of them`);
  return Number.isFinite(first.value) ? known(first.value) : unknown(`its ${what} gives no finite number`);
}

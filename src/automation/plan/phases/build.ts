import { oldBalancerOf } from "../../../config/oldSide.js";
import type { StackConfig } from "../../../config/schema.js";
import type { Evidence } from "../../../ports/target.js";
import type { GateName } from "../../gates/catalogue.js";
import type { GateUse } from "../../gates/gate.js";
import type { WayBack } from "../step.js";

/** Small words that let the phase files read like the seed's chapters. */

export const NOTHING_TO_UNDO: WayBack = { summary: "Nothing to undo: it only looks, or writes a document.", loses: "nothing" };

export const earlierConfig = (summary = "The earlier stack config is applied again."): WayBack => ({ summary, loses: "nothing" });

/** No way back: only after the cleanup's approval (promise 4). */
export const NO_WAY_BACK: WayBack = {
  summary: "There is no way back: what is removed here is gone.",
  loses: "the old infrastructure",
  none: true,
};

export const gate = (name: GateName, holdSeconds = 0, extra: { expect?: number; timeoutSeconds?: number } = {}): GateUse => ({
  gate: name,
  holdSeconds,
  ...extra,
});

/** The gates that guard users on the new side. */
export const healthy = (holdSeconds: number): GateUse[] => [gate("error-rate", holdSeconds), gate("latency-p95", holdSeconds)];

/** The same, compared with the old side: only while that serves users too, and is measured. */
export const noWorse = (config: StackConfig, newWeight: number, holdSeconds: number): GateUse[] =>
  config.gates.compareWithOld && oldBalancerOf(config) !== undefined && newWeight < 100
    ? [gate("error-rate-over-old", holdSeconds), gate("latency-over-old", holdSeconds)]
    : [];

/** The way back over the promotion is whole: only where a person can decide, since going back automatically would not mend it. */
export const streaming = ({ database, gates }: StackConfig, holdSeconds: number): GateUse[] =>
  database !== undefined && gates.requireReverse ? [gate("reverse-lag", holdSeconds)] : [];

/** A section that the plan only asks for where it exists. */
export function need<T>(section: T | undefined, name: string): T {
  if (section === undefined) throw new Error(`the plan has a step that needs the config section ${name}`);
  return section;
}

export const hasOld = (c: StackConfig) => c.old !== undefined;
export const isStaging = (c: StackConfig) => c.application.environment === "staging";

/** Rows as a fixed-width text table for a journal file. */
export function table(header: string[], rows: (string | number | undefined)[][]): string {
  const cells = [header, ...rows.map((r) => r.map((c) => (c === undefined ? "-" : String(c))))];
  const widths = header.map((_, i) => Math.max(...cells.map((r) => r[i]?.length ?? 0)));
  const line = (r: string[]) =>
    r
      .map((c, i) => c.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(header), widths.map((w) => "-".repeat(w)).join("  "), ...cells.slice(1).map(line)].join("\n").concat("\n");
}

export const found = (what: string, header: string[], rows: (string | number | undefined)[][], file: string): Evidence => ({
  summary: rows.length === 1 ? `1 ${what} found` : `${rows.length} ${what}s found`,
  facts: { count: rows.length },
  files: { [file]: table(header, rows) },
});

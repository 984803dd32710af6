import type { StackConfig } from "../../../config/schema.js";
import { mostToCompare } from "../../../config/writePause.js";
import { Terminal } from "../../../errors.js";
import { counted } from "../../../lib/plural.js";
import type { Step } from "../step.js";
import { NOTHING_TO_UNDO, need } from "./build.js";

/** Of the guide's risk table. */
export const RISK = "Data consistency: potential for data loss during cutover";

/** All rows, while the application runs: the pause has only what changed since, and its length is known before anybody says go. */
export const compareAhead = (config: StackConfig): Step => ({
  id: "database.compare-ahead",
  phase: "database",
  kind: "action",
  title: "Compare both databases while the application runs",
  seed: RISK,
  wayBack: NOTHING_TO_UNDO,
  run: async ({ target, effect, config: now }) => {
    const { differences, seconds, ...evidence } = await target.data.compareAhead(effect);
    requireEqual(config, differences);
    const most = mostToCompare(now);
    if (seconds > most)
      throw new Terminal(
        `Comparing both databases with writes stopped would take about ${Math.ceil(seconds)} s, and may take ${most} s of the pause of ${now.database?.writePauseSeconds} s. ${evidence.summary}`,
        { next: "Mend what it names, or raise database.writePauseSeconds to what users bear; then try again." },
      );
    return evidence;
  },
});

/** With writes stopped. */
export const verifyData = (config: StackConfig, undoFrom: string): Step => {
  const { source } = need(config.database, "database");
  return {
    id: "database.verify-data",
    phase: "database",
    kind: "action",
    title: "Compare schema, row counts and checksums of both databases",
    seed: RISK,
    wayBack: NOTHING_TO_UNDO,
    undoFrom,
    inWritePause: true,
    run: async ({ target, effect }) => {
      const { differences, ...evidence } = await target.data.compare(effect);
      requireEqual(config, differences);
      // Once more over the whole of the comparison: the promotion follows at once.
      const { reading } = await target.observer.observe("writes-stopped", undefined, 0);
      if (!reading.known || reading.value !== 1)
        throw new Terminal(
          `${source.identifier} was written to, or may have been, since writes were stopped${reading.known ? "" : `: ${reading.reason}`}.`,
        );
      return evidence;
    },
  };
};

function requireEqual({ database }: StackConfig, differences: number): void {
  const { source, target } = need(database, "database");
  if (differences > 0)
    throw new Terminal(`${counted(differences, "row differs", "rows differ")} between ${source.identifier} and ${target.identifier}`, {
      next: "Read the comparison's report before trying again.",
    });
}

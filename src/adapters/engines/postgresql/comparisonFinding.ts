import { mostOfPause } from "../../../config/writePause.js";
import type { ReadinessFinding } from "../../../ports/readiness.js";
import type { ComparisonAhead } from "./comparisonAhead.js";

/** Below this part of the pause it is not worth a line. */
const WORTH = 0.1;

/**
 * What the readiness report says of a comparison that has to read everything with writes stopped: its length grows with the
 * data, so it is measured on the replica and held against the pause that users bear.
 */
export async function comparisonFindings(ahead: ComparisonAhead, writePauseSeconds: number): Promise<ReadinessFinding[]> {
  const obstacle = await ahead.obstacle({ mayMake: true });
  if (obstacle === undefined) return [];
  const { seconds, gigabytes } = await ahead.reading();
  if (seconds < writePauseSeconds * WORTH) return [];
  const fits = seconds <= mostOfPause(writePauseSeconds);
  const length = `about ${Math.ceil(seconds)} s for ${Math.ceil(gigabytes * 10) / 10} GB, of a pause of ${writePauseSeconds} s`;
  return [
    {
      kind: fits ? "slows" : "refuses",
      what: "the comparison",
      means: `all rows are read with writes stopped, ${length}: ${obstacle.why}`,
      cure: `${obstacle.cure}; or database.writePauseSeconds = ${Math.ceil(seconds / mostOfPause(1))} or more`,
    },
  ];
}

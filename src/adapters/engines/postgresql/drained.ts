import { counted } from "../../../lib/plural.js";
import { type CompareProgress, compareDatabases, comparisonReport } from "./compare.js";
import type { SqlEndpoint } from "./session.js";

/** Nobody can write meanwhile: what was not read by then is said, and holds up nobody. */
const MOST_MS = 60_000;

export interface AfterDrain {
  summary: string;
  rows: number;
  differences: number;
  /** False where the time did not suffice for all tables. */
  whole: boolean;
  report: string;
}

class OutOfTime extends Error {}

/**
 * Reads both databases row by row before the old one takes over. A difference does not keep it from that, since nobody
 * could write then; it is said, and the promoted database keeps its rows.
 */
export async function compareDrained(promoted: SqlEndpoint, old: SqlEndpoint, mostMs = MOST_MS): Promise<AfterDrain> {
  const until = Date.now() + mostMs;
  let last: CompareProgress = { done: [] };
  const compared = await compareDatabases(promoted, old, {
    rest: 0,
    onProgress: async (progress) => {
      last = progress;
      if (Date.now() > until) throw new OutOfTime();
    },
  }).catch((error: Error) => error);
  const tables = compared instanceof Error ? last.done : compared.tables;
  const whole = !(compared instanceof Error);
  const rows = tables.reduce((sum, t) => sum + t.sourceRows, 0);
  const differing = tables.filter((t) => t.differences > 0);
  const differences = differing.reduce((sum, t) => sum + t.differences, 0);
  const why = compared instanceof Error && !(compared.cause instanceof OutOfTime) ? compared.message : "";
  const found =
    differences === 0
      ? "no difference"
      : `${counted(differences, "row differs", "rows differ")}, in ${differing.map((t) => t.table).join(", ")}; the promoted database keeps them`;
  return {
    summary: `${tables.length} tables with ${rows} rows compared afterwards: ${found}.${whole ? "" : ` The others were not compared${why === "" ? "" : ` (${why})`}: it is not known what they lack.`}`,
    rows,
    differences,
    whole,
    report: comparisonReport(whole ? compared : { tables, schema: [], rows, differences }),
  };
}

import { counted } from "../../../lib/plural.js";
import type { Evidence } from "../../../ports/target.js";
import type { Passed } from "./ahead.js";
import { type Comparison, comparisonReport } from "./compare.js";
import type { Ahead } from "./comparisonAhead.js";

const differing = (differences: number): string => (differences === 0 ? "no difference" : counted(differences, "difference"));
const inSeconds = (seconds: number): string => `${seconds < 10 ? Math.ceil(seconds * 10) / 10 : Math.ceil(seconds)} s`;

/** Of all tables, while the application ran. */
export function aheadEvidence({ passed, passes, seconds, whole }: Ahead): Evidence & { differences: number; seconds: number } {
  if (passed === undefined)
    return {
      summary: `Nothing was compared ahead: ${whole?.why}. With writes stopped all of it is read, ${Math.ceil((whole?.gigabytes ?? 0) * 10) / 10} GB: about ${inSeconds(seconds)}.${whole === undefined ? "" : ` What mends it: ${whole.cure}.`}`,
      facts: { ahead: false, seconds, ...(whole === undefined ? {} : { why: whole.why }) },
      differences: 0,
      seconds,
    };
  const { tables, rows, differences } = passed.comparison;
  return {
    summary: `${counted(tables.length, "table")} with ${counted(rows, "row")} compared while the application runs, ${differing(differences)}; what changed since is compared again with writes stopped: about ${inSeconds(seconds)}.`,
    facts: { ahead: true, tables: tables.length, rows, differences, passes, seconds, position: passed.state.position },
    files: { "comparison.md": comparisonReport(passed.comparison) },
    differences,
    seconds,
  };
}

/** Of what was touched since, with writes stopped. */
export function changedEvidence({ comparison, took, state }: Passed): Evidence & { differences: number } {
  const { rows, differences } = comparison;
  const tables = state.tables.size;
  return {
    summary: `${counted(tables, "table")} compared: what changed since the comparison ahead, ${counted(took.blocks, "block")} with ${counted(rows, "row")}, in ${inSeconds(took.seconds)}, ${differing(differences)}.`,
    facts: { ahead: true, tables, rows, blocks: took.blocks, seconds: took.seconds, position: state.position, differences },
    files: { "comparison.md": comparisonReport(comparison) },
    differences,
  };
}

/** Of everything, with writes stopped. */
export function comparedEvidence(result: Comparison): Evidence & { differences: number } {
  const { tables, rows, differences } = result;
  return {
    summary: `${counted(tables.length, "table")} with ${counted(rows, "row")} compared, ${differing(differences)}.`,
    facts: { tables: tables.length, rows, differences },
    files: { "comparison.md": comparisonReport(result) },
    differences,
  };
}

import { appendFile } from "node:fs/promises";

/** One row of the fault table: what was broken on purpose in a test run, how often, and what came of it. */
export interface Finding {
  fault: string;
  where: string;
  tried: number;
  outcome: string;
}

/** Keeps a row for `npm run reliability`, which writes docs/reliability.md from a test run; nothing otherwise. */
export async function recordFinding(finding: Finding): Promise<void> {
  const file = process.env.CUTOVER_FINDINGS;
  if (file !== undefined && file !== "") await appendFile(file, `${JSON.stringify(finding)}\n`);
}

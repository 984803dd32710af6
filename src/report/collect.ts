import type { Migrations } from "../automation/migrations.js";
import { buildReport, type Report } from "./report.js";
import { SCORED_GATES, scorecard } from "./scorecard.js";

/** The report of some migrations as they are now: their journals, the goals measured now, and the verification made now. */
export async function collectReport(migrations: Migrations, stacks: string[]): Promise<Report> {
  const inputs = await Promise.all(
    stacks.map(async (stack) => {
      const { plan, state } = await migrations.get(stack);
      const entries = await migrations.journal(stack);
      const goals = scorecard({ plan, state, ...(await migrations.observeNow(stack, SCORED_GATES)) });
      const verification = { at: Date.now(), faults: await migrations.verify(stack) };
      return { stack, plan, entries, scorecard: goals, verification };
    }),
  );
  return buildReport(inputs);
}

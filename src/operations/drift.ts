import type { Migrations } from "../automation/migrations.js";
import type { Queue } from "../database/queue.js";
import { Conflict } from "../errors.js";

const ROUND = "drift-round";
const LOOK = "drift-look";
const TRIES = { retryLimit: 2, retryDelaySeconds: 60 };

/**
 * Compares every stack with what is really there, at each time of a cron line: one process makes the round, any of them
 * takes a stack. What is found stands in the journal; nothing is repaired.
 */
export async function lookForDriftOften(cron: string, migrations: Migrations, queue: Queue): Promise<void> {
  await queue.work<{ stack: string }>(LOOK, async ({ stack }) => {
    await migrations.lookForDrift(stack).catch((error: Error) => {
      // It moves; the next round looks again.
      if (!(error instanceof Conflict)) throw error;
    });
  });
  await queue.work(ROUND, async () => {
    // One that cannot be read is told of, and holds up no other.
    for (const { stack } of await migrations.list((unread, error) => migrations.fail(unread, error)))
      await queue.send(LOOK, { stack }, { key: stack, ...TRIES });
  });
  await queue.schedule(ROUND, cron, {});
}

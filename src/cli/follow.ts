import type { Migration } from "../client/generated.js";
import { Transient } from "../errors.js";
import type { ServiceClient } from "./client.js";
import { EXIT } from "./exitCodes.js";
import { say } from "./output.js";
import { printer } from "./progress.js";

/** What runs is told by events; this is for what no event tells. */
const LOOK_MS = 2_000;
/** Nothing tells when its process has let go of what waits for somebody. */
const SOON_MS = 500;
/** A migration that should run and that nobody runs for so long stands still. */
const ABANDONED_MS = 60_000;

/** Statuses in which something is under way. */
const MOVING = ["running", "returning"];

/**
 * Tells on standard error what a migration does, until it waits for somebody or is over. Ending this ends the watching
 * only: the service goes on.
 * @param after number of the newest entry that is known already
 */
export async function follow(client: ServiceClient, stack: string, after: number): Promise<Migration> {
  const out = printer(process.stderr, process.stderr.columns);
  let seen = after;
  let moved = Date.now();
  const stop = (): void => {
    say(`\nNo longer watching; ${stack} goes on. To stop it: cutover pause ${stack}`);
    process.exit(EXIT.interrupted);
  };
  // Not once: a second Ctrl-C while it ends would end it without this exit code.
  process.on("SIGINT", stop);
  const news = client.news(stack);
  try {
    for (;;) {
      const view = await client.getMigration(stack);
      for (const entry of await client.journal(stack, seen)) {
        out.entry(stack, entry);
        seen = entry.seq;
        moved = Date.now();
      }
      // The view is older than the entries: only one that knows them all tells where it stands.
      if (!view.running && !MOVING.includes(view.status) && view.edit === undefined && view.lastSeq >= seen) return view;
      if (!view.running && Date.now() - moved > ABANDONED_MS)
        throw new Transient(`${stack} is ${view.status}, and nothing has happened for ${ABANDONED_MS / 1_000} s.`, {
          next: "Look at the service's log; the next command or start of the service tries again.",
        });
      await news.next(MOVING.includes(view.status) ? LOOK_MS : SOON_MS);
    }
  } finally {
    news.end();
    process.off("SIGINT", stop);
  }
}

/** Whoever asked for progress learns from the exit code that it stopped for a person. */
export function exitAs({ status }: Pick<Migration, "status">): void {
  if (status === "held" || status === "paused") process.exitCode = EXIT.held;
}

import type { Reading, Side } from "../../../ports/observations.js";
import type { DataPort, Evidence } from "../../../ports/target.js";
import { tableName, tablesOf } from "./catalog.js";
import { type CompareOptions, type CompareProgress, compareDatabases, comparisonReport } from "./compare.js";
import { type Ended, obstacleToReverse, obstacleToSubscription, startReverse, stopReverse } from "./reverse.js";
import { watchReverse } from "./reverseLag.js";
import { inSession, type SqlEndpoint } from "./session.js";
import { isPrimary, obstacleToStopping, replicaLag, setWrites, verifyReadWrite, writesStopped } from "./writes.js";

export interface SqlDataOptions {
  /** Where a side's database is now, with the user that administers it. */
  endpoint: (side: Side) => Promise<SqlEndpoint>;
  /** How the old database's server reaches the new one, when that is another address than ours. */
  publisher?: () => Promise<SqlEndpoint>;
  /** Keeps how far a comparison is, by the effect's key, so that it goes on after an interruption. */
  progress?: { load(key: string): Promise<CompareProgress | undefined>; save(key: string, progress: CompareProgress): Promise<void> };
  compare?: Pick<CompareOptions, "chunkRows" | "rest" | "examples">;
}

/** The data port over PostgreSQL itself. Every effect looks first whether it is there already, so it can be asked again. */
export function sqlDataPort({ endpoint, publisher, progress, compare = {} }: SqlDataOptions): DataPort {
  const bothSides = () => Promise.all([endpoint("old"), endpoint("new")]);
  return {
    setWrites: async (side, allowed) => {
      const there = await endpoint(side);
      const { ended, left } = await setWrites(there, allowed);
      // Not worth failing for: writes are allowed, and these sessions are only late to know.
      const late = left.length === 0 ? "" : ` Sessions of ${left.join(", ")} could not be, and may refuse writes until they connect again.`;
      return {
        summary: `${there.database} on ${there.host} ${allowed ? "accepts" : "refuses"} writes; ${ended} sessions were ended.${late}`,
        facts: { sessionsEnded: ended },
      };
    },
    testReplica: async () => {
      const replica = await endpoint("new");
      const { tables, level, stopping } = await inSession(replica, async (session) => {
        const found = await tablesOf(session);
        for (const table of found) await session.rows(`SELECT * FROM ${tableName(table)} LIMIT 1`);
        return {
          tables: found.length,
          level: await obstacleToReverse(session),
          stopping: await obstacleToStopping(session, replica.user),
        };
      });
      const stream = level ?? (await obstacleToSubscription(await endpoint("old"), (await publisher?.()) ?? replica));
      // Known before anybody approves the cutover: afterwards it would be too late to mend.
      const warnings = [
        ...(stream === undefined ? [] : [`Its changes could not stream back after a promotion: ${stream}.`]),
        ...(stopping === undefined ? [] : [`Writes could not surely be stopped: ${stopping}.`]),
      ];
      return {
        summary: [`All ${tables} tables can be read at ${replica.host}.`, ...warnings].join(" "),
        facts: { tables, streamsBack: stream === undefined, stopsWrites: stopping === undefined },
      };
    },
    compare: async ({ key }) => {
      const [old, fresh] = await bothSides();
      const resume = await progress?.load(key);
      const result = await compareDatabases(old, fresh, {
        ...compare,
        ...(resume === undefined ? {} : { resume }),
        ...(progress === undefined ? {} : { onProgress: (at) => progress.save(key, at) }),
      });
      const { tables, rows, differences } = result;
      return {
        summary: `${tables.length} tables with ${rows} rows compared, ${differences === 0 ? "no difference" : `${differences} differences`}.`,
        facts: { tables: tables.length, rows, differences },
        files: { "comparison.md": comparisonReport(result) },
        differences,
      };
    },
    verifyReadWrite: async () => {
      const fresh = await endpoint("new");
      await verifyReadWrite(fresh);
      return { summary: `A row was written to ${fresh.database} on ${fresh.host}, read and removed.` };
    },
    startReverseReplication: async (): Promise<Evidence & { supported: boolean }> => {
      const [old, fresh] = await bothSides();
      const started = await startReverse(fresh, old, await publisher?.());
      if (!started.supported)
        return {
          summary: `Changes of ${fresh.host} cannot stream back: ${started.reason}. Going back loses what is written after the promotion.`,
          facts: { supported: false, reason: started.reason },
          supported: false,
        };
      return {
        summary:
          started.tables === 0
            ? `${fresh.host} has no tables: nothing has to stream back to ${old.host}.`
            : `${started.tables} tables of ${fresh.host} stream back to ${old.host}.`,
        facts: { tables: started.tables },
        supported: true,
      };
    },
    stopReverseReplication: async (_, options) => {
      const [old, fresh] = await bothSides();
      const ended = await stopReverse(fresh, old, options);
      return { summary: summaryOf(ended, old.host), facts: { sequences: ended.sequences } };
    },
  };
}

function summaryOf({ drained, sequences }: Ended, host: string): string {
  if (drained === "not asked") return `The stream back to ${host} was ended as it was.`;
  if (drained === "nothing") return `Nothing streams back to ${host}: there was nothing to drain.`;
  if (drained === "before") return `The stream back to ${host} was ended; it had been drained before.`;
  return `The stream back to ${host} was drained and ended; ${sequences} sequences were carried over.`;
}

/** The observations that databases themselves answer. */
export function sqlObservations({
  endpoint,
}: Pick<SqlDataOptions, "endpoint">): Record<
  "replica-lag" | "writes-stopped" | "database-primary" | "reverse-lag",
  () => Promise<Reading>
> {
  const reverseLag = watchReverse();
  return {
    "reverse-lag": async () => reverseLag(await endpoint("new"), await endpoint("old")),
    "replica-lag": async () => replicaLag(await endpoint("old"), await endpoint("new")),
    "writes-stopped": async () => writesStopped(await endpoint("old")),
    "database-primary": async () => isPrimary(await endpoint("new")),
  };
}

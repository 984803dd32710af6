import { Transient } from "../../../errors.js";
import { counted } from "../../../lib/plural.js";
import type { Reading, Side } from "../../../ports/observations.js";
import { type ReadinessFinding, worstFirst } from "../../../ports/readiness.js";
import type { DataPort, Effect, Evidence } from "../../../ports/target.js";
import { type DatabaseOptions, type DatabaseReading, NoAddress } from "../engine.js";
import { levelOf } from "./barrier.js";
import { tableName, tablesOf } from "./catalog.js";
import { makeLogReadable } from "./changeLog.js";
import { type CompareOptions, type CompareProgress, compareDatabases } from "./compare.js";
import { ComparisonAhead } from "./comparisonAhead.js";
import { aheadEvidence, changedEvidence, comparedEvidence } from "./comparisonEvidence.js";
import { comparisonFindings } from "./comparisonFinding.js";
import { type Drift, losing, namedDrift, otherwise } from "./drift.js";
import { fenceOff } from "./guard.js";
import { readinessOf, readinessReport, sentenceOf } from "./readiness.js";
import { type Ended, startReverse, stopReverse } from "./reverse.js";
import { watchReverse } from "./reverseLag.js";
import { inSession, type SqlEndpoint } from "./session.js";
import { watchStopped } from "./stopped.js";
import type { Limits } from "./throttle.js";
import { reportReadiness, watchReadiness } from "./watch.js";
import { handBack } from "./wayBack.js";
import { allowReading, allowWrites, isPrimary, replicaLag, stopWrites, verifyReadWrite } from "./writes.js";

export interface SqlDataOptions extends DatabaseOptions {
  /** How the old database's server reaches the new one, when that is another address than ours. */
  publisher?: () => Promise<SqlEndpoint>;
  compare?: Pick<CompareOptions, "chunkRows" | "rest" | "examples">;
  /** What the comparison ahead of the window takes from the servers at most. */
  limits?: Limits;
  /** Seconds until a stream back is given up to drain. @default 120 */
  drainSeconds?: number;
}

/** One a pair of databases, whoever asks: the data port, what is observed, and the readiness report. */
const AHEAD = new WeakMap<SqlDataOptions["endpoint"], ComparisonAhead>();

function aheadOf({ endpoint, progress, limits }: SqlDataOptions): ComparisonAhead {
  const known = AHEAD.get(endpoint);
  if (known !== undefined) return known;
  const made = new ComparisonAhead({
    endpoints: () => Promise.all([endpoint("old"), endpoint("new")]),
    ...(progress === undefined ? {} : { keep: progress }),
    ...(limits === undefined ? {} : { limits }),
  });
  AHEAD.set(endpoint, made);
  return made;
}

/** The data port over PostgreSQL itself. Every effect looks first whether it is there already, so it can be asked again. */
export function sqlDataPort(options: SqlDataOptions): DataPort {
  const { endpoint, publisher, progress, compare = {}, applicationUser, schemaChanges, drainSeconds } = options;
  const ahead = aheadOf(options);
  const application = applicationUser === undefined ? {} : { applicationUser };
  const report = reportReadiness(
    () => findingsOf(options),
    () => isPast(options),
  );
  const bothSides = () => Promise.all([endpoint("old"), endpoint("new")]);
  return {
    setWrites: async (side, allowed, effect) => {
      const there = await endpoint(side);
      const other = side === "old" ? "new" : "old";
      const beside = allowed ? await secured(await endpoint(other).catch(() => undefined), there, other, effect) : [];
      const { ended, notes } = allowed
        ? await allowWrites(there, effect)
        : await stopWrites(there, effect, { ...application, goingBack: side === "new" });
      return {
        summary: [
          `${there.database} on ${there.host} ${allowed ? "accepts" : "refuses"} writes; ${counted(ended, "session was", "sessions were")} ended.`,
          ...notes,
          ...beside,
        ].join(" "),
        facts: { sessionsEnded: ended },
      };
    },
    readiness: report,
    testReplica: async () => {
      const replica = await endpoint("new");
      const tables = await inSession(replica, async (session) => {
        const found = await tablesOf(session);
        for (const table of found) await session.rows(`SELECT * FROM ${tableName(table)} LIMIT 1`);
        return found.length;
      });
      const findings = await findingsOf(options);
      const streamsBack = !findings.some((f) => f.stops === "the stream back");
      const stopsWrites = !findings.some((f) => f.stops === "stopping writes");
      // Known before anybody approves the cutover: afterwards it would be too late to mend.
      return {
        summary: [`All ${tables} tables can be read at ${replica.host}.`, ...findings.map(sentenceOf)].join(" "),
        facts: { tables, streamsBack, stopsWrites, ...(findings.length === 0 ? {} : { findings }) },
        files: { "readiness.md": readinessReport(findings) },
      };
    },
    compareAhead: async (effect) => {
      const [old] = await bothSides();
      await makeLogReadable(old, effect);
      return aheadEvidence(await ahead.run(effect.signal));
    },
    compare: async ({ key, signal }) => {
      const changed = await ahead.finish(signal);
      if (changed !== undefined) return changedEvidence(changed);
      const [old, fresh] = await bothSides();
      const resume = (await progress?.load(key)) as CompareProgress | undefined;
      const result = await compareDatabases(old, fresh, {
        rest: 0,
        ...compare,
        ...(signal === undefined ? {} : { signal }),
        ...(resume === undefined ? {} : { resume }),
        ...(progress === undefined ? {} : { onProgress: (at) => progress.save(key, at) }),
      });
      return comparedEvidence(result);
    },
    verifyReadWrite: async (effect) => {
      const fresh = await endpoint("new");
      await verifyReadWrite(fresh, effect);
      return { summary: `A row was written to ${fresh.database} on ${fresh.host}, read and removed.` };
    },
    startReverseReplication: async (effect): Promise<Evidence & { supported: boolean }> => {
      const [old, fresh] = await bothSides();
      await fenceOff(old, effect);
      await fenceOff(fresh, effect);
      const started = await startReverse(fresh, old, await publisher?.());
      // From here on what reaches the promoted database reaches the old one too: pods may become ready on it.
      await allowReading(fresh, effect);
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
            : `${counted(started.tables, `table of ${fresh.host} streams`, `tables of ${fresh.host} stream`)} back to ${old.host}.${notCarried("Going back loses what is written to", started.left)}`,
        facts: { tables: started.tables, ...(started.left.length === 0 ? {} : { left: started.left }) },
        supported: true,
      };
    },
    stopReverseReplication: async (effect, { refuseWrites = false, ...options } = {}) => {
      const [old, fresh] = await bothSides();
      const end = () =>
        stopReverse(fresh, old, {
          ...options,
          ...(drainSeconds === undefined ? {} : { timeoutSeconds: drainSeconds }),
          schemaChanges: schemaChanges?.() ?? "hold",
          handsOver: refuseWrites,
          effect,
        });
      // On the old one: what is written to the promoted one has to be drained.
      if (!refuseWrites) await fenceOff(old, effect);
      const ended = await (refuseWrites ? handBack(fresh, old, effect, end) : end());
      return {
        summary: `${summaryOf(ended, old.host)}${ended.remains === undefined ? "" : ` Something of it is left: ${ended.remains}`}`,
        facts: {
          sequences: ended.sequences.carried,
          ...(ended.sequences.left.length === 0 ? {} : { left: ended.sequences.left }),
          ...(losing(ended.drift).length === 0 ? {} : { drift: losing(ended.drift) }),
          ...(otherwise(ended.drift).length === 0 ? {} : { otherwise: otherwise(ended.drift) }),
          ...(ended.compared === undefined ? {} : { rows: ended.compared.rows, differences: ended.compared.differences }),
        },
        ...(ended.compared === undefined ? {} : { files: { "after-draining.md": ended.compared.report } }),
      };
    },
  };
}

/**
 * Before one side accepts writes, the other one is told of the runner that is in charge, and where the old side takes over
 * the promoted one is closed, whatever was done to it since. A side that cannot be reached holds up nothing: it is said.
 */
async function secured(other: SqlEndpoint | undefined, there: SqlEndpoint, side: Side, effect: Effect): Promise<string[]> {
  if (other === undefined || (other.host === there.host && other.port === there.port)) return [];
  try {
    if (!(await inSession(other, (session) => session.value<boolean>("SELECT NOT pg_is_in_recovery()")))) return [];
    if (side === "old") await fenceOff(other, effect);
    else await stopWrites(other, effect, { goingBack: true });
    return [];
  } catch (error) {
    if (!(error instanceof Transient)) throw error;
    return [`The ${side} database could not be asked: ${error.message}`];
  }
}

function summaryOf({ drained, sequences, drift, compared }: Ended, host: string): string {
  if (drained === "not asked") return `The stream back to ${host} was ended as it was.`;
  if (drained === "nothing") return `Nothing streams back to ${host}: there was nothing to drain.`;
  if (drained === "before") return `The stream back to ${host} was ended; it had been drained before.`;
  return `The stream back to ${host} was drained and ended; ${sequences.carried} sequences were carried over.${notCarried("Not carried over:", sequences.left)}${named("Lost on the old database", losing(drift))}${named("Otherwise on the old database", otherwise(drift))}${compared === undefined ? "" : ` ${compared.summary}`}`;
}

const named = (what: string, drift: Drift[]): string => (drift.length === 0 ? "" : ` ${what}: ${namedDrift(drift)}.`);

/** What is left behind, each with why, as a sentence of its own. */
const notCarried = (what: string, left: { name: string; why: string }[]): string =>
  left.length === 0 ? "" : ` ${what} ${left.map((l) => `${l.name} (${l.why})`).join(", ")}.`;

/** The observations that databases themselves answer. */
export function sqlObservations(options: SqlDataOptions): Record<DatabaseReading, () => Promise<Reading>> {
  const { endpoint, schemaChanges } = options;
  const ahead = aheadOf(options);
  const reverseLag = watchReverse(schemaChanges);
  const stopped = watchStopped();
  return {
    "reverse-lag": async () => reverseLag(await endpoint("new"), await endpoint("old")),
    "replica-lag": async () => replicaLag(await endpoint("old"), await endpoint("new")),
    "writes-stopped": async () => stopped(await endpoint("old")),
    "database-primary": async () => isPrimary(await endpoint("new")),
    "comparison-pause": () => ahead.look(),
  };
}

/** What of the databases refuses the move as things are; undefined when nothing does, or writes are stopped already. */
export const sqlReadiness = (options: SqlDataOptions): (() => Promise<string | undefined>) =>
  watchReadiness(
    () => findingsOf(options),
    () => isPast(options),
  );

async function findingsOf(options: SqlDataOptions): Promise<ReadinessFinding[]> {
  const { endpoint, publisher, applicationUser, writePauseSeconds } = options;
  const replica = await endpoint("new").catch(absent);
  const stands = replica === undefined ? undefined : await publisher?.();
  const findings = await readinessOf(await endpoint("old"), replica, {
    ...(applicationUser === undefined ? {} : { applicationUser }),
    ...(stands === undefined ? {} : { publisher: stands }),
  });
  // Of a replica: what takes how long is measured there.
  const pause = writePauseSeconds?.();
  const replicates = replica !== undefined && (await inSession(replica, (s) => s.value<boolean>("SELECT pg_is_in_recovery()")));
  return pause === undefined || !replicates ? findings : worstFirst([...findings, ...(await comparisonFindings(aheadOf(options), pause))]);
}

/** Nobody tells of readiness any more: the new database is no replica, or writes are stopped. */
async function isPast({ endpoint }: SqlDataOptions): Promise<boolean> {
  const fresh = await endpoint("new").catch(absent);
  if (fresh !== undefined && !(await inSession(fresh, (session) => session.value<boolean>("SELECT pg_is_in_recovery()")))) return true;
  return (await inSession(await endpoint("old"), levelOf)) !== undefined;
}

/** A replica that is not there yet has no address. */
function absent(error: Error): undefined {
  if (error instanceof NoAddress) return undefined;
  throw error;
}

import { movedFoldersOf } from "../../../config/movedFolders.js";
import type { StackConfig } from "../../../config/schema.js";
import { known, type Reading, unknown } from "../../../ports/observations.js";
import { isActive } from "../../faults.js";
import { pauseToCompare } from "../comparison.js";
import { filesDiffering } from "../files.js";
import { databaseOf, isReplica } from "../find.js";
import { noise, type WorldState } from "../state.js";
import { SECOND, type Signals, yes } from "./signal.js";

/** Until what streams back is mended. */
const REVERSE_MENDED = 180 * SECOND;
const DAY = 86_400 * SECOND;

export const databaseSignals = {
  "replica-available": ({ state }) => yes(isReplica(databaseOf(state))),
  "replica-lag": ({ state }) => (isReplica(databaseOf(state)) ? known(replicaLag(state, state.now)) : unknown("there is no replica")),
  "database-primary": ({ state }) => {
    const database = databaseOf(state);
    return yes(database !== undefined && !isReplica(database));
  },
  "backup-retention": ({ state }) => known(Number(databaseOf(state)?.inputs.backupRetentionPeriod ?? 0)),
  "database-protected": ({ state, config }) => {
    const inputs = databaseOf(state)?.inputs;
    const kept = Number(inputs?.backupRetentionPeriod ?? 0) >= (config.database?.backup.retentionDays ?? 0);
    return yes(inputs?.deletionProtection === true && kept);
  },
  "backup-age": ({ state, config }) => backupAge(state, config),
  "writes-stopped": ({ state }) => yes(!state.writes.old),
  "comparison-pause": ({ state, config }) =>
    isReplica(databaseOf(state)) ? known(pauseToCompare(state, config)) : unknown("there is no replica"),
  "files-differing": ({ state, config, side = "old" }) =>
    movedFoldersOf(config).length === 0 ? unknown("no volume has files that move") : known(filesDiffering(state, config, side)),
  "reverse-lag": ({ state }) => {
    if (!state.reverseReplication) return unknown("nothing streams back to the old database");
    return known(isReverseLost(state) ? -1 : Math.round(noise(state.seed, "reverse", state.now) * 20) / 10);
  },
} satisfies Signals;

/** The first backup begins when backups do, the others a day apart; each takes as long as the database is large. */
function backupAge(state: WorldState, config: StackConfig): Reading {
  const database = databaseOf(state);
  const begun = database?.backupsSince;
  const takes = backupSeconds(config) * SECOND;
  if (begun === undefined || state.now < begun + takes) return unknown("the database has no completed backup yet");
  return known(((state.now - begun - takes) % DAY) / SECOND + takes / SECOND);
}

/** Of a whole database: snapshots copy about half a gigabyte a second, and take minutes for the smallest. */
export const backupSeconds = ({ database }: StackConfig): number => 120 + (database?.source.sizeGb ?? 100) * 2;

/** Seconds. While writes run it wavers; once they stop it drains to exactly 0. */
export function replicaLag(state: WorldState, at: number): number {
  if (state.writes.old || state.writesStoppedAt === undefined) return Math.round((0.3 + noise(state.seed, "lag", at) * 2.6) * 10) / 10;
  const spike = isActive(state.faults, "lag-spike");
  const [from, drains] = spike ? [45, 240] : [3, 4];
  const left = from * (1 - (at - state.writesStoppedAt) / SECOND / drains);
  return left <= 0 ? 0 : Math.ceil(left * 10) / 10;
}

/** Somebody mends it after a while, unless the fault says that nobody does. */
export function isReverseLost({ reverseLostAt, faults, now }: WorldState): boolean {
  if (reverseLostAt === undefined) return false;
  return faults.some((f) => f.name === "lost-reverse" && f.always) || now - reverseLostAt < REVERSE_MENDED;
}

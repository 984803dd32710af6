import type { StackConfig } from "../../../config/schema.js";
import { groupsOf, shiftOf } from "../../../config/shift.js";
import { known } from "../../../ports/observations.js";
import { newShare } from "../share.js";
import type { WorldState } from "../state.js";
import { requests } from "./requests.js";
import { SECOND, type Signals, yes } from "./signal.js";

/** Until a snapshot is available. */
const SNAPSHOT = 600 * SECOND;

export const cleanupSignals = {
  "snapshot-available": ({ state }) => yes(Object.values(state.snapshots).some((at) => state.now - at >= SNAPSHOT)),
  "security-groups-users": ({ state, config }) => known(securityGroupUsers(state, config)),
  "old-load-balancer-users": ({ state, config, windowSeconds }) => {
    const left = Math.round(requests(state, config, "old", Math.min(windowSeconds, (state.now - lastMoved(state)) / SECOND)));
    return known(state.old.loadBalancer && left > config.cleanup.toleratedRequests ? left : 0);
  },
  "old-instances-users": ({ state, config }) => {
    const { instances } = state.old;
    return known(instances.length > 0 && newShare(state, state.now) < 0.999 && shiftOf(config) !== undefined ? instances.length : 0);
  },
  "old-database-users": ({ state, config }) => yes(state.old.database && config.database !== undefined && state.old.uses === "old"),
} satisfies Signals;

/** Who was told of the old side before the last change of weights asks there no longer than a TTL. */
const lastMoved = (state: WorldState): number => state.dns.at(-1)?.at ?? state.now;

/** A database that the stack config does not name as old stays, and has groups of its own. */
function securityGroupUsers({ old }: WorldState, config: StackConfig): number {
  const database = old.database && config.old?.databaseIdentifier !== undefined;
  // One that stays keeps groups that are not asked for.
  return old.instances.length + (old.loadBalancer && groupsOf(config) === undefined ? 1 : 0) + (database ? 1 : 0);
}

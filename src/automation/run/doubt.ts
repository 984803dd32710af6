import { configDigest } from "../../config/rawConfig.js";
import { SHIFTS, shiftOf } from "../../config/shift.js";
import type { ObservationName } from "../../ports/observations.js";
import type { ObserverPort } from "../../ports/target.js";
import { oldAcceptsWrites } from "../decide/promises.js";
import { furthestBack } from "../decide/wayBack.js";
import type { Driver, Stranger } from "../engine/driver.js";
import type { Recorded } from "../journal/entries.js";
import type { Restoration } from "../journal/records.js";
import { STEP } from "../plan/ids.js";
import type { Plan } from "../plan/plan.js";
import { configAfter, currentConfig, type MigrationState } from "../state/state.js";

export interface Doubts {
  /** What speaks against the journal, as sentences; empty when all agree. */
  found: string[];
  restoration: Restoration;
}

/**
 * What speaks against a journal whose store failed over or was restored: an update in the engine's own history that it does
 * not have, weights or databases at the far side that are not as it says. What is unknown speaks against nothing.
 */
export async function doubts(
  plan: Plan,
  state: MigrationState,
  entries: readonly Recorded[],
  { driver, observer }: { driver: Pick<Driver, "strangers">; observer: ObserverPort },
): Promise<Doubts> {
  // What an earlier look has found was told.
  const since = entries.findLast((e) => "restored" in e && e.restored !== undefined) ?? entries[0];
  if (since === undefined) return { found: [], restoration: { lost: [] } };
  const known = new Set(entries.flatMap((e) => (e.type === "update.intended" ? [e.key] : [])));
  const strangers = await driver.strangers(state.stack, known, new Date(since.recordedAt));
  const found = strangers.map(({ key }) => `the engine's history has the update ${key}, and the journal does not`);
  const begun = strangers.map(({ key }) => plan.findIndex((s) => key.startsWith(`${state.stack}/${s.id}#`)));
  const config = currentConfig(state);
  const shown = async (name: ObservationName): Promise<number | undefined> => {
    const { reading } = await observer.observe(name, undefined, 60);
    return reading.known ? reading.value : undefined;
  };
  // Between two revisions nobody can say how the weights should be.
  const settled = !state.dirty && state.intent === undefined && state.unsettled === undefined;
  const shift = shiftOf(config);
  if (settled && shift?.records === "both") {
    const { observation, shows } = SHIFTS[shift.section];
    const weight = await shown(observation);
    if (weight !== undefined && weight !== shift.weights.new)
      found.push(`${shows} ${weight} % on the new side, and the journal says ${shift.weights.new} %`);
  }
  const { database } = config;
  const promoted = database?.role === "replica" && state.promoted !== true && (await shown("database-primary")) === 1;
  if (promoted) {
    found.push("the new database is a primary, and the journal says that it is a replica");
    begun.push(plan.findIndex((s) => s.id === STEP.promote));
  }
  if (database !== undefined && oldAcceptsWrites(state) && (await shown("writes-stopped")) === 1) {
    found.push("the old database refuses writes, and the journal says that it takes them");
    begun.push(plan.findIndex((s) => s.kind === "action" && s.marks?.includes("old-writes-stopped") === true));
  }
  const lost = lostFrom(plan, state.position, Math.max(state.position - 1, ...begun));
  const adrift = adriftOf(plan, state, strangers);
  if (adrift !== undefined)
    found.push(
      `what was applied after revision ${adrift.to} is lost: nothing goes forward before \`cutover rollback ${state.stack} --to ${adrift.to}\``,
    );
  const restoration: Restoration = {
    lost,
    ...(promoted ? { promoted } : {}),
    ...(found.length > 0 ? { differs: true } : {}),
    ...(adrift === undefined ? {} : { adrift }),
  };
  return { found, restoration };
}

/** Undefined where the engine is at most at the update that the journal would make next: that one is made again. */
function adriftOf(plan: Plan, state: MigrationState, strangers: readonly Stranger[]): Restoration["adrift"] {
  const last = strangers.at(-1);
  if (last === undefined) return undefined;
  const next = plan.slice(state.position).find((s) => s.kind === "config");
  const isNext =
    strangers.length === 1 &&
    state.returning === undefined &&
    next?.kind === "config" &&
    last.key.startsWith(`${state.stack}/${next.id}#`) &&
    last.config !== undefined &&
    configDigest(last.config) === configDigest(configAfter(state, next));
  if (isNext) return undefined;
  const back = strangers.flatMap(({ key }) => /\/back-to-(\d+)#/.exec(key)?.[1] ?? []).map(Number);
  const to = furthestBack(plan, state, state.returning === undefined ? back : [...back, state.returning.revision]);
  const { key, config } = last;
  return { to, back: last.key.startsWith(`${state.stack}/back-to-`), ...(config === undefined ? {} : { applied: { key, config } }) };
}

/**
 * Steps come one after another: one that was begun had those before it done, and actions after it may have been done without a
 * trace, up to the next one that leaves one in the engine's history.
 * @param last index of the last step that there is a trace of
 */
function lostFrom(plan: Plan, position: number, last: number): string[] {
  const next = plan.findIndex((s, i) => i > last && i >= position && s.kind === "config");
  const until = next === -1 ? plan.length : next;
  return plan.slice(position, until).flatMap((s) => (s.kind === "action" && s.undo !== undefined ? [s.id] : []));
}

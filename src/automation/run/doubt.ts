import { SHIFTS, shiftOf } from "../../config/shift.js";
import type { ObservationName } from "../../ports/observations.js";
import type { ObserverPort } from "../../ports/target.js";
import type { Driver } from "../engine/driver.js";
import type { Recorded } from "../journal/entries.js";
import { currentConfig, type MigrationState } from "../state/state.js";

/**
 * What speaks against a journal whose store failed over or was restored: an update in the engine's own history that it does
 * not have, weights or databases at the far side that are not as it says. What is unknown speaks against nothing.
 * @returns sentences; empty when all agree
 */
export async function doubts(
  state: MigrationState,
  entries: readonly Recorded[],
  { driver, observer }: { driver: Pick<Driver, "strangers">; observer: ObserverPort },
): Promise<string[]> {
  const [first] = entries;
  if (first === undefined) return [];
  const known = new Set(entries.flatMap((e) => (e.type === "update.intended" ? [e.key] : [])));
  const strangers = await driver.strangers(state.stack, known, new Date(first.recordedAt));
  const found = strangers.map((key) => `the engine's history has the update ${key}, and the journal does not`);
  // Between two revisions nobody can say how it should be.
  if (state.dirty || state.intent !== undefined || state.unsettled !== undefined) return found;
  const config = currentConfig(state);
  const { database } = config;
  const shift = shiftOf(config);
  const shown = async (name: ObservationName): Promise<number | undefined> => {
    const { reading } = await observer.observe(name, undefined, 60);
    return reading.known ? reading.value : undefined;
  };
  if (shift?.records === "both") {
    const { observation, shows } = SHIFTS[shift.section];
    const weight = await shown(observation);
    if (weight !== undefined && weight !== shift.weights.new)
      found.push(`${shows} ${weight} % on the new side, and the journal says ${shift.weights.new} %`);
  }
  if (database?.role === "replica" && state.promoted !== true && (await shown("database-primary")) === 1)
    found.push("the new database is a primary, and the journal says that it is a replica");
  return found;
}

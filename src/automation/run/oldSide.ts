import { setTimeout as sleep } from "node:timers/promises";
import { webMovesOnce } from "../../config/processes.js";
import type { Observation, ObservationName, Side } from "../../ports/observations.js";
import type { ObserverPort } from "../../ports/target.js";
import { stoppedOnOld } from "../decide/promises.js";
import { currentConfig, type MigrationState } from "../state/state.js";

/** How long a way back waits for what is known of the side that it leads to, in milliseconds. */
const LOOK_MS = 4_000;
/** From this part of failed requests on a side counts as dead, whatever the other one does. */
const DEAD = 0.5;

/**
 * Whether the side that users are to be sent back to is known to be no better: no healthy target, or errors. Whatever is
 * unknown, or is not answered soon, is nothing to wait for. A web process that may run only once was stopped there by a step, and
 * the way back starts it again: what the side answers meanwhile says nothing of it.
 * @returns what is wrong with it, or undefined
 */
export async function troubleOfOldSide(observer: ObserverPort, state: MigrationState, mostMs = LOOK_MS): Promise<string | undefined> {
  const config = currentConfig(state);
  if (config.old === undefined || (webMovesOnce(config) && stoppedOnOld(state))) return undefined;
  const { windowSeconds, maxErrorRate } = config.gates;
  const late = sleep(mostMs, undefined, { ref: false });
  const value = async (name: ObservationName, side: Side): Promise<number | undefined> => {
    const observed = observer.observe(name, side, windowSeconds).catch((): Observation | undefined => undefined);
    const reading = (await Promise.race([observed, late]))?.reading;
    return reading?.known === true ? reading.value : undefined;
  };
  const [targets, errors, fresh] = await Promise.all([
    value("old-targets-healthy", "old"),
    value("error-rate", "old"),
    value("error-rate", "new"),
  ]);
  if (targets === 0) return "none of the old load balancer's targets is healthy";
  if (errors === undefined) return undefined;
  const worse = errors > maxErrorRate && errors > (fresh ?? Number.POSITIVE_INFINITY);
  if (errors < DEAD && !worse) return undefined;
  const percent = (rate: number): string => `${Math.round(rate * 1_000) / 10} %`;
  return `the old side fails ${percent(errors)} of its requests${fresh === undefined ? "" : `, the new side ${percent(fresh)}`}`;
}

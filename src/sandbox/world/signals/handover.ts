import { onceOf, workersOnNew } from "../../../config/processes.js";
import { known, unknown } from "../../../ports/observations.js";
import { isActive } from "../../faults.js";
import { CRON_JOB, find, readiness } from "../find.js";
import { runningOn } from "../once.js";
import { noise, valueAt } from "../state.js";
import type { Signals } from "./signal.js";
import { least, processReady } from "./workload.js";

/** A message waits for so long where too few workers run, in seconds. */
const STUCK = 600;

export const handoverSignals = {
  "once-ready": ({ state, config }) =>
    least(
      onceOf(config).map(([name, { kind }]) =>
        kind === "schedule" ? readiness(find(state, CRON_JOB, config, `-${name}`), state.now) : processReady(state, config, name),
      ),
    ),
  "new-once-running": ({ state }) => known(runningOn(state.once, "new", state.now)),
  "old-once-running": ({ state }) => known(isActive(state.faults, "stuck-run") ? 1 : runningOn(state.once, "old", state.now)),
  "queue-age": ({ state, config }) => {
    if (config.handover.queues.length === 0) return unknown("handover.queues names no queue");
    const capacity = (valueAt(state.old.workers, state.now) ?? 0) + workersOnNew(config);
    return known(capacity < 100 ? STUCK : Math.round(1 + noise(state.seed, "queue", state.now) * 4));
  },
  "dead-letters": ({ state, config }) => {
    if (config.handover.queues.every((q) => q.deadLetters === undefined)) return unknown("no queue has dead letters that are looked at");
    return known(isActive(state.faults, "dead-letters") && workersOnNew(config) > 0 ? config.handover.maxDeadLetters + 3 : 0);
  },
} satisfies Signals;

import type { MeasuredName } from "../../ports/comparison.js";
import { isOwn, type ObservationName, type Reading, unknown } from "../../ports/observations.js";
import { cleanupSignals } from "./signals/cleanup.js";
import { databaseSignals } from "./signals/database.js";
import { handoverSignals } from "./signals/handover.js";
import { ownSignal } from "./signals/own.js";
import { requestSignals } from "./signals/requests.js";
import type { AskedWorld, Signal } from "./signals/signal.js";
import { trafficSignals } from "./signals/traffic.js";
import { workloadSignals } from "./signals/workload.js";

/** What answers which observation; connections are counted apart, since their source has more to say. */
const SIGNALS: Record<Exclude<MeasuredName, "open-connections">, Signal> = {
  ...requestSignals,
  ...databaseSignals,
  ...workloadSignals,
  ...trafficSignals,
  ...handoverSignals,
  ...cleanupSignals,
};

/** What the far side would show now. Pure. */
export const signal = (name: ObservationName, asked: AskedWorld): Reading =>
  isOwn(name)
    ? ownSignal(name, asked)
    : ((SIGNALS as Partial<Record<ObservationName, Signal>>)[name]?.(asked) ?? unknown("not measured here"));

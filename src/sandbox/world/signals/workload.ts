import { onceIsNew, servicesOf, singletonsOf, WEB, workersOf } from "../../../config/processes.js";
import type { StackConfig } from "../../../config/schema.js";
import { known, type Reading } from "../../../ports/observations.js";
import { carrier, DEPLOYMENT, find, olderThan, readiness } from "../find.js";
import { webAbsent } from "../once.js";
import { rolloutHealthy, rolloutStage } from "../rollout.js";
import type { WorldState } from "../state.js";
import { type Signals, yes } from "./signal.js";

export const workloadSignals = {
  "pods-ready": ({ state, config }) =>
    least([
      ...(config.workload.web ? [readiness(carrier(state, config), state.now)] : []),
      ...besides(config).map((name) => processReady(state, config, name)),
    ]),
  "workers-ready": ({ state, config }) =>
    least(workersOf(config).map(([name]) => readiness(find(state, DEPLOYMENT, config, `-${name}`), state.now))),
  "green-ready": ({ state, config }) => readiness(find(state, DEPLOYMENT, config, "-green"), state.now),
  "rollout-healthy": ({ state, config }) => yes(rolloutHealthy(state, config)),
  "rollout-weight": ({ state, config }) => known(rolloutStage(state, config).weight),
  "hpa-active": ({ state, config }) =>
    yes(olderThan(find(state, "kubernetes:autoscaling/v2:HorizontalPodAutoscaler", config), state.now, 60)),
  "spot-nodes-ready": ({ state }) => yes(Object.values(state.resources).some((r) => r.type === "aws:eks/nodeGroup:NodeGroup")),
} satisfies Signals;

/** Processes beside the web that have pods all the time, now. */
const besides = (config: StackConfig): string[] =>
  [...servicesOf(config), ...workersOf(config), ...(onceIsNew(config) ? singletonsOf(config) : [])].map(([name]) => name);

export function processReady(state: WorldState, config: StackConfig, name: string): Reading {
  if (name !== WEB) return readiness(find(state, DEPLOYMENT, config, `-${name}`), state.now);
  return webAbsent(state.once, config, "new") ? known(0) : readiness(carrier(state, config), state.now);
}

export const least = (all: Reading[]): Reading => all.find((r) => r.known && r.value < 1) ?? known(1);

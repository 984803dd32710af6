import type { StackConfig } from "../../../config/schema.js";
import { shiftOf } from "../../../config/shift.js";
import { type CountedName, whyNeverAnswered } from "../../../config/sources.js";
import { known, type Reading, type Side, unknown } from "../../../ports/observations.js";
import { isActive } from "../../faults.js";
import { DEPLOYMENT, find } from "../find.js";
import { webAbsent } from "../once.js";
import { newShare } from "../share.js";
import { noise, type WorldState } from "../state.js";
import { SECOND, type Signals } from "./signal.js";

/** Requests a second that users make, by criticality. */
const USERS = { high: 20, medium: 5, low: 1 } as const;

export const requestSignals = {
  "error-rate": ({ state, config, side = "new", windowSeconds }) =>
    counted("error-rate", config, side, () => rated(state, config, side, windowSeconds, () => errorRate(state, config, side))),
  "latency-p95": ({ state, config, side = "new", windowSeconds }) =>
    counted("latency-p95", config, side, () => rated(state, config, side, windowSeconds, () => latency(state, side))),
  "request-count": ({ state, config, side = "new", windowSeconds }) =>
    counted("request-count", config, side, () => known(Math.round(requests(state, config, side, windowSeconds)))),
  "traffic-share": ({ state, config }) =>
    counted("request-count", config, "new", () => counted("request-count", config, "old", () => known(newShare(state, state.now)))),
} satisfies Signals;

/** Where nothing counts in the world, nothing counts here. */
function counted(name: CountedName, config: StackConfig, side: Side, count: () => Reading): Reading {
  const never = whyNeverAnswered(config, name, side);
  return never === undefined ? count() : unknown(never);
}

/** A rate needs requests: none is not "no errors", and too few say nothing. */
function rated(state: WorldState, config: StackConfig, side: Side, windowSeconds: number, value: () => number): Reading {
  const count = Math.round(requests(state, config, side, windowSeconds));
  if (count === 0) return unknown("no requests in the window");
  if (count < config.gates.minRequests) return unknown(`only ${count} requests in the window`);
  return known(value());
}

export function requests(state: WorldState, config: StackConfig, side: Side, windowSeconds: number): number {
  const share = newShare(state, state.now);
  const users =
    shiftOf(config) === undefined ? 0 : USERS[config.application.criticality] * dayCurve(state.now) * (side === "new" ? share : 1 - share);
  const synthetic = side === "new" ? find(state, DEPLOYMENT, config, "-synthetic") : undefined;
  const sent =
    synthetic === undefined
      ? 0
      : config.verification.syntheticRequestsPerSecond * Math.min(windowSeconds, (state.now - synthetic.createdAt) / SECOND);
  return users * windowSeconds + sent;
}

/** Twice as many requests at noon as at midnight. */
const dayCurve = (at: number): number => 1 + Math.sin(((at / 86_400_000) % 1) * 2 * Math.PI - Math.PI / 2) / 3;

function errorRate(state: WorldState, config: StackConfig, side: Side): number {
  if (webAbsent(state.once, config, side)) return 1;
  if (side === "new" && isActive(state.faults, "errors")) return 0.11 + noise(state.seed, "errors", state.now) * 0.02;
  return 0.001 + noise(state.seed, `errors-${side}`, state.now) * 0.004;
}

function latency(state: WorldState, side: Side): number {
  if (side === "new" && isActive(state.faults, "latency")) return 2.3 + noise(state.seed, "latency", state.now) * 0.4;
  if (side === "new" && isActive(state.faults, "slower")) return 0.8 + noise(state.seed, "latency", state.now) * 0.1;
  return (side === "new" ? 0.15 : 0.28) + noise(state.seed, `latency-${side}`, state.now) * 0.1;
}

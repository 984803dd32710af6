import { EVERY_MINUTE, type GateDefinition, type GateDefinitions, percent, seconds } from "../definition.js";

/** The seed's HighErrorRate: 5xx over all requests. */
const errorRate = (side: "new" | "old"): GateDefinition => ({
  observation: "error-rate",
  side,
  accepts: (c) => `at most ${percent(c.gates.maxErrorRate)} of requests on the ${side} side answered 5xx`,
  judge: (value, c) => (value <= c.gates.maxErrorRate ? "pass" : "fail"),
  everySeconds: EVERY_MINUTE,
  format: percent,
});

/** What users' requests say of both sides. */
export const requestGates = {
  "error-rate": errorRate("new"),
  "old-error-rate": errorRate("old"),
  "latency-p95": {
    observation: "latency-p95",
    side: "new",
    accepts: (c) => `95th percentile at most ${seconds(c.gates.maxLatencyP95Seconds)}`,
    judge: (value, c) => (value <= c.gates.maxLatencyP95Seconds ? "pass" : "fail"),
    everySeconds: EVERY_MINUTE,
    format: seconds,
  },
  "error-rate-over-old": {
    observation: "error-rate-over-old",
    accepts: (c) => `at most ${percent(c.gates.maxErrorRateOverOld)} of requests more than on the old side answered 5xx`,
    judge: (value, c) => (value <= c.gates.maxErrorRateOverOld ? "pass" : "fail"),
    format: percent,
  },
  "latency-over-old": {
    observation: "latency-over-old",
    accepts: (c) => `95th percentile at most ${c.gates.maxLatencyOverOld} times the old side's`,
    judge: (value, c) => (value <= c.gates.maxLatencyOverOld ? "pass" : "fail"),
    format: (v) => `${Math.round(v * 100) / 100} times`,
  },
  "traffic-share": {
    observation: "traffic-share",
    accepts: (c, expect) => `${expect} % of requests on the new side, within ${percent(c.gates.trafficTolerance)}`,
    judge: (value, c, expect) => (Math.abs(value - (expect ?? 0) / 100) <= c.gates.trafficTolerance ? "pass" : "pending"),
    format: percent,
  },
} satisfies GateDefinitions;

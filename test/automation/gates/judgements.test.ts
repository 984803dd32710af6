import { expect } from "chai";
import { GATE_NAMES, type GateName, gateNamed } from "../../../src/automation/gates/catalogue.js";
import { readConfig } from "../../../src/config/stackFile.js";
import { mostToCompare } from "../../../src/config/writePause.js";
import { STACK, WITH_PROCESSES } from "../model.js";

const config = readConfig(WITH_PROCESSES, "test", STACK);
const { gates, handover, database } = config;
const backup = database?.backup ?? { retentionDays: 0, maxAgeSeconds: 0 };

/** Values that pass, are not yet right, and are bad; with what the plan expects, where the gate compares with that. */
interface Row {
  pass: number[];
  pending?: number[];
  fail?: number[];
  expect?: number;
}
const READY: Row = { pass: [1], pending: [0, 0.99] };
const NONE: Row = { pass: [0], pending: [1, 7] };
const WEIGHT: Row = { expect: 25, pass: [25], pending: [0, 24.5, 100] };

const ROWS: Record<GateName, Row> = {
  "error-rate": { pass: [0, gates.maxErrorRate], fail: [gates.maxErrorRate + 0.001, 1] },
  "old-error-rate": { pass: [0, gates.maxErrorRate], fail: [gates.maxErrorRate + 0.001, 1] },
  "latency-p95": { pass: [0.1, gates.maxLatencyP95Seconds], fail: [gates.maxLatencyP95Seconds + 0.001] },
  "error-rate-over-old": { pass: [-0.2, 0, gates.maxErrorRateOverOld], fail: [gates.maxErrorRateOverOld + 0.001] },
  "latency-over-old": { pass: [0.5, gates.maxLatencyOverOld], fail: [gates.maxLatencyOverOld + 0.01] },
  "traffic-share": { expect: 25, pass: [0.25, 0.25 + gates.trafficTolerance], pending: [0, 0.26 + gates.trafficTolerance, 1] },
  "replica-available": READY,
  "replica-lag": { pass: [0, gates.maxReplicaLagSeconds - 1], pending: [gates.maxReplicaLagSeconds] },
  "lag-zero": { pass: [0], pending: [0.1, 3] },
  "database-primary": READY,
  "writes-stopped": READY,
  "comparison-fits": { pass: [0, mostToCompare(config)], pending: [mostToCompare(config) + 1] },
  "reverse-lag": { pass: [0, gates.maxReverseLagSeconds], pending: [gates.maxReverseLagSeconds + 1], fail: [-1, -2] },
  "backup-retention": { pass: [backup.retentionDays], pending: [0] },
  "database-protected": READY,
  "replica-backup": { pass: [0, backup.maxAgeSeconds], pending: [backup.maxAgeSeconds + 1] },
  "pods-ready": READY,
  "green-ready": READY,
  "rollout-healthy": READY,
  "staging-verified": READY,
  "hpa-active": READY,
  "spot-nodes-ready": READY,
  "load-balancer-ready": READY,
  "targets-healthy": READY,
  "green-weight": WEIGHT,
  "rollout-share": WEIGHT,
  "dns-weight": WEIGHT,
  "group-weight": WEIGHT,
  "dns-ttl": { expect: 60, pass: [30, 60], pending: [61, 300] },
  "dns-resolvers": READY,
  "workers-ready": READY,
  "queue-age": { pass: [0, handover.maxQueueAgeSeconds], fail: [handover.maxQueueAgeSeconds + 1] },
  "dead-letters": { pass: [0, handover.maxDeadLetters], fail: [handover.maxDeadLetters + 1] },
  "old-once-stopped": NONE,
  "files-same": NONE,
  "once-ready": READY,
  "snapshot-available": READY,
  "security-groups-unused": NONE,
};

describe("a gate's judgement", () => {
  for (const name of GATE_NAMES)
    it(`${name} passes, waits and fails where it should, and says what it accepts`, () => {
      const { pass, pending = [], fail = [], expect: wanted } = ROWS[name];
      const gate = gateNamed(name);
      const judged = (values: number[]) => values.map((value) => gate.judge(value, config, wanted));
      expect(judged(pass)).to.deep.equal(pass.map(() => "pass"));
      expect(judged(pending)).to.deep.equal(pending.map(() => "pending"));
      expect(judged(fail)).to.deep.equal(fail.map(() => "fail"));
      expect(pending.length + fail.length, "something that does not pass").to.be.above(0);
      for (const text of [gate.accepts(config, wanted), ...[...pass, ...pending, ...fail].map(gate.format)])
        expect(text)
          .to.match(/\w/)
          .and.not.match(/NaN|undefined|\[object/);
    });
});

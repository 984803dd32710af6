import { record } from "../../src/automation/journal/chain.js";
import type { Entry, Recorded } from "../../src/automation/journal/entries.js";
import type { ResourceChange } from "../../src/automation/journal/records.js";
import { buildPlan, planDigest } from "../../src/automation/plan/plan.js";
import { patched, type RawConfig, readConfig } from "../../src/config/stackFile.js";

/** When the journals' first entries were written, on the target's clock. */
const BEGAN = Date.UTC(2026, 0, 5, 9);
const MINUTE = 60_000;
const STEP = "containerize.deploy";
const KINDS = [
  "apps/v1:Deployment",
  "core/v1:Service",
  "core/v1:ServiceAccount",
  "networking.k8s.io/v1:Ingress",
  "policy/v1:PodDisruptionBudget",
];

/**
 * A journal as a service writes it, of at least the given length: one step that is tried again and again, each time previewed, applied,
 * watched, found wanting and taken back; in the end it stands still.
 */
export function journalOf(stack: string, config: RawConfig, length: number): Recorded[] {
  const plan = planDigest(buildPlan(readConfig(config, "benchmark", stack)));
  const entries: Recorded[] = [];
  const add = (entry: Entry): void => {
    entries.push(record(entry, entries.at(-1), BEGAN + entries.length * MINUTE, entry.type === "command" ? 0 : 1));
  };
  add({ type: "migration.created", stack, plan, config, why: "the stack config as it was", who: "benchmark" });
  add({ type: "command", command: "advance", extent: "end", who: "benchmark" });
  for (let attempt = 1; entries.length < length; attempt += 1) {
    for (const entry of attemptOf(stack, config, attempt)) add(entry);
  }
  return entries;
}

function attemptOf(stack: string, config: RawConfig, attempt: number): Entry[] {
  const deployed = patched(config, { "workload.deployed": true });
  const key = `${stack}/${STEP}#${attempt}/update`;
  const revision = 2 * attempt - 1;
  const watch = { startedAt: BEGAN, rounds: 20, badRounds: 3, gates: GATES, verdict: "failed" as const };
  const who = "cutover";
  const back = { kind: "config" as const, config, kept: [], dnsOnly: false, summary: "the earlier config" };
  return [
    { type: "step.started", step: STEP, attempt },
    {
      type: "preview.stored",
      step: STEP,
      attempt,
      preview: { changes: changesOf(stack), unchanged: 3, digest: "0".repeat(64) },
      blocked: [],
    },
    { type: "update.intended", key, step: STEP, revision, config: deployed, why: "Deploy to the cluster", who: "benchmark" },
    { type: "update.succeeded", key, revision, engineVersion: 0, changes: { create: 15 }, durationMs: 1_234 },
    { type: "gates.watching", step: STEP, watch },
    { type: "gates.failed", step: STEP, gates: GATES, reason: "pods-ready 67 % (accepted: all wanted pods ready)" },
    { type: "rollback.started", revision: 0, undoTo: 0, why: "a gate failed", who, path: [back], automatic: true },
    { type: "update.intended", key: `${key}-back`, revision: revision + 1, config, restores: 0, why: "back to revision 0", who },
    { type: "update.succeeded", key: `${key}-back`, revision: revision + 1, engineVersion: 0, changes: { delete: 15 }, durationMs: 987 },
    { type: "rollback.completed", revision: 0 },
  ];
}

const GATES = ["pods-ready", "load-balancer-ready", "targets-healthy"].map((gate) => ({
  gate,
  accepts: "all wanted pods ready",
  verdict: "fail" as const,
  last: 0.67,
  min: 0.33,
  max: 0.67,
  shown: "67 %",
  samples: 20,
  source: "sandbox",
  at: BEGAN,
}));

const changesOf = (stack: string): ResourceChange[] =>
  KINDS.map((kind) => ({
    urn: `urn:pulumi:${stack}::cutover::cutover:index:MigratedApp$kubernetes:${kind}::${stack}`,
    type: `kubernetes:${kind}`,
    name: stack,
    op: "update",
    diff: [
      { path: "spec.template.spec.containers[0].image", before: "ghcr.io/your-org/web-api:1.0.0", after: "ghcr.io/your-org/web-api:1.1.0" },
      { path: 'metadata.annotations["cutover.dev/checksum"]', before: "a".repeat(64), after: "b".repeat(64) },
    ],
  }));

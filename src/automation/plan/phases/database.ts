import { webMovesOnce } from "../../../config/processes.js";
import type { StackConfig } from "../../../config/schema.js";
import { STEP } from "../ids.js";
import { endReverse, LOSES_BY_STREAM, REVERSE } from "../reverse.js";
import type { ActionStep, Step } from "../step.js";
import { earlierConfig, gate, NOTHING_TO_UNDO, streaming } from "./build.js";
import { compareAhead, verifyData } from "./databaseComparison.js";
import { dnsPreparation } from "./dnsPreparation.js";
import { filesAhead, filesMoved } from "./files.js";

const WINDOW = "database.maintenance-on";
const HOUR = 3_600;

const smokeTest: Step = {
  id: "database.smoke",
  phase: "database",
  kind: "action",
  title: "Run the smoke test",
  seed: "Run smoke tests",
  wayBack: NOTHING_TO_UNDO,
  undoFrom: WINDOW,
  run: ({ target, effect }) => target.cluster.smokeTest(effect),
};

/**
 * Phase 3: database migration. From maintenance-on to maintenance-off nobody writes: the steps in between undo
 * themselves as a whole, in reverse order, whichever of them fails.
 */
export function database(config: StackConfig): Step[] {
  if (config.database === undefined) return [];
  const { source, target: copy, backup, writePauseSeconds } = config.database;
  const act = (step: Omit<ActionStep, "phase" | "kind">): Step => ({ phase: "database", kind: "action", ...step });
  return [
    // Pre-migration (one week before)
    {
      id: "database.create-replica",
      phase: "database",
      kind: "config",
      title: `Create ${copy.identifier} as a read replica of ${source.identifier} in the new VPC`,
      seed: "aws rds create-db-instance-read-replica",
      wayBack: earlierConfig("The replica is removed; the source is untouched."),
      change: () => ({ "database.role": "replica" }),
      gates: [gate("replica-available"), gate("replica-lag", 600, { timeoutSeconds: 12 * HOUR })],
    },
    act({
      id: "database.test-replica",
      title: "Test the application's queries against the replica",
      seed: "Test application with replica endpoint",
      wayBack: NOTHING_TO_UNDO,
      run: ({ target, effect }) => target.data.testReplica(effect),
    }),
    ...dnsPreparation(config, "database"),
    {
      id: "database.schedule",
      phase: "database",
      kind: "approval",
      title: "Agree the maintenance window with the users",
      seed: "Schedule maintenance window (communicate to users)",
      wayBack: NOTHING_TO_UNDO,
      asks: "Is the maintenance window agreed and announced?",
      secondPerson: false,
      gates: [],
    },
    compareAhead(config),
    ...filesAhead(config),
    {
      id: "database.approve",
      phase: "database",
      kind: "approval",
      title: "Approve the database cutover",
      seed: "During Migration Window",
      wayBack: NOTHING_TO_UNDO,
      asks: `May writes to ${source.identifier} be stopped, ${copy.identifier} be promoted and both sides be repointed?`,
      secondPerson: true,
      approves: STEP.promote,
      gates: [],
    },
    {
      id: "database.go",
      phase: "database",
      kind: "approval",
      title: "Hold the cutover ready until a person says go",
      seed: "When lag is minimal, promote replica",
      inMaintenance: true,
      wayBack: NOTHING_TO_UNDO,
      asks: `Go: may writes stop and the cutover run?${backup.onReplica ? "" : ` The promotion begins after at most ${writePauseSeconds} s, and with it RDS takes a first backup of all of ${source.sizeGb} GB: users cannot write until it is done.`}`,
      answer: "Go",
      secondPerson: false,
      gates: [
        gate("replica-available", 60),
        gate("replica-lag", 60),
        gate("pods-ready", 60),
        gate("old-error-rate", 60),
        gate("comparison-fits"),
        ...(backup.onReplica ? [gate("replica-backup")] : []),
      ],
    },
    // During the maintenance window
    act({
      id: WINDOW,
      inMaintenance: true,
      title: "Put the application into maintenance mode",
      seed: "Enable maintenance mode on application",
      wayBack: { summary: "Maintenance mode is switched off.", loses: "nothing" },
      undoFrom: WINDOW,
      run: ({ target, effect }) => target.fleet.setMaintenance(true, effect),
      undo: ({ target, effect }) => target.fleet.setMaintenance(false, effect),
      marks: ["maintenance-on"],
      undoMarks: ["maintenance-off"],
    }),
    act({
      id: "database.stop-writes",
      title: `Make ${source.identifier} refuse writes`,
      seed: "Stop all write traffic to old database",
      wayBack: { summary: `${source.identifier} accepts writes again.`, loses: "nothing" },
      undoFrom: WINDOW,
      run: ({ target, effect }) => target.data.setWrites("old", false, effect),
      undo: ({ target, effect }) => target.data.setWrites("old", true, effect),
      marks: ["old-writes-stopped"],
      undoMarks: ["old-writes-allowed"],
    }),
    ...filesMoved(config, WINDOW),
    {
      id: "database.lag-zero",
      phase: "database",
      kind: "gate",
      title: "Wait until the replica has everything",
      seed: "Wait for replication lag to reach 0",
      wayBack: { summary: "Nothing to undo here: writes are allowed again and maintenance mode ends.", loses: "nothing" },
      undoFrom: WINDOW,
      inWritePause: true,
      gates: [gate("writes-stopped"), gate("lag-zero", 0, { timeoutSeconds: 600 })],
    },
    verifyData(config, WINDOW),
    {
      id: STEP.promote,
      phase: "database",
      kind: "config",
      title: `Promote ${copy.identifier} to a standalone database`,
      seed: "aws rds promote-read-replica",
      pointOfNoReturn: true,
      wayBack: {
        summary: `${source.identifier} takes over again with what reverse replication brought it; ${copy.identifier} stays a standalone database.`,
        loses: LOSES_BY_STREAM,
      },
      undoFrom: WINDOW,
      inWritePause: true,
      // The backup policy comes with the role: see ReplicaDatabase.
      change: () => ({ "database.role": "primary" }),
      gates: [gate("database-primary"), gate("writes-stopped")],
    },
    act({
      id: REVERSE,
      title: `Stream changes of ${copy.identifier} back to ${source.identifier}`,
      seed: "Rollback database",
      wayBack: { summary: "The last changes are drained, then the stream ends.", loses: "nothing" },
      undoFrom: WINDOW,
      run: async ({ target, effect }) => {
        const { supported, ...evidence } = await target.data.startReverseReplication(effect);
        return { ...evidence, facts: { ...evidence.facts, supported } };
      },
      undo: endReverse,
    }),
    {
      id: "database.repoint",
      phase: "database",
      kind: "config",
      title: "Put the new connection string into the Kubernetes Secret and restart the pods",
      seed: "kubectl create secret generic web-api-secrets; kubectl rollout restart",
      wayBack: earlierConfig("The Secret names the old database again and the pods restart."),
      undoFrom: WINDOW,
      change: () => ({ "database.active": "new" }),
      gates: [gate("pods-ready", 60)],
    },
    act({
      id: "database.repoint-old-fleet",
      title: "Point the old fleet, which still serves users, at the new database",
      seed: "Update connection strings",
      wayBack: { summary: `The old fleet uses ${source.identifier} again.`, loses: "nothing" },
      undoFrom: WINDOW,
      run: ({ target, effect }) => target.fleet.useDatabase("new", effect),
      undo: ({ target, effect }) => target.fleet.useDatabase("old", effect),
      marks: ["old-fleet-on-new"],
      undoMarks: ["old-fleet-on-old"],
    }),
    act({
      id: "database.verify-read-write",
      title: "Write, read and remove a row on the new database",
      seed: "Verify application can read/write to new database",
      wayBack: NOTHING_TO_UNDO,
      undoFrom: WINDOW,
      run: ({ target, effect }) => target.data.verifyReadWrite(effect),
    }),
    ...(config.workload.web && !webMovesOnce(config) ? [smokeTest] : []),
    act({
      id: "database.accept-writes",
      title: `Let ${copy.identifier} accept the application's writes`,
      seed: "Disable maintenance mode",
      wayBack: {
        summary: `${copy.identifier} refuses writes, so that nothing is written to it once the old database takes over.`,
        loses: "nothing",
      },
      undoFrom: WINDOW,
      run: ({ target, effect }) => target.data.setWrites("new", true, effect),
      undo: ({ target, effect }) => target.data.setWrites("new", false, effect),
      marks: ["new-writes-allowed"],
      undoMarks: ["new-writes-stopped"],
    }),
    act({
      id: "database.maintenance-off",
      title: "End maintenance mode",
      seed: "Disable maintenance mode",
      wayBack: { summary: "Maintenance mode is switched on, before anything else is undone.", loses: "nothing" },
      undoFrom: WINDOW,
      run: ({ target, effect }) => target.fleet.setMaintenance(false, effect),
      undo: ({ target, effect }) => target.fleet.setMaintenance(true, effect),
      marks: ["maintenance-off"],
      undoMarks: ["maintenance-on"],
    }),
    // Post-migration
    {
      id: "database.monitor",
      phase: "database",
      kind: "gate",
      title: "Watch the old fleet on the new database for an hour",
      seed: "Monitor error rates and latency",
      wayBack: NOTHING_TO_UNDO,
      undoFrom: WINDOW,
      gates: [gate("old-error-rate", HOUR), gate("database-primary", HOUR), ...streaming(config, HOUR)],
    },
    act({
      id: "database.protect",
      title: `Read back what protects ${copy.identifier}, and mend what is missing`,
      seed: "Update backup policies for new database",
      wayBack: NOTHING_TO_UNDO,
      run: ({ target, effect }) => target.cloud.protectDatabase(effect),
    }),
    {
      id: "database.backup",
      phase: "database",
      kind: "gate",
      title: `Wait until backups of the new database are kept for ${config.database.backup.retentionDays} days`,
      seed: "Update backup policies for new database",
      wayBack: NOTHING_TO_UNDO,
      gates: [gate("database-primary"), gate("backup-retention"), gate("database-protected")],
    },
  ];
}

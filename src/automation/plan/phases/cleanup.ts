import { removedBalancerOf } from "../../../config/oldSide.js";
import { onceOf } from "../../../config/processes.js";
import type { StackConfig } from "../../../config/schema.js";
import { sharedInWords, sharedResources } from "../../../config/shared.js";
import { SHIFTS, shiftOf } from "../../../config/shift.js";
import type { Evidence } from "../../../ports/target.js";
import { architectureDocument, cleanupList } from "../documents.js";
import { DRAIN_OLD, drainStep } from "../drain.js";
import { STEP } from "../ids.js";
import type { ActionContext, ActionStep, Mark, Step } from "../step.js";
import { removing } from "../unused.js";
import { gate, healthy, NO_WAY_BACK, NOTHING_TO_UNDO } from "./build.js";

/** The name of the database's last snapshot, from the old database's own. */
export const finalSnapshotOf = (databaseIdentifier: string) => `${databaseIdentifier}-final-snapshot`;

const DAY = 86_400_000;

/** After this nothing was written to the old database: what streamed back ended, or writes stopped. A snapshot from before says nothing. */
function lastWriteOf({ marks, target }: ActionContext): number {
  const ended = marks["reverse-ended"] ?? marks["old-writes-stopped"];
  return ended?.at ?? target.clock.now() - DAY;
}

/** Groups that another migration names stay, and so do what they protect. */
async function removingGroups({ target, config, effect, otherStacks }: ActionContext): Promise<Evidence> {
  const shared = sharedResources(config, await otherStacks()).filter((s) => s.kind === "security group");
  if (shared.length === 0) return target.cloud.deleteSecurityGroups(effect);
  return { summary: `The old security groups stay: ${sharedInWords(shared)}.`, facts: { stays: shared.map((s) => s.id) } };
}

const namesOldSide = ({ target: { oldSide } }: NonNullable<StackConfig["database"]>): boolean =>
  oldSide.securityGroupIds.length + oldSide.cidrBlocks.length > 0;

/** Phase 7: post-migration cleanup. From its approval on there is no way back (promise 4). */
export function cleanup(config: StackConfig): Step[] {
  const { old, database } = config;
  const shift = shiftOf(config);
  if (old === undefined) return [];
  const act = (id: string, title: string, seed: string, run: ActionStep["run"], wayBack = NO_WAY_BACK, marks: Mark[] = []): Step => ({
    id: `cleanup.${id}`,
    phase: "cleanup",
    kind: "action",
    title,
    seed,
    wayBack,
    run,
    ...(marks.length === 0 ? {} : { marks }),
  });
  const finish: Step[] = [
    act(
      "documents",
      "Write the new architecture down",
      "Update documentation with new architecture",
      architectureDocument,
      NOTHING_TO_UNDO,
    ),
    act(
      "close",
      "Close the migration",
      "Close migration project in project management tool",
      async ({ config: c }) => ({ summary: `The migration of ${c.application.name} in ${c.application.environment} is closed.` }),
      NOTHING_TO_UNDO,
    ),
  ];
  // No plan ends what its users still reach: where no step has moved them, unless there are none.
  if (shift === undefined && old.users !== "none") return finish;
  // The old database must have stayed read-only and available for its own period too, if that is longer.
  const hold = Math.max(config.cleanup.soakSeconds, database === undefined ? 0 : database.keepOldSeconds);
  const snapshot = old.databaseIdentifier === undefined ? undefined : finalSnapshotOf(old.databaseIdentifier);
  return [
    {
      id: STEP.soak,
      phase: "cleanup",
      kind: "gate",
      title: "Hold everything on the new side before anything old is removed",
      seed: "Decommission old infrastructure after 2 weeks of successful operation",
      wayBack: NOTHING_TO_UNDO,
      gates: [
        ...(shift === undefined
          ? [gate("pods-ready", hold)]
          : [gate(SHIFTS[shift.section].gate, hold, { expect: 100 }), gate("targets-healthy", hold), ...healthy(hold)]),
        ...(database === undefined ? [] : [gate("writes-stopped", hold)]),
        ...(onceOf(config).length === 0 ? [] : [gate("old-once-stopped", hold), gate("once-ready", hold)]),
      ],
    },
    act("list", "List by id everything that will be removed", "Post-Migration Cleanup", cleanupList, NOTHING_TO_UNDO),
    {
      id: STEP.approveCleanup,
      phase: "cleanup",
      kind: "approval",
      title: "Approve the removal of the old infrastructure",
      seed: "Post-Migration Cleanup (Week 10+)",
      pointOfNoReturn: true,
      wayBack: NO_WAY_BACK,
      asks: "Remove the listed old infrastructure for good?",
      answer: "Approve the removal",
      secondPerson: true,
      gates: [],
    },
    ...(database === undefined
      ? []
      : [
          act(
            "stop-reverse-replication",
            "End the stream back to the old database",
            "Decommission old database",
            ({ target, config, effect }) =>
              // Who went on without it waits for nothing of it now.
              target.data.stopReverseReplication(effect, { drain: config.gates.requireReverse }),
            NO_WAY_BACK,
            ["reverse-ended"],
          ),
        ]),
    ...(snapshot === undefined
      ? []
      : [
          act("final-snapshot", `Take the final snapshot ${snapshot}`, "aws rds create-db-snapshot", (context) =>
            context.target.cloud.snapshotDatabase(snapshot, context.effect, lastWriteOf(context)),
          ),
          {
            id: "cleanup.snapshot-available",
            phase: "cleanup" as const,
            kind: "gate" as const,
            title: "Wait until the final snapshot is available",
            seed: "after final backup",
            wayBack: NOTHING_TO_UNDO,
            gates: [gate("snapshot-available", 0, { timeoutSeconds: 86_400 })],
          },
        ]),
    ...(shift === undefined
      ? []
      : [
          {
            id: shift.section === "dns" ? "cleanup.remove-old-record" : "cleanup.remove-old-group",
            phase: "cleanup" as const,
            kind: "config" as const,
            title:
              shift.section === "dns" ? "Remove the old side's DNS record" : "Take the old target group out of the load balancer's rule",
            seed: "Then delete old-infra record",
            wayBack: NO_WAY_BACK,
            change: () => ({ [`${shift.section}.records`]: "new", [`${shift.section}.weights`]: { old: 0, new: 100 } }),
            gates: [gate(SHIFTS[shift.section].gate, 0, { expect: 100 }), ...healthy(60)],
          },
        ]),
    ...(shift !== undefined || database === undefined || !namesOldSide(database)
      ? []
      : [
          {
            // With names the removal of the old record ends the rule: while one refers to a group of the old side, that cannot go.
            id: "cleanup.close-old-side",
            phase: "cleanup" as const,
            kind: "config" as const,
            title: `Let the old side connect to ${database.target.identifier} no more`,
            seed: "Remove old security groups",
            wayBack: NO_WAY_BACK,
            change: () => ({ "database.target.oldSide.closed": true }),
            gates: [gate("database-primary")],
          },
        ]),
    // Where no step has moved users there are none, and nothing of theirs is open.
    ...(shift === undefined
      ? []
      : [
          drainStep({
            id: DRAIN_OLD,
            phase: "cleanup",
            title: "Wait until nothing more is open on the old side, or for the stated time",
            seed: "aws ec2 terminate-instances",
            what: "The old side",
          }),
        ]),
    act("terminate-instances", "Terminate the old instances", "aws ec2 terminate-instances", (context) =>
      removing(context, "instances", () => context.target.cloud.terminateInstances(context.effect)),
    ),
    // The one that users keep is no part of the old side.
    ...(removedBalancerOf(config) === undefined
      ? []
      : [
          act("delete-load-balancer", "Delete the old load balancer", "aws elbv2 delete-load-balancer", (context) =>
            removing(context, "load balancer", () => context.target.cloud.deleteLoadBalancer(context.effect)),
          ),
        ]),
    ...(snapshot === undefined
      ? []
      : [
          act("delete-database", "Delete the old database", "aws rds delete-db-instance", (context) =>
            removing(context, "database", () => context.target.cloud.deleteDatabase(snapshot, context.effect, lastWriteOf(context))),
          ),
        ]),
    ...(old.securityGroupIds.length === 0
      ? []
      : [
          {
            // AWS removes what was deleted for minutes, a database longest, and refuses to delete a group that is held.
            id: "cleanup.security-groups-unused",
            phase: "cleanup" as const,
            kind: "gate" as const,
            title: "Wait until nothing uses the old security groups any more",
            seed: "Remove old security groups",
            wayBack: NOTHING_TO_UNDO,
            gates: [gate("security-groups-unused", 0, { timeoutSeconds: 86_400 })],
          },
          act("delete-security-groups", "Delete the old security groups, references first", "aws ec2 delete-security-group", (context) =>
            removingGroups(context),
          ),
        ]),
    ...finish,
  ];
}

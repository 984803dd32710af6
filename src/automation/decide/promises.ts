import { movedFoldersOf } from "../../config/movedFolders.js";
import { onceIsNew, onceOf, webMovesOnce } from "../../config/processes.js";
import type { StackConfig } from "../../config/schema.js";
import { groupsOf, SHIFTS, shiftOf } from "../../config/shift.js";
import { STEP } from "../plan/ids.js";
import { ONCE_STOPPED } from "../plan/phases/handover.js";
import type { Marks, Step } from "../plan/step.js";
import { currentConfig, type MigrationState } from "../state/state.js";

/**
 * The promises of the design as guards over transitions: whatever leads to a config change or an action (a step, a
 * rollback, a hand-made revision), it passes here first. Pure.
 */
export interface Violation {
  promise: number;
  what: string;
}

/** Whether the old side's records are weighted by cutover now: adopted, and not given back since. */
export const recordAdopted = ({ "dns-adopted": adopted, "dns-released": released }: Marks): boolean =>
  adopted !== undefined && (released === undefined || released.seq < adopted.seq);

/** What speaks against going from one config to another now. */
export function configViolations(state: MigrationState, before: StackConfig, after: StackConfig, step: Step | undefined): Violation[] {
  const found: Violation[] = [];
  const say = (promise: number, what: string): void => {
    found.push({ promise, what });
  };
  const cleaning = step?.phase === "cleanup" && cleanupApproved(state);
  const promotes = before.database?.role === "replica" && after.database?.role === "primary";

  if (promotes && !writesStoppedAndDrained(state)) say(1, "promotion needs writes stopped, and a lag of 0 observed after that moment");
  if (before.database?.role === "primary" && after.database?.role !== "primary")
    say(3, "a promoted database cannot become a replica again by config");
  if (after.database?.active === "new" && after.database.role !== "primary")
    say(3, "the application may use the new database only once it is the primary");
  if (before.database?.active !== after.database?.active && !inMaintenance(state))
    say(3, "the application changes its database only in maintenance mode");

  // Only going forward: a way back keeps an order of its own, and nothing of this may hold it.
  if (step !== undefined) for (const v of liveViolations(before, after)) found.push(v);

  groupViolations(state, before, after, cleaning, say);
  if (step !== undefined) emptySide(before, after, say);
  const starts = before.handover.once !== "new" && after.handover.once === "new" && before.old !== undefined;
  if (starts && onceOf(after).length > 0 && !onceStopped(state))
    say(12, "what may run once starts on the new side only after it was stopped, and seen to be stopped, on the old one");
  // Only going forward: on the way back the weights come first.
  const shift = shiftOf(after);
  if (step !== undefined && webMovesOnce(after) && shift !== undefined && onceIsNew(after) !== (shift.weights.new === 100))
    say(12, "a web process that may run only once and its users move in one step: they are sent to the side that runs it");

  const was = before.dns;
  const will = after.dns;
  if (was !== undefined && will !== undefined) {
    const hadOld = was.records === "old" || was.records === "both";
    const keepsOld = will.records === "old" || will.records === "both";
    // Given back as plain ones, the old side's records go on answering without the program.
    const released = state.marks["dns-released"] !== undefined && !recordAdopted(state.marks);
    const givenBack = was.records === "old" && will.records === "none" && released;
    if (hadOld && !keepsOld && !cleaning && !givenBack) say(2, "the old DNS record stays until the cleanup");
    if (will.weights.new > 0 && will.records !== "both" && will.records !== "new") say(2, "weight goes only to a record that exists");
    if (was.records === "both" && will.records === "old" && was.weights.new > 0)
      say(2, "the new record is removed only after its weight is 0");
    if (will.records === "new" && !cleaning) say(4, "the old DNS record is removed only in the approved cleanup");
    if (will.records === "new" && state.shownNewWeight?.value !== 100)
      say(11, "the old DNS record is removed only after the name servers showed 100 % on the new side");
    if (was.weights.new > 0 && !after.workload.deployed) say(2, "the workload stays while DNS sends users to it");
  }
  const sendsMore = (shiftOf(after)?.weights.new ?? 0) > (shiftOf(before)?.weights.new ?? 0);
  if (step !== undefined && sendsMore && movedFoldersOf(after).length > 0 && !filesShared(state))
    say(13, "users are sent to the new side only once the old fleet uses the same volumes");
  if (before.strategy.kind === "blue-green" && after.strategy.kind === "blue-green" && before.strategy.blue && !after.strategy.blue) {
    if (state.shownGreenWeight?.value !== 100) say(11, "blue is removed only after the load balancer's rule showed 100 % green");
  }
  if (before.strategy.kind === "canary" && after.strategy.kind === "canary" && after.ingress !== undefined) {
    const removes = before.strategy.workload === "both" && after.strategy.workload === "rollout";
    if (removes && state.shownRolloutShare?.value !== 100)
      say(11, "the Deployment is removed only after the load balancer's rule showed 100 % on the Rollout");
  }
  return found;
}

/** Going forward nobody is sent to a side in the change that brings it: it has no target yet that is known to be healthy. */
function emptySide(before: StackConfig, after: StackConfig, say: (promise: number, what: string) => void): void {
  const [was, will] = [shiftOf(before), shiftOf(after)];
  if (was === undefined || will === undefined || was.section !== will.section) return;
  const had = was.records === "both" || was.records === "new";
  if (!had && will.weights.new > 0)
    say(2, `the new side gets users only in a change after the one that brings it to ${SHIFTS[will.section].moved}`);
}

/** The same promises for users of a load balancer that stays: without cutover's rule the one of before serves them. */
function groupViolations(
  state: MigrationState,
  before: StackConfig,
  after: StackConfig,
  cleaning: boolean,
  say: (promise: number, what: string) => void,
): void {
  const was = groupsOf(before);
  const will = groupsOf(after);
  if (was === undefined || will === undefined) return;
  const same = (["listenerArn", "ruleArn", "priority", "oldTargetGroupArn"] as const).every((k) => was[k] === will[k]);
  if (was.records !== "none" && !same)
    say(2, "which rule and which old target group serve users stays while cutover's own rule stands before it");
  if (will.weights.new > 0 && will.records === "none") say(2, "weight goes only to a target group that the rule has");
  if (was.records === "both" && will.records === "none" && was.weights.new > 0)
    say(2, "the new target group leaves the rule only after its weight is 0");
  if (was.records === "new" && will.records !== "new")
    say(4, "the old target group comes back into the rule only where the old side still stands");
  if (will.records === "new" && was.records !== "new") {
    if (!cleaning) say(4, "the old target group leaves the rule only in the approved cleanup");
    if (state.shownNewWeight?.value !== 100)
      say(11, "the old target group leaves the rule only after the load balancer showed 100 % on the new side");
  }
  if (was.weights.new > 0 && !after.workload.deployed) say(2, "the workload stays while the load balancer sends users to it");
}

/** What speaks against an action now. */
export function actionViolations(state: MigrationState, step: Step, undo: boolean): Violation[] {
  if (step.kind !== "action") return [];
  const found: Violation[] = [];
  const makes = (undo ? step.undoMarks : step.marks) ?? [];
  const destroys = step.phase === "cleanup" && step.wayBack.loses !== "nothing";

  if (makes.includes("old-writes-allowed") && newAcceptsWrites(state))
    found.push({ promise: 3, what: "the old database accepts writes again only after the new one refuses them" });
  if (makes.includes("new-writes-allowed") && oldAcceptsWrites(state))
    found.push({ promise: 3, what: "the new database accepts writes only after the old one refuses them" });
  if (makes.includes("maintenance-off") && newAcceptsWrites(state) && !after(state, "old-fleet-on-new", "old-fleet-on-old"))
    found.push({ promise: 3, what: "maintenance ends only after the old fleet uses the database that accepts writes" });
  if (!undo && makes.includes("maintenance-on")) found.push(...cutoverViolations(state));
  if (makes.includes("old-once-started") && currentConfig(state).handover.once === "new")
    found.push({ promise: 12, what: "what may run once starts on the old side again only after it was stopped on the new one" });
  if (destroys && !cleanupApproved(state))
    found.push({ promise: 4, what: "nothing old is removed before the cleanup was approved by a second person" });
  return found;
}

/** What speaks against beginning the database cutover now. */
export function cutoverViolations(state: MigrationState): Violation[] {
  const { database } = currentConfig(state);
  const left = database?.role === "primary" && database.active === "old";
  const what = "the database was promoted and left again: another cutover needs a new replica, under a new target identifier";
  return left ? [{ promise: 3, what }] : [];
}

/** Whether the newer of two opposite facts is the first. */
function after(state: MigrationState, first: keyof MigrationState["marks"], second: keyof MigrationState["marks"]): boolean {
  const a = state.marks[first];
  const b = state.marks[second];
  return a !== undefined && (b === undefined || a.seq >= b.seq);
}

/** What may run once was stopped on the old side. */
export const stoppedOnOld = (state: MigrationState): boolean => after(state, "old-once-stopped", "old-once-started");
/** And seen to be stopped since. */
const onceStopped = (state: MigrationState) => stoppedOnOld(state) && state.steps[ONCE_STOPPED]?.status === "done";

/** Whether the old database takes writes, by the journal. */
export const oldAcceptsWrites = (state: MigrationState) => !after(state, "old-writes-stopped", "old-writes-allowed");
const newAcceptsWrites = (state: MigrationState) => after(state, "new-writes-allowed", "new-writes-stopped");
const inMaintenance = (state: MigrationState) => after(state, "maintenance-on", "maintenance-off");

const filesShared = (state: MigrationState) => after(state, "old-files-on-new", "old-files-on-old");

function writesStoppedAndDrained(state: MigrationState): boolean {
  const stopped = state.marks["old-writes-stopped"];
  return stopped !== undefined && !oldAcceptsWrites(state) && state.lagZeroAt !== undefined && state.lagZeroAt >= stopped.at;
}

/** The cleanup's approval, by another person than the one who advanced. */
export function cleanupApproved(state: MigrationState): boolean {
  const approval = state.steps[STEP.approveCleanup];
  const soak = state.steps[STEP.soak];
  return approval?.status === "done" && approval.approvedBy !== undefined && soak?.status === "done";
}

/** What would leave users of a live stack without an answer, in whatever step it came. */
function liveViolations({ strategy: from, workload: was }: StackConfig, { strategy: to, workload: will }: StackConfig): Violation[] {
  const found: Violation[] = [];
  const say = (promise: number, what: string): void => {
    found.push({ promise, what });
  };
  if (from.kind === "blue-green" && to.kind === "blue-green") {
    if (!from.green && to.green && to.greenWeight > 0) say(11, "green gets requests only once it is deployed and its targets are healthy");
    if (!from.blue && to.blue && to.greenWeight < 100) say(11, "blue gets requests again only once it is back and its targets are healthy");
    if (from.green && !to.green && from.greenWeight > 0) say(11, "green is removed only after it gets no requests");
  }
  if (
    from.kind === "canary" &&
    to.kind === "canary" &&
    from.workload !== "deployment" &&
    to.workload !== "deployment" &&
    from.pingPong !== to.pingPong
  )
    say(11, "a live Rollout keeps its Services: a switch to or from ping-pong empties the stable version's target group");
  if (was.deployed && will.deployed && was.servicePort !== will.servicePort)
    say(
      2,
      "the Services' port stays while the workload is deployed: a rule that names a port which is not there freezes the load balancer",
    );
  return found;
}

import { configChanges, type RawConfig, readConfig, withoutSecrets } from "../../config/rawConfig.js";
import type { StackConfig } from "../../config/schema.js";
import { rawShift, SHIFTS } from "../../config/shift.js";
import { Conflict, NotFound } from "../../errors.js";
import type { PathItem } from "../journal/entries.js";
import type { Revision } from "../journal/records.js";
import { STEP } from "../plan/ids.js";
import { EMERGENCY_EXIT } from "../plan/phases/emergencyExit.js";
import type { Plan } from "../plan/plan.js";
import { REVERSE } from "../plan/reverse.js";
import { currentRevision, type MigrationState, stepOf } from "../state/state.js";
import { canUndo } from "./editions.js";
import { cleanupApproved, recordAdopted } from "./promises.js";
import { lossWithoutReverse } from "./streamBack.js";

/**
 * The way back to an earlier revision, as the list of what will run, in order:
 *   1. the weights first (of DNS records, of target groups), alone, so that users are safe before anything else moves;
 *   2. everything done since, undone in reverse order; neighbouring config changes become one update.
 * Some things stay whatever the earlier revision said (`kept`): they cannot be taken back by config, and say why.
 */
export interface Way {
  revision: number;
  /** Index of the first step that is undone. */
  undoTo: number;
  path: PathItem[];
  /** Whether it goes back over a point of no return that has taken writes since. */
  crossesPointOfNoReturn: boolean;
  loses: string[];
}

/**
 * @param now for what is lost; the time of the journal's newest entry where only the path counts
 * @throws NotFound without that revision, Conflict after the cleanup began
 */
export function wayBackTo(plan: Plan, state: MigrationState, revision: number, now = state.updatedAt): Way {
  const found = state.revisions.find((r) => r.number === revision);
  if (found === undefined) {
    const numbers = state.revisions.map((r) => r.number);
    throw new NotFound(`${state.stack} has no revision ${revision}.`, { next: `Its revisions are ${numbers[0]} to ${numbers.at(-1)}.` });
  }
  const target = restoredBy(state, found);
  // What differs is a person's edit alone: no step is undone for it.
  if (state.returning === undefined && editedFrom(state).includes(target.number)) return wayBackFromEdit(state, target);
  const undoTo = undoIndexOf(plan, state, target);
  // Its config belongs to steps that are not done now: the marks and the data are not as it expects them.
  if (undoTo > state.position + (state.applied ? 1 : 0))
    throw new Conflict(`${state.stack}: revision ${revision} lies ahead: ${plan[undoTo - 1]?.id} is not done now.`, {
      next: "Advance to come there again.",
    });
  const most = adriftIndex(plan, state);
  if (state.adrift !== undefined && most !== undefined && undoTo > most)
    throw new Conflict(`${state.stack}: ${adriftWhy(state.adrift.to)}`);
  const { returning } = state;
  // What a way back has undone already stays undone.
  if (returning !== undefined && undoTo > returning.undoTo)
    throw new Conflict(
      `${state.stack}: it was on its way back to revision ${returning.revision}, which lies before revision ${revision}.`,
      {
        next: "Resume, or go further back.",
      },
    );
  return wayBack(plan, state, undoTo, target, now);
}

/** Why a journal that has lost what was applied goes nowhere but back. */
export const adriftWhy = (to: number): string =>
  `the journal has lost what was applied after revision ${to}: go back to it, or further, before anything else.`;

/** Index of the first step that has to be undone where the journal has lost what was applied. */
function adriftIndex(plan: Plan, state: MigrationState): number | undefined {
  const found = numbered(state, state.adrift?.to);
  return found === undefined ? undefined : undoIndexOf(plan, state, restoredBy(state, found));
}

/**
 * The revision that lies furthest back, of the one that the journal stands at and of those that lost ways back led to.
 * @param restored their numbers; some may be lost themselves
 */
export function furthestBack(plan: Plan, state: MigrationState, restored: readonly number[]): number {
  const known = [logicalRevision(state), ...restored.flatMap((n) => numbered(state, n) ?? [])].map((r) => restoredBy(state, r));
  const [first = logicalRevision(state)] = known.sort((a, b) => undoIndexOf(plan, state, a) - undoIndexOf(plan, state, b));
  return first.number;
}

/** The revision that is applied, whichever way back led to it. */
export const logicalRevision = (state: MigrationState): Revision => restoredBy(state, currentRevision(state));

/** Numbers of the revisions that the applied one differs from by a person's edits, newest first. */
function editedFrom(state: MigrationState): number[] {
  const before = numbered(state, logicalRevision(state).refines);
  return before === undefined ? [] : [before.number, ...editedFrom({ ...state, revision: before.number })];
}

/** What was applied before a person's edit; the applied revision itself when the edit's update did not finish. */
export function editBefore(state: MigrationState): Revision {
  const now = logicalRevision(state);
  return state.edit?.revision === undefined ? now : (numbered(state, now.refines) ?? now);
}

const numbered = ({ revisions }: MigrationState, number: number | undefined): Revision | undefined =>
  revisions.find((r) => r.number === number);

/** The way back from a person's edit: its values and no step. */
export function wayBackFromEdit(state: MigrationState, target: Revision): Way {
  const { config: applied } = currentRevision(state);
  const { config, kept } = withFloors(applied, target.config, recordAdopted(state.marks), state.dirty);
  const paths = configChanges(withoutSecrets(config), withoutSecrets(applied)).map((c) => c.path);
  const summary = paths.length === 0 ? `Apply revision ${target.number} again.` : `Take the edit of ${paths.join(", ")} back.`;
  const path: PathItem[] = [{ kind: "config", config, kept, dnsOnly: false, summary }];
  return { revision: target.number, undoTo: state.position + 1, path, crossesPointOfNoReturn: false, loses: [] };
}

/** The way back that undoes a step and everything after it. */
export function wayBackBefore(plan: Plan, state: MigrationState, stepId: string, now = state.updatedAt): Way {
  const index = plan.findIndex((s) => s.id === stepId);
  return wayBack(plan, state, index, revisionBefore(plan, state, state.steps, index), now);
}

function wayBack(plan: Plan, state: MigrationState, undoTo: number, target: Revision, now: number): Way {
  const { returning } = state;
  if (returning === undefined || undoTo > returning.undoTo) return wayBackFrom(plan, state, standingOf(state), undoTo, target, now);
  const planned = furtherBack(currentRevision(state).config, returning.path.slice(returning.done), target.config);
  // What another version put there is not waited for: users first.
  const rest = planned.filter((item) => item.kind !== "undo" || canUndo(plan, item.step));
  const left = planned.flatMap((item) =>
    item.kind === "undo" && !canUndo(plan, item.step) ? [`${item.step}: it is not undone here`] : [],
  );
  const way = wayBackFrom(plan, state, standingAfter(plan, state, returning, rest), undoTo, target, now);
  return { ...way, path: [...rest, ...way.path], loses: [...way.loses, ...left] };
}

/** What a way back has still to do that is to lead further now: the weights come first here too, and stay as they are set then. */
function furtherBack(applied: RawConfig, rest: PathItem[], wanted: RawConfig): PathItem[] {
  const safe = withWeightsOf(applied, wanted);
  const items = rest.flatMap((item): PathItem[] => {
    if (item.kind === "undo") return [item];
    return item.dnsOnly ? [] : [{ ...item, config: withWeightsOf(item.config, wanted) ?? item.config }];
  });
  if (safe === undefined) return items;
  const next = items.findIndex((i) => i.kind === "config");
  const waiting = items.map((item, i) => (i === next && item.kind === "config" ? afterwards(item, resolversFollow(applied)) : item));
  return [{ kind: "config", config: safe, kept: [], dnsOnly: true, summary: weightsBack(safe) }, ...waiting];
}

/**
 * The way back in an emergency: the weights directly, past the engine; then what a rollback to before the first weight
 * runs, so that stack config, engine and records agree again. A rollback that is stuck goes on after it.
 * @throws Conflict before there is a new record, or after the cleanup began
 */
export function emergencyWay(plan: Plan, state: MigrationState): Way {
  const exit = plan.findIndex((s) => s.id === EMERGENCY_EXIT);
  const first = plan[exit + 1];
  const most = adriftIndex(plan, state);
  const begun = state.position > exit || (most !== undefined && rawShift(currentRevision(state).config)?.section.records === "both");
  if (exit === -1 || first === undefined || !begun)
    throw new Conflict(`${state.stack}: no user is on the new side yet.`, { next: "Pause, roll back or abort instead." });
  // A way back that is under way may lead to where some users still are on the new side: then it is to lead further.
  const { returning } = state;
  const way =
    returning !== undefined && returning.undoTo <= exit + 1
      ? wayBackTo(plan, state, returning.revision)
      : most !== undefined && most <= exit
        ? wayBackTo(plan, state, state.adrift?.to ?? 0)
        : wayBackBefore(plan, state, first.id);
  const summary = plan[exit]?.wayBack.summary ?? "";
  return { ...way, path: [{ kind: "undo", step: EMERGENCY_EXIT, summary }, ...way.path] };
}

/** Where a way back begins. */
interface Standing {
  position: number;
  steps: MigrationState["steps"];
  /** What is applied there. */
  config: RawConfig;
}

const standingOf = (state: MigrationState): Standing => ({
  position: state.position,
  steps: state.steps,
  config: currentRevision(state).config,
});

/** Where a way back that is under way will lead: what it undoes is not gone through again. */
function standingAfter(
  plan: Plan,
  state: MigrationState,
  { undoTo }: NonNullable<MigrationState["returning"]>,
  rest: readonly PathItem[],
): Standing {
  const undone = plan.slice(undoTo).map(({ id }) => [id, { ...stepOf(state, id), status: "undone" as const, perhaps: undefined }]);
  return {
    position: Math.min(state.position, undoTo),
    steps: { ...state.steps, ...Object.fromEntries(undone) },
    config: rest.findLast((item) => item.kind === "config")?.config ?? currentRevision(state).config,
  };
}

function wayBackFrom(plan: Plan, state: MigrationState, from: Standing, undoTo: number, target: Revision, now: number): Way {
  const { position, steps } = from;
  // What failed or is under way may have had its effect, and so may what the journal has lost.
  const lost = plan.slice(undoTo).filter((s, i) => {
    const { status = "waiting", perhaps = false } = steps[s.id] ?? {};
    return perhaps || (undoTo + i <= position && ["done", "running", "failed"].includes(status));
  });
  if (
    state.steps[STEP.approveCleanup]?.status === "done" &&
    cleanupApproved(state) &&
    undoTo <= plan.findIndex((s) => s.id === STEP.approveCleanup)
  )
    throw new Conflict(`${state.stack} has begun its cleanup: there is no way back from there.`, {
      next: "Go forward, or rebuild the old side from its final snapshot.",
    });

  const path: PathItem[] = [];
  let { config } = from;
  let adopted = recordAdopted(state.marks);
  const reach = (wanted: RawConfig, summary: string, dnsOnly = false): void => {
    const { config: next, kept } = withFloors(config, wanted, adopted, state.dirty);
    if (configChanges(config, next).length === 0) return;
    path.push({ kind: "config", config: next, kept, dnsOnly, summary });
    config = next;
  };

  const safe = withWeightsOf(config, target.config);
  if (safe !== undefined) reach(safe, weightsBack(safe), true);
  // Nobody knows whether an update that did not finish moved them: they are set again.
  else if (state.dirty && plan[position]?.phase === "traffic" && rawShift(config)?.section.records === "both")
    path.push({
      kind: "config",
      config,
      kept: [],
      dnsOnly: true,
      summary: `Set the ${SHIFTS[shiftKey(config)].label} weights again: an update did not finish.`,
    });
  for (const step of [...lost].reverse()) {
    // Where the engine has gone back already, what lies between is not gone through again.
    if (step.kind === "config" && steps[step.id]?.revision !== undefined && state.adrift?.back !== true) {
      const index = plan.indexOf(step);
      if (step.undo !== undefined) path.push({ kind: "undo", step: step.id, summary: `Stop at once what was begun: ${step.title}.` });
      const earlier = revisionBefore(plan, state, steps, index);
      // While going further back, the weights stay as they were set first.
      reach(withWeightsOf(earlier.config, target.config) ?? earlier.config, step.wayBack.summary);
    }
    if (step.kind === "action" && step.undo !== undefined) path.push({ kind: "undo", step: step.id, summary: step.wayBack.summary });
    // The records are plain again: the program lets go of them, without touching them.
    if (step.kind === "action" && step.marks?.includes("dns-adopted") === true) adopted = false;
  }
  reach(target.config, `Apply revision ${target.number} again.`);
  if (state.dirty && !path.some((item) => item.kind === "config" && !item.dnsOnly)) {
    // What did not finish may have taken the records over: they stay.
    const floored = withFloors(config, config, adopted, true);
    path.push({
      kind: "config",
      ...floored,
      dnsOnly: false,
      summary: `Apply revision ${target.number} again: an update did not finish.`,
    });
  }

  const unsaved = lost.some((s) => s.id === REVERSE) ? lossWithoutReverse(state, now) : undefined;
  const crossed = lost.some((s) => s.pointOfNoReturn === true && (s.kind !== "config" || steps[s.id]?.revision !== undefined));
  return {
    revision: target.number,
    undoTo,
    path: ramped(from.config, joined(from.config, path)),
    crossesPointOfNoReturn: crossed && state.marks["new-writes-allowed"] !== undefined,
    loses: [
      ...(unsaved === undefined ? new Set(lost.map((s) => s.wayBack.loses).filter((l) => l !== "nothing")) : [unsaved]),
      ...editsLost(state, target),
    ],
  };
}

/** What people edited since a revision, and that this takes back; it stays in its own revision. */
function editsLost(state: MigrationState, target: Revision): string[] {
  if (state.refined === undefined) return [];
  const since = state.revisions.filter((r) => r.number > target.number && r.number <= state.revision && r.refines !== undefined);
  return since.flatMap((r) => {
    const before = numbered(state, r.refines);
    const differs = configChanges(withoutSecrets(currentRevision(state).config), withoutSecrets(target.config)).map((c) => c.path);
    const paths = configChanges(withoutSecrets(before?.config ?? {}), withoutSecrets(r.config)).map((c) => c.path);
    const lost = paths.filter((p) => differs.includes(p));
    return lost.length === 0 ? [] : [`the edit of ${lost.join(", ")} in revision ${r.number}`];
  });
}

/** The newest revision from before the step at the index: the last one whose step lies before it, or revision 0. */
function revisionBefore(plan: Plan, state: MigrationState, steps: Standing["steps"], index: number): Revision {
  for (let i = Math.min(index, plan.length) - 1; i >= 0; i -= 1) {
    const id = plan[i]?.id;
    const at = id === undefined ? undefined : steps[id];
    const number = at?.status === "done" ? at.revision : undefined;
    const revision = state.revisions.find((r) => r.number === number);
    if (revision !== undefined) return refinedOf(state, revision);
  }
  const first = state.revisions[0];
  if (first === undefined) throw new Error("a migration has a revision 0");
  return refinedOf(state, first);
}

/** With the edits that people made of it. */
function refinedOf(state: MigrationState, revision: Revision): Revision {
  const newer = numbered(state, state.refined?.[revision.number]);
  return newer === undefined ? revision : refinedOf(state, newer);
}

/** The revision that one which went back led to: those on the way there are no place to stay. */
function restoredBy(state: MigrationState, revision: Revision): Revision {
  const restored = state.revisions.find((r) => r.number === revision.restores);
  return restored === undefined ? revision : restoredBy(state, restored);
}

/** Index of the first step to undo so that the revision's own step, and nothing after it, stays done. */
function undoIndexOf(plan: Plan, state: MigrationState, { step, refines }: Revision): number {
  const before = numbered(state, refines);
  if (before !== undefined) return undoIndexOf(plan, state, restoredBy(state, before));
  return step === undefined ? 0 : plan.findIndex((s) => s.id === step) + 1;
}

const STRATEGY = "cutover:strategy";
const WORKLOAD = "cutover:workload";
/** Until a load balancer's rule and targets follow what the cluster was told, in seconds. */
const SETTLE_SECONDS = 60;

/** What carries the requests: the colours that exist, or Deployment and Rollout. */
function carrierOf(raw: RawConfig): string {
  const { green = false, blue = true, workload = "deployment" } = section(raw, STRATEGY) ?? {};
  return JSON.stringify([green, blue, workload]);
}

/**
 * Neighbouring config changes become one update. Apart from that stay the DNS weights, and changes of what carries the
 * requests: what comes back must be ready before requests are sent there, and what goes must get none any more.
 */
function joined(start: RawConfig, items: PathItem[]): PathItem[] {
  const found: PathItem[] = [];
  let before = start;
  let open = false;
  for (const item of items) {
    if (item.kind === "undo") {
      found.push(item);
      open = false;
      continue;
    }
    const carrier = carrierOf(before) !== carrierOf(item.config);
    const last = found.findLast((i) => i.kind === "config");
    if (open && !carrier && last?.kind === "config") {
      const { afterSeconds } = last;
      found[found.indexOf(last)] = { ...item, ...(afterSeconds === undefined ? {} : { afterSeconds }) };
    } else {
      found.push(afterwards(item, last?.kind !== "config" ? 0 : last.dnsOnly ? resolversFollow(before) : SETTLE_SECONDS));
    }
    open = !item.dnsOnly && !carrier;
    before = item.config;
  }
  return found;
}

/** The item, once what came before it has taken its time. */
const afterwards = <T extends PathItem & { kind: "config" }>(item: T, afterSeconds: number): T =>
  afterSeconds === 0 ? item : { ...item, afterSeconds };

/**
 * Seconds until nobody is sent any more to where the weights sent users before: a load balancer follows at once, resolvers do not.
 * None for a web process that may run only once: it was stopped before, and nobody is served until it starts on the other side.
 */
function resolversFollow(raw: RawConfig): number {
  if (section(raw, WORKLOAD)?.once === true) return 0;
  if (shiftKey(raw) === "traffic") return SETTLE_SECONDS;
  const ttl = Number(section(raw, DNS)?.ttlSeconds ?? 300);
  return Math.max(ttl, ALIAS_TTL_SECONDS) + SETTLE_SECONDS;
}
/** Of an alias to a load balancer. */
const ALIAS_TTL_SECONDS = 60;

/** A fall of green's weight along the earlier weights with pauses, for applications that need warm-up. */
function ramped(start: RawConfig, items: PathItem[]): PathItem[] {
  let before = start;
  return items.flatMap((item): PathItem[] => {
    if (item.kind === "undo") return [item];
    const was = section(before, STRATEGY) ?? {};
    const to = Number(section(item.config, STRATEGY)?.greenWeight ?? 0);
    const ramp = Number(was.abortRampSeconds ?? 0);
    const weights = ramp === 0 ? [] : rampBetween(was, Number(was.greenWeight ?? 0), to);
    const pause = Math.ceil(ramp / (weights.length + 1));
    const between = weights.map((weight, i): PathItem => {
      const config = { ...before, [STRATEGY]: { ...was, greenWeight: weight } };
      const afterSeconds = i === 0 ? item.afterSeconds : pause;
      const { afterSeconds: _, ...rest } = item;
      return { ...rest, config, summary: `Send ${weight} % to green.`, ...(afterSeconds === undefined ? {} : { afterSeconds }) };
    });
    before = item.config;
    return weights.length === 0 ? [item] : [...between, { ...item, afterSeconds: pause }];
  });
}

/** The ramp's weights below the first and above the last, falling. */
function rampBetween(strategy: Section, from: number, to: number): number[] {
  const weights = (strategy.weights as number[] | undefined) ?? [5, 10, 25, 50, 75, 100];
  return weights.filter((w) => w < from && w > to).sort((a, b) => b - a);
}

const DNS = "cutover:dns";
const DATABASE = "cutover:database";
const CLUSTER = "cutover:cluster";
type Section = Record<string, unknown>;
const section = (raw: RawConfig, key: string): Section | undefined => raw[key] as Section | undefined;

/** The config with the wanted config's weights, or undefined when they do not differ or there is no new side yet. */
function withWeightsOf(config: RawConfig, wanted: RawConfig): RawConfig | undefined {
  const now = rawShift(config);
  if (now?.section.records !== "both") return undefined;
  const then = section(wanted, now.key);
  const weights = then?.records === "both" ? then.weights : { old: 100, new: 0 };
  if (JSON.stringify(weights) === JSON.stringify(now.section.weights)) return undefined;
  return { ...config, [now.key]: { ...now.section, weights } };
}

const shiftKey = (raw: RawConfig) => (rawShift(raw)?.key === "cutover:traffic" ? "traffic" : "dns");
const weightsBack = (raw: RawConfig): string => `Set the ${SHIFTS[shiftKey(raw)].label} weights back.`;

type ConfigItem = Extract<PathItem, { kind: "config" }>;

const KEPT_PRIMARY = { path: "database.role", why: "a promoted database cannot become a replica again" };
const isNotPrimary = (database: Section | undefined): database is Section => database !== undefined && database.role !== "primary";

/** The same item where the database turned out to be promoted after the way back was laid out. */
export function keepingPrimary(item: ConfigItem): ConfigItem {
  const database = section(item.config, DATABASE);
  if (!isNotPrimary(database)) return item;
  return { ...item, config: { ...item.config, [DATABASE]: { ...database, role: "primary" } }, kept: [...item.kept, KEPT_PRIMARY] };
}

/** What going back keeps, whatever the earlier config said. */
function withFloors(
  now: RawConfig,
  wanted: RawConfig,
  adopted: boolean,
  dirty: boolean,
): { config: RawConfig; kept: { path: string; why: string }[] } {
  const config = { ...wanted };
  const kept: { path: string; why: string }[] = [];
  const database = section(config, DATABASE);
  if (section(now, DATABASE)?.role === "primary" && isNotPrimary(database)) {
    config[DATABASE] = { ...database, role: "primary" };
    kept.push(KEPT_PRIMARY);
  }
  const dns = section(config, DNS);
  // An update that did not finish may have made them, whatever the config says.
  const stands = dirty || (section(now, DNS)?.records ?? "none") !== "none";
  if (adopted && stands && dns !== undefined && (dns.records ?? "none") === "none") {
    config[DNS] = { ...dns, records: "old" };
    kept.push({ path: "dns.records", why: "the weighted record answers for the name: removing it would leave the name without an answer" });
  }
  for (const controller of ["argoRollouts", "vpa"]) {
    const cluster = section(config, CLUSTER);
    if (section(now, CLUSTER)?.[controller] !== true || cluster === undefined || cluster[controller] === true) continue;
    config[CLUSTER] = { ...cluster, [controller]: true };
    kept.push({ path: `cluster.${controller}`, why: "other applications of the cluster may use the controller" });
  }
  return { config, kept };
}

/** Typed views of a path's configs, for checks and display. */
export function configOf(item: ConfigItem, stack: string): StackConfig {
  return readConfig(item.config, `the way back of ${stack}`, stack, { lenient: true });
}

import type { StackConfig } from "../config/schema.js";
import { configChanges, type RawConfig, readConfig } from "../config/stackFile.js";
import { Conflict, NotFound } from "../errors.js";
import type { PathItem } from "./entries.js";
import type { Plan } from "./plan.js";
import { cleanupApproved } from "./promises.js";
import { currentRevision, type MigrationState } from "./state.js";
import type { Revision } from "./types.js";

/**
 * The way back to an earlier revision, as the list of what will run, in order:
 *   1. DNS weights first, alone, so that users are safe before anything else moves;
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

/** @throws NotFound without that revision, Conflict after the cleanup began */
export function wayBackTo(plan: Plan, state: MigrationState, revision: number): Way {
  const target = state.revisions.find((r) => r.number === revision);
  if (target === undefined) {
    const numbers = state.revisions.map((r) => r.number);
    throw new NotFound(`${state.stack} has no revision ${revision}.`, { next: `Its revisions are ${numbers[0]} to ${numbers.at(-1)}.` });
  }
  return wayBackFrom(plan, state, undoIndexOf(plan, target, state), target);
}

/** The way back that undoes a step and everything after it. */
export function wayBackBefore(plan: Plan, state: MigrationState, stepId: string): Way {
  const index = plan.findIndex((s) => s.id === stepId);
  return wayBackFrom(plan, state, index, revisionBefore(plan, state, index));
}

function wayBackFrom(plan: Plan, state: MigrationState, undoTo: number, target: Revision): Way {
  const lost = plan.slice(undoTo, state.position + 1).filter((s) => isDone(state, s.id) || isUnderWay(state, s.id));
  if (
    state.steps["cleanup.approve"]?.status === "done" &&
    cleanupApproved(state) &&
    undoTo <= plan.findIndex((s) => s.id === "cleanup.approve")
  )
    throw new Conflict(`${state.stack} has begun its cleanup: there is no way back from there.`, {
      next: "Go forward, or rebuild the old side from its final snapshot.",
    });

  const path: PathItem[] = [];
  let config = currentRevision(state).config;
  const reach = (wanted: RawConfig, summary: string, dnsOnly = false): void => {
    const { config: next, kept } = withFloors(config, wanted, state);
    if (configChanges(config, next).length === 0) return;
    const last = path.at(-1);
    if (last?.kind === "config" && !last.dnsOnly) path.pop();
    path.push({ kind: "config", config: next, kept, dnsOnly, summary });
    config = next;
  };

  const safe = withDnsOf(config, target.config);
  if (safe !== undefined) reach(safe, "Set the DNS weights back.", true);
  for (const step of [...lost].reverse()) {
    if (step.kind === "config" && state.steps[step.id]?.revision !== undefined) {
      const index = plan.indexOf(step);
      const earlier = revisionBefore(plan, state, index);
      // While going further back, DNS keeps what was set first.
      reach(withDnsOf(earlier.config, target.config) ?? earlier.config, step.wayBack.summary);
    }
    if (step.kind === "action" && step.undo !== undefined) path.push({ kind: "undo", step: step.id, summary: step.wayBack.summary });
  }
  reach(target.config, `Apply revision ${target.number} again.`);
  if (state.dirty && !path.some((item) => item.kind === "config" && !item.dnsOnly)) {
    path.push({
      kind: "config",
      config,
      kept: [],
      dnsOnly: false,
      summary: `Apply revision ${target.number} again: an update did not finish.`,
    });
  }

  const crossed = lost.some((s) => s.pointOfNoReturn === true && (s.kind !== "config" || state.steps[s.id]?.revision !== undefined));
  return {
    revision: target.number,
    undoTo,
    path,
    crossesPointOfNoReturn: crossed && state.marks["new-writes-allowed"] !== undefined,
    loses: [...new Set(lost.map((s) => s.wayBack.loses).filter((l) => l !== "nothing"))],
  };
}

/** The newest revision from before the step at the index: the last one whose step lies before it, or revision 0. */
function revisionBefore(plan: Plan, state: MigrationState, index: number): Revision {
  for (let i = Math.min(index, plan.length) - 1; i >= 0; i -= 1) {
    const id = plan[i]?.id;
    const number = id === undefined ? undefined : state.steps[id]?.status === "done" ? state.steps[id]?.revision : undefined;
    const revision = state.revisions.find((r) => r.number === number);
    if (revision !== undefined) return revision;
  }
  const first = state.revisions[0];
  if (first === undefined) throw new Error("a migration has a revision 0");
  return first;
}

/** Index of the first step to undo so that the revision's own step, and nothing after it, stays done. */
function undoIndexOf(plan: Plan, target: Revision, state: MigrationState): number {
  if (target.step !== undefined) return plan.findIndex((s) => s.id === target.step) + 1;
  if (target.restores !== undefined) {
    const restored = state.revisions.find((r) => r.number === target.restores);
    if (restored !== undefined) return undoIndexOf(plan, restored, state);
  }
  return 0;
}

const isDone = (state: MigrationState, id: string) => state.steps[id]?.status === "done";
/** Its effect may have happened: it is applied, it failed after that, or its intent has no outcome. */
const isUnderWay = (state: MigrationState, id: string) => ["running", "failed"].includes(state.steps[id]?.status ?? "waiting");

const DNS = "cutover:dns";
const DATABASE = "cutover:database";
const CLUSTER = "cutover:cluster";
type Section = Record<string, unknown>;
const section = (raw: RawConfig, key: string): Section | undefined => raw[key] as Section | undefined;

/** The config with the wanted config's DNS weights, or undefined when they do not differ or there is no new record. */
function withDnsOf(config: RawConfig, wanted: RawConfig): RawConfig | undefined {
  const now = section(config, DNS);
  if (now === undefined || now.records !== "both") return undefined;
  const then = section(wanted, DNS);
  const weights = then?.records === "both" ? then.weights : { old: 100, new: 0 };
  if (JSON.stringify(weights) === JSON.stringify(now.weights)) return undefined;
  return { ...config, [DNS]: { ...now, weights } };
}

/** What going back keeps, whatever the earlier config said. */
function withFloors(
  now: RawConfig,
  wanted: RawConfig,
  state: MigrationState,
): { config: RawConfig; kept: { path: string; why: string }[] } {
  const config = { ...wanted };
  const kept: { path: string; why: string }[] = [];
  const role = section(now, DATABASE)?.role;
  const database = section(config, DATABASE);
  if (role === "primary" && database !== undefined && database.role !== "primary") {
    config[DATABASE] = { ...database, role: "primary", backup: section(now, DATABASE)?.backup };
    if ((config[DATABASE] as Section).backup === undefined) delete (config[DATABASE] as Section).backup;
    kept.push({ path: "database.role", why: "a promoted database cannot become a replica again" });
  }
  const dns = section(config, DNS);
  if (state.marks["dns-adopted"] !== undefined && dns !== undefined && (dns.records ?? "none") === "none") {
    config[DNS] = { ...dns, records: "old" };
    kept.push({ path: "dns.records", why: "the weighted record answers for the name: removing it would leave the name without an answer" });
  }
  const cluster = section(config, CLUSTER);
  if (section(now, CLUSTER)?.argoRollouts === true && cluster !== undefined && cluster.argoRollouts !== true) {
    config[CLUSTER] = { ...cluster, argoRollouts: true };
    kept.push({ path: "cluster.argoRollouts", why: "removing the controller would remove every application's Rollouts" });
  }
  return { config, kept };
}

/** Typed views of a path's configs, for checks and display. */
export function configOf(item: Extract<PathItem, { kind: "config" }>, stack: string): StackConfig {
  return readConfig(item.config, `the way back of ${stack}`, stack);
}

import { isOwn } from "../../ports/observations.js";
import type { GateUse } from "../gates/gate.js";
import { type Plan, planDigest } from "./plan.js";
import type { Phase, Step } from "./step.js";

/**
 * Editions: a migration goes on with the plan that it began with, whatever steps and gates later versions have.
 *
 * Its journal records the plan's shape. What a step does comes from this version's step of the same id and kind; which
 * steps there are, in which order and with which gates, comes from the journal:
 *
 *   a step or gate that this version has more   → is not asked of a migration that began without it
 *   a gate or approval that it has no more      → is kept as recorded; a gate that it cannot measure is unknown
 *   a config step or action that it has no more → stands in the plan as `unknown`: nothing goes forward over it here, a
 *                                                 way back leads over it, without what only its own version can undo
 */
export interface RecordedStep {
  id: string;
  phase: string;
  kind: Step["kind"];
  title: string;
  /** What going back over it loses. */
  loses?: string;
  gates?: GateUse[];
  undoFrom?: string;
  /** Its way back is an action of its own. */
  undo?: true;
  pointOfNoReturn?: true;
  inMaintenance?: true;
  inWritePause?: true;
  asks?: string;
  secondPerson?: true;
  approves?: string;
}
export type PlanShape = readonly RecordedStep[];

const flag = <K extends string>(name: K, holds: boolean | undefined) =>
  (holds === true ? { [name]: true as const } : {}) as { [k in K]?: true };
const given = <K extends string, V>(name: K, value: V | undefined) => (value === undefined ? {} : { [name]: value }) as { [k in K]?: V };

/** What a journal records of a plan. */
export const shapeOf = (plan: Plan): RecordedStep[] =>
  plan.map((s) => ({
    id: s.id,
    phase: s.phase,
    kind: s.kind,
    title: s.title,
    ...given("loses", s.wayBack.loses === "nothing" ? undefined : s.wayBack.loses),
    ...given("gates", "gates" in s && s.gates.length > 0 ? s.gates : undefined),
    ...given("undoFrom", s.undoFrom),
    ...flag("undo", "undo" in s && s.undo !== undefined),
    ...flag("pointOfNoReturn", s.pointOfNoReturn),
    ...flag("inMaintenance", s.inMaintenance),
    ...flag("inWritePause", s.inWritePause),
    ...(s.kind === "approval" ? { asks: s.asks, ...flag("secondPerson", s.secondPerson), ...given("approves", s.approves) } : {}),
  }));

/** The plan of a recorded shape, with what this version's steps do. */
export function editionOf(shape: PlanShape, code: Plan): Plan {
  const ids = new Set(shape.map((s) => s.id));
  return shape.map((recorded) => {
    const step = code.find((s) => s.id === recorded.id && s.kind === recorded.kind);
    return step === undefined ? stranger(recorded, ids) : asRecorded(step, recorded, ids);
  });
}

function asRecorded(step: Step, { gates = [], undoFrom }: RecordedStep, ids: ReadonlySet<string>): Step {
  const { undoFrom: _, ...rest } = step;
  const from = undoFrom !== undefined && ids.has(undoFrom) ? { undoFrom } : {};
  return ("gates" in rest ? { ...rest, gates, ...from } : { ...rest, ...from }) as Step;
}

/** A step that this version does not have. Gates are measured, and people are asked, as the journal says. */
function stranger(
  { loses = "nothing", gates = [], undo, undoFrom, asks, secondPerson, approves, ...recorded }: RecordedStep,
  ids: ReadonlySet<string>,
): Step {
  const left = `${recorded.id}: what it did stays, since this version of cutover cannot undo it`;
  const base = {
    ...recorded,
    phase: recorded.phase as Phase,
    seed: "",
    unknown: true as const,
    wayBack: { summary: recorded.kind === "config" ? "The earlier config is applied." : left, loses: undo === true ? left : loses },
    ...(undoFrom !== undefined && ids.has(undoFrom) ? { undoFrom } : {}),
  };
  switch (recorded.kind) {
    case "config":
      return { ...base, kind: "config", change: () => ({}), gates };
    case "action":
      return { ...base, kind: "action", run: () => Promise.reject(new Error(`this version of cutover has no step ${recorded.id}`)) };
    case "gate":
      return { ...base, kind: "gate", gates };
    case "approval":
      return {
        ...base,
        kind: "approval",
        asks: asks ?? recorded.title,
        secondPerson: secondPerson === true,
        gates,
        ...given("approves", approves),
      };
  }
}

/** Whether only another version can carry a step out. Gates and approvals need nothing but what the journal says. */
export const isBeyond = (step: Step): boolean => step.unknown === true && (step.kind === "config" || step.kind === "action");

/**
 * The plan after people have changed what decides about it (weights, holds), for a migration of any edition.
 * @param begun as its edition has it
 * @param before this version's plan of the config that it began with
 * @param after this version's plan of the config as it is now
 */
export function withChanges(begun: Plan, before: Plan, after: Plan): Plan {
  if (planDigest(begun) === planDigest(before)) return after;
  const stays = begun.filter((s) => find(before, s.id) === undefined || find(after, s.id) !== undefined);
  const plan = stays.map((step) => {
    const [was, is] = [find(before, step.id), find(after, step.id)];
    if (was === undefined || is === undefined || !("gates" in step) || !("gates" in was) || !("gates" in is)) return step;
    return { ...step, gates: gatesAfter(step.gates, was.gates, is.gates) } as Step;
  });
  for (const [i, step] of after.entries()) {
    if (find(before, step.id) !== undefined || find(plan, step.id) !== undefined) continue;
    const earlier = after.slice(0, i).findLast((s) => find(plan, s.id) !== undefined);
    plan.splice(earlier === undefined ? 0 : plan.findIndex((s) => s.id === earlier.id) + 1, 0, step);
  }
  return plan;
}

/** Each recorded gate, with what was changed of it; of the user's own those that there are now. */
const gatesAfter = (recorded: GateUse[], before: GateUse[], after: GateUse[]): GateUse[] => [
  ...recorded.flatMap((use) => {
    const [was, is] = [before, after].map((gates) => gates.find((g) => g.gate === use.gate));
    if (isOwn(use.gate)) return [];
    return is === undefined || JSON.stringify(was) === JSON.stringify(is) ? use : is;
  }),
  ...after.filter((use) => isOwn(use.gate)),
];

const find = (plan: Plan, id: string): Step | undefined => plan.find((s) => s.id === id);

/**
 * The shape of a migration whose journal is older than recorded shapes: what it has begun, in that order, then what this
 * version has after that.
 * @param begun ids of the steps that the journal began, in order
 * @param tuned ids of steps that people's changes brought in later
 */
export function shapeSeen(
  begun: readonly string[],
  kinds: ReadonlyMap<string, Step["kind"]>,
  code: Plan,
  tuned: ReadonlySet<string>,
): RecordedStep[] {
  const seen = [...new Set(begun)].filter((id) => !tuned.has(id));
  const last = Math.max(-1, ...seen.map((id) => code.findIndex((s) => s.id === id)));
  const known = new Map(shapeOf(code).map((s) => [s.id, s]));
  const past = seen.map((id): RecordedStep => known.get(id) ?? unseen(id, kinds.get(id) ?? "gate"));
  const come = code.slice(last + 1).flatMap(({ id }) => (seen.includes(id) ? [] : (known.get(id) ?? [])));
  return [...past, ...come];
}

const unseen = (id: string, kind: Step["kind"]): RecordedStep => ({ id, phase: id.split(".")[0] ?? "", kind, title: id });

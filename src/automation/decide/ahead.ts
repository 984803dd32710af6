import type { Extent } from "../journal/entries.js";
import type { Plan } from "../plan/plan.js";
import type { Step, WayBack } from "../plan/step.js";
import type { MigrationState } from "../state/state.js";

/** Or as far as it was advanced before. */
export type Reach = Extent | "goal";

/** A step that will run without being asked again. */
export interface Coming {
  id: string;
  title: string;
  pointOfNoReturn?: true | undefined;
  /** Of a point of no return: how one comes back after it. */
  wayBack?: WayBack | undefined;
}

/** What runs next, up to the next decision of a person or the end. */
export interface Ahead {
  run: Coming[];
  /** Where it stops for a person; absent at the end. */
  stopsAt?: { id: string; asks: string } | undefined;
  /** How many steps each extent has from here: beyond `run` it stops for the person. */
  reach: Record<Reach, number>;
}

/** The steps that will run from where it stands. An approval that is being waited for is behind us once it is given. Pure. */
export function aheadOf(plan: Plan, state: MigrationState): Ahead {
  const { position, status, goal } = state;
  const first = plan[position];
  if (first === undefined || status === "completed" || status === "aborted")
    return { run: [], reach: { step: 0, phase: 0, end: 0, goal: 0 } };
  const from = status === "approval" && first.kind === "approval" ? position + 1 : position;
  const stop = plan.findIndex((s, i) => i >= from && s.kind === "approval");
  const asked = stop === -1 ? undefined : plan[stop];
  const far = (end: number): number => Math.max(0, end - from);
  return {
    run: plan.slice(from, stop === -1 ? plan.length : stop).map(coming),
    ...(asked?.kind === "approval" ? { stopsAt: { id: asked.id, asks: asked.asks } } : {}),
    reach: {
      step: far(position + 1),
      phase: far(endOfPhase(plan, position)),
      end: far(plan.length),
      goal: far(Math.max(goal, position + 1)),
    },
  };
}

/** What of it an extent runs, and where that stops for a person. */
export function within({ run, stopsAt, reach }: Ahead, extent: Reach): { run: Coming[]; stopsAt?: NonNullable<Ahead["stopsAt"]> } {
  const end = reach[extent];
  return { run: run.slice(0, end), ...(stopsAt === undefined || end <= run.length ? {} : { stopsAt }) };
}

const coming = ({ id, title, pointOfNoReturn, wayBack }: Step): Coming => ({
  ...{ id, title },
  ...(pointOfNoReturn === true ? { pointOfNoReturn, wayBack } : {}),
});

function endOfPhase(plan: Plan, position: number): number {
  const end = plan.findIndex((s, i) => i > position && s.phase !== plan[position]?.phase);
  return end === -1 ? plan.length : end;
}

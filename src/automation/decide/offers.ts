import { CutoverError } from "../../errors.js";
import type { Command } from "../journal/entries.js";
import type { Plan } from "../plan/plan.js";
import { currentConfig, type MigrationState } from "../state/state.js";
import { checkCommand } from "./commandRules.js";
import { tunables } from "./tuning.js";

/** What a person may do to a migration. Whether there is an edit to be taken, only the stack's file knows. */
export type Action = Exclude<Command["command"], "edit">;

/** The likely next thing first, the way back last. */
export const ACTIONS = [
  "approve",
  "refuse",
  "confirm",
  "advance",
  "resume",
  "promote",
  "pause",
  "tune",
  "rollback",
  "abort",
  "emergency",
] as const satisfies readonly Action[];

/** Whether the service would take the command now, and why not. */
export interface Offer {
  offered: boolean;
  /** Why not. */
  why?: string;
  /** What to do instead. */
  next?: string;
  /** Whom it is not offered to: it needs a second person. */
  notBy?: string;
}
export type Offers = Record<Action, Offer>;

/**
 * What is offered now, by the rules that accept or refuse: each action is tried as the command that it would be, and so
 * nothing is offered that the service refuses, and nothing it takes is hidden. What only the far side knows (a config
 * file edited by hand, an old side that is no better) is said when the command is given. Pure.
 * @param now on the target's clock
 */
export function offersOf(plan: Plan, state: MigrationState, now: number): Offers {
  return Object.fromEntries(ACTIONS.map((action) => [action, offerOf(plan, state, action, now)])) as Offers;
}

/**
 * The command that an action would be, as anybody but those named in `notBy` would give it; undefined where there is
 * nothing that it could be about.
 */
export function commandFor(plan: Plan, state: MigrationState, action: Action): Command | undefined {
  const step = plan[state.position]?.id;
  const why = "a person says so";
  switch (action) {
    case "advance":
      return { command: action, extent: "step" };
    case "approve":
      return step === undefined ? undefined : { command: action, step };
    case "refuse":
      return step === undefined ? undefined : { command: action, step, why };
    case "confirm":
      return state.proposal === undefined ? undefined : { command: action, tuning: state.proposal.seq };
    case "tune": {
      const [value] = Object.entries(tunables(currentConfig(state)));
      return value === undefined ? undefined : { command: action, changes: Object.fromEntries([value]), why };
    }
    case "rollback": {
      const revision = earlierRevision(plan, state);
      return revision === undefined ? undefined : { command: action, revision, why };
    }
    case "pause":
    case "abort":
    case "emergency":
      return { command: action, why };
    case "promote":
    case "resume":
      return { command: action };
  }
}

const NOTHING: Record<Action, string> = {
  approve: "no step is left.",
  refuse: "no step is left.",
  confirm: "no tuning waits for a second person.",
  tune: "nothing of it can be tuned.",
  rollback: "there is no other revision to go back to.",
  advance: "",
  resume: "",
  promote: "",
  pause: "",
  abort: "",
  emergency: "",
};

function offerOf(plan: Plan, state: MigrationState, action: Action, now: number): Offer {
  const command = commandFor(plan, state, action);
  const refused = command === undefined ? { why: NOTHING[action] } : refusalOf(plan, state, command, now);
  if (refused !== undefined) return { offered: false, ...refused };
  const notBy = action === "approve" ? firstOf(plan, state) : action === "confirm" ? state.proposal?.who : undefined;
  return notBy === undefined ? { offered: true } : { offered: true, notBy };
}

/** Who advanced, where a second person must approve. */
function firstOf(plan: Plan, { position, advancedBy }: MigrationState): string | undefined {
  const step = plan[position];
  return step?.kind === "approval" && step.secondPerson ? advancedBy : undefined;
}

/** What the calendar has a say in is asked again at each look. All else depends on the state alone, and is worked out once. */
const BY_CLOCK: readonly Command["command"][] = ["advance", "resume", "approve"];
const known = new WeakMap<MigrationState, Map<string, Refusal | undefined>>();
type Refusal = Pick<Offer, "why" | "next">;

function refusalOf(plan: Plan, state: MigrationState, command: Command, now: number): Refusal | undefined {
  if (BY_CLOCK.includes(command.command)) return tried(plan, state, command, now);
  const key = JSON.stringify(command);
  const of = known.get(state) ?? new Map<string, Refusal | undefined>();
  known.set(state, of);
  if (!of.has(key)) of.set(key, tried(plan, state, command, now));
  return of.get(key);
}

/** The refusal, without the stack's name in front. */
function tried(plan: Plan, state: MigrationState, command: Command, now: number): Refusal | undefined {
  try {
    checkCommand({ plan, state, command, who: "", now });
    return undefined;
  } catch (error) {
    if (!(error instanceof CutoverError)) throw error;
    const lead = `${state.stack}: `;
    const why = error.message.startsWith(lead) ? error.message.slice(lead.length) : error.message;
    return { why, ...(error.next === undefined ? {} : { next: error.next }) };
  }
}

const earlier = new WeakMap<MigrationState, { number: number | undefined }>();

/** The newest revision beside the applied one that can be gone back to. */
function earlierRevision(plan: Plan, state: MigrationState): number | undefined {
  const found = earlier.get(state);
  if (found !== undefined) return found.number;
  const others = state.revisions.filter((r) => r.number !== state.revision);
  const takes = (revision: number): boolean =>
    refusalOf(plan, state, { command: "rollback", revision, why: "" }, state.updatedAt) === undefined;
  const number = others.findLast((r) => takes(r.number))?.number ?? others.at(-1)?.number;
  earlier.set(state, { number });
  return number;
}

import { freezeAt, localTime, maintenanceAllowed, nextMaintenance } from "../../config/calendar.js";
import { shiftOf } from "../../config/shift.js";
import { Conflict, NotFound, printable } from "../../errors.js";
import type { Command } from "../journal/entries.js";
import { maybeSamePerson } from "../journal/person.js";
import { EMERGENCY_EXIT } from "../plan/phases/emergencyExit.js";
import type { Plan } from "../plan/plan.js";
import { currentConfig, currentRevision, type MigrationState } from "../state/state.js";
import { beyondOf } from "./editions.js";
import { checkEdit, isInWindow } from "./edits.js";
import { checkTuning } from "./tuning.js";
import { adriftWhy, emergencyWay, wayBackTo } from "./wayBack.js";

export interface Asked {
  plan: Plan;
  state: MigrationState;
  command: Command;
  who: string;
  /** What the identity provider knows them by, as digests. */
  ids?: readonly string[];
  /** On the target's clock. */
  now: number;
  /** Who runs the stack, when somebody here does. */
  runner?: string;
}

/** What a version that does not know all of a journal leaves to one that does. */
const FORWARD: readonly Command["command"][] = ["advance", "resume", "approve", "tune", "edit", "confirm", "promote"];

/**
 * Whether a command is possible now. Pure.
 * @throws Conflict when the state does not allow it (naming who runs the stack), NotFound, UserError
 */
export function checkCommand(asked: Asked): void {
  const { plan, state, command, now, runner } = asked;
  const { calendar } = currentConfig(state);
  const step = plan[state.position];
  const refuse = refusing(asked);
  const refuseFrozen = (): void => {
    const freeze = freezeAt(calendar, now);
    if (freeze !== undefined)
      refuse(`it is frozen until ${localTime(calendar, freeze.until)}: ${freeze.why}.`, "Wait, or go back; both are always possible.");
  };
  if (state.status === "completed" || state.status === "aborted") refuse(`the migration is ${state.status}.`);
  const beyond = FORWARD.includes(command.command) ? beyondOf(plan, state) : undefined;
  if (beyond !== undefined)
    refuse(`${beyond}.`, "Use the version of cutover that wrote it. Pausing and every way back are possible here too.");
  if (state.adrift !== undefined && state.returning === undefined && FORWARD.includes(command.command))
    refuse(adriftWhy(state.adrift.to), `cutover rollback ${state.stack} --to ${state.adrift.to}`);
  switch (command.command) {
    case "advance":
      // One that is about to end finds the command before it goes.
      if (runner !== undefined && state.status === "running")
        refuse(`${step?.id ?? "its last step"} is running, held by ${runner}.`, "Wait for it, or pause it.");
      if (state.status !== "ready")
        refuse(
          `it is ${state.status}${state.heldReason === undefined ? "" : `: ${state.heldReason}`}.`,
          state.status === "held" || state.status === "paused" ? "Resume or roll back." : undefined,
        );
      refuseFrozen();
      return;
    case "resume":
      if (state.status !== "held" && state.status !== "paused") refuse(`it is ${state.status}, not held or paused.`);
      if (state.returning === undefined) refuseFrozen();
      return;
    case "tune":
      checkTuning(state, plan, command.changes);
      return;
    case "edit":
      if (state.returning !== undefined || state.requested !== undefined) refuse("it is on its way back.", "Edit it when it stands.");
      if (isInWindow(plan, state)) refuse("users' writes may be stopped now.", "Wait for the step to end, or go back.");
      checkEdit(state, plan, command.changes);
      return;
    case "confirm":
      checkConfirmation(asked, command.tuning);
      return;
    case "promote":
      if (step?.kind !== "config" || step.promote === undefined || !state.applied || state.status !== "running")
        refuse(`nothing that can be promoted is under way; the position is ${step?.id ?? "the end"}.`);
      return;
    case "pause":
      if (state.status === "paused") refuse("it is paused already.");
      // A pause would put its own reason in the place of what a person has to read.
      if (state.status === "held") refuse("it is held: nothing runs.", "Read why, then resume it or roll back.");
      return;
    case "approve":
    case "refuse":
      checkAnswer(asked, command);
      return;
    case "rollback":
      if (state.status === "returning" && beyondOf(plan, state) === undefined) refuse("it is going back already.");
      wayBackTo(plan, state, command.revision);
      return;
    case "emergency":
      // A way back whose engine hangs or fails is overtaken by the weights themselves.
      if (state.status === "returning" && isEmergency(state)) refuse("the emergency is under way already.");
      emergencyWay(plan, state);
      if (command.insist !== true && allOnOldSide(state))
        refuse(
          "all users are on the old side already: the weights are 100 % old, 0 % new.",
          "If the far side shows otherwise, insist (--insist): the weights are set again.",
        );
      return;
    case "abort":
      if (state.status === "returning" && beyondOf(plan, state) === undefined) refuse("it is going back already.");
      wayBackTo(plan, state, 0);
      return;
  }
}

/** Its way back begins with the weights themselves. */
export function isEmergency({ returning }: MigrationState): boolean {
  const first = returning?.path[0];
  return first?.kind === "undo" && first.step === EMERGENCY_EXIT;
}

/** Nothing moves users, and nothing speaks for one on the new side: neither the config, nor what the far side showed since. */
function allOnOldSide(state: MigrationState): boolean {
  const { status, dirty, intent, requested, drift, sentBack, shownNewWeight: shown } = state;
  const shift = shiftOf(currentConfig(state));
  if (status === "running" || status === "returning" || dirty || intent !== undefined || requested !== undefined) return false;
  if (drift !== undefined || sentBack?.shown === false) return false;
  if (shown !== undefined && shown.value > 0 && shown.at >= currentRevision(state).at) return false;
  return shift?.records === "both" && shift.weights.new === 0;
}

/** What a person says to a step that waits for them. */
function checkAnswer(asked: Asked, command: Extract<Command, { command: "approve" | "refuse" }>): void {
  const { plan, state, who, now } = asked;
  const { calendar } = currentConfig(state);
  const refuse = refusing(asked);
  const step = plan.find((s) => s.id === command.step);
  const position = plan[state.position]?.id;
  if (step === undefined)
    throw new NotFound(`${state.stack} has no step ${printable(command.step)}.`, { next: "Its plan lists the steps by id." });
  if (state.returning !== undefined) refuse("it is on its way back.", "Resume it, or wait for it.");
  if (step.id !== position || (state.status !== "approval" && state.status !== "held"))
    refuse(`${step.id} does not wait for approval now; the position is ${position ?? "the end"}.`);
  // What is held for another reason than a loss that a person may accept is resumed after that reason was read, never approved:
  // after an emergency an approval would send users to the new side again.
  if (state.status === "held" && state.heldPromise !== 7)
    refuse(
      `it is held${state.heldReason === undefined ? "" : `: ${state.heldReason}`}; nothing asks for ${command.command === "refuse" ? "an answer" : "an approval"}.`,
      "Read why, then resume it or roll back.",
    );
  if (command.command === "refuse") return;
  const first = { who: state.advancedBy, ids: state.advancedIds };
  if (step.kind === "approval" && step.secondPerson && maybeSamePerson(asked, first)) {
    const also = who === first.who ? "" : `, and is the same person as ${who} by name or by the identity provider`;
    refuse(`${step.id} needs a second person: ${first.who} advanced this migration${also}.`);
  }
  if (command.preview !== undefined && command.preview !== state.steps[step.id]?.preview?.digest)
    refuse(`the preview of ${step.id} is not the one that was seen.`, "Look at it again, then approve.");
  if (step.inMaintenance === true && !maintenanceAllowed(calendar, now))
    refuse(`it is outside the maintenance windows; the next opens on ${localTime(calendar, nextMaintenance(calendar, now))}.`);
}

/** A tuning that loosens protections counts once a second person wants it too. */
function checkConfirmation(asked: Asked, tuning: number): void {
  const { state, who } = asked;
  const refuse = refusing(asked);
  const { proposal } = state;
  if (proposal === undefined) throw new Conflict(`${state.stack}: no tuning waits for a second person.`);
  if (proposal.seq !== tuning)
    refuse(`entry ${tuning} is not the tuning that waits; that is ${proposal.seq}.`, "Look at it again, then confirm.");
  if (maybeSamePerson(asked, proposal))
    refuse(
      `it needs a second person: ${proposal.who} wanted it${who === proposal.who ? "" : `, the same person as ${who} by name or by the identity provider`}.`,
    );
  // The position may have moved on meanwhile.
  checkTuning(state, asked.plan, proposal.changes);
}

const refusing =
  ({ state, runner }: Asked) =>
  (why: string, next?: string): never => {
    throw new Conflict(`${state.stack}: ${why}`, { holder: runner, ...(next === undefined ? {} : { next }) });
  };

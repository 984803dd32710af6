import { SHIFTS, shiftOf } from "../../config/shift.js";
import { type RawConfig, readConfig } from "../../config/stackFile.js";
import { Conflict, Transient } from "../../errors.js";
import type { Decision } from "../decide/decision.js";
import { lossesOf } from "../decide/losses.js";
import { Cancelled, type Driver, type Updated } from "../engine/driver.js";
import { isUnsettled } from "../engine/failures.js";
import { engineStart, thisSystem } from "../engine/system.js";
import type { Entry } from "../journal/entries.js";
import type { Preview } from "../journal/records.js";
import { currentConfig, currentRevision, type MigrationState, promotes, type UpdateIntent } from "../state/state.js";
import { failureOf } from "./failure.js";
import { type Weights, weightsOf } from "./sendBack.js";

export interface UpdateParts {
  driver: Driver;
  state: () => MigrationState;
  append: (entry: Entry) => Promise<void>;
  /** Whether the new database is a primary, as it says itself. @throws Transient where that is not known */
  isPrimary: () => Promise<boolean>;
  /** @throws Conflict when the lease was lost */
  requireHeld: () => Promise<void>;
  /** Sets both records' weights in one batch, past the engine. */
  setWeights: (weights: Weights, key: string) => Promise<void>;
  /** Whether a person or an alarm leads back. */
  leadsBack: () => boolean;
  /** The service is ending, or the lease was lost. */
  stop: AbortSignal;
}

/**
 * Previews and updates of one runner: the intent is journaled before an update, the outcome after it. What became of an
 * update that a crash interrupted is found out, and what a failed one had begun is settled before the next.
 *
 * An update that moves users sets the weights itself first, in one batch, since the engine changes one record after the
 * other: on a way back before anything is waited for, going forward once nobody else holds the engine.
 */
export class Updates {
  constructor(private readonly parts: UpdateParts) {}

  async preview({ step, attempt, config }: Extract<Decision, { do: "preview" }>): Promise<void> {
    const { append, driver, state, stop } = this.parts;
    const fail = (error: unknown) => append({ type: "preview.failed", step: step.id, ...failureOf(error) });
    const open = await this.settle(false);
    if (open !== undefined) return fail(open);
    let preview: Preview;
    try {
      // A preview takes no lock: only what a killed engine left half written would be in its way.
      await this.tell(await driver.clearDeadLocks(state().stack, undefined, { wait: false }));
      preview = await driver.preview(state().stack, config);
    } catch (error) {
      if (error instanceof Cancelled && stop.aborted) throw error;
      return fail(error);
    }
    const wanted = readConfig(config, `the config after ${step.id}`, state().stack);
    const blocked = lossesOf(preview.changes, currentConfig(state()), wanted).map((c) => c.name);
    await append({ type: "preview.stored", step: step.id, attempt, preview, blocked });
  }

  async update({ key, config, why, step, edit, refines, restores, kept, dnsOnly }: Extract<Decision, { do: "update" }>): Promise<void> {
    const state = this.parts.state();
    const moves = movesUsers(state, config);
    const intent: UpdateIntent = {
      type: "update.intended",
      key,
      revision: Math.max(...state.revisions.map((r) => r.number)) + 1,
      config,
      why,
      who:
        edit !== undefined ? (state.edit?.who ?? "cutover") : state.returning === undefined ? (state.advancedBy ?? "cutover") : "cutover",
      ...(step === undefined ? {} : { step: step.id }),
      ...(edit === undefined ? {} : { edit }),
      ...(refines === undefined ? {} : { refines }),
      ...(restores === undefined ? {} : { restores }),
      ...(kept === undefined || kept.length === 0 ? {} : { kept }),
      ...(dnsOnly ? { targetDns: true } : {}),
      engine: engineStart(),
    };
    await this.parts.append(intent);
    await this.apply(intent, moves);
  }

  /** An update that was intended before a crash: done already, or done now under the same key. */
  async recover(intent: UpdateIntent): Promise<void> {
    const { append, driver } = this.parts;
    const { stack } = this.parts.state();
    const { key, config, revision, engine } = intent;
    // Whoever goes back does not wait for what went forward: it is settled when its turn comes.
    if (this.parts.leadsBack() && intent.restores === undefined)
      return append({
        type: "update.failed",
        key,
        revision,
        error: "It was under way when it was told to go back; how far it came is found out after users are safe.",
        transient: true,
        unsettled: true,
      });
    // From here on it is this system's: what a crash leaves behind now is told from what the one before left.
    if (engine?.system !== thisSystem())
      await append({ type: "runner.recovered", note: `${key} goes on on another system.`, engine: engineStart() });
    if (intent.restores !== undefined) await this.sendBack(intent);
    const notes = await driver.clearDeadLocks(stack, engine);
    const done = await driver.findUpdate(stack, config, key);
    if (done !== undefined) {
      await append({ type: "runner.recovered", note: [`The update of ${key} had finished.`, ...notes].join(" ") });
      return append({ type: "update.succeeded", key, revision, ...done, recovered: true });
    }
    const lead = [`The update of ${key} had not finished; it goes on.`, ...notes].join(" ");
    const open = await this.settle(intent.targetDns === true, { intent, lead });
    if (open !== undefined) throw open;
    return this.apply(intent, movesUsers({ ...this.parts.state(), dirty: false }, config));
  }

  private async apply(intent: UpdateIntent, moves: boolean): Promise<void> {
    const { append, driver, requireHeld, state, stop } = this.parts;
    await requireHeld();
    const { key, revision, config } = intent;
    const { stack } = state();
    const back = intent.restores !== undefined;
    const dnsOnly = intent.targetDns === true;
    const fail = (error: unknown) =>
      append({ type: "update.failed", key, revision, ...failureOf(error), ...(isUnsettled(error) ? { unsettled: true } : {}) });
    let updated: Updated;
    let told: string[] = [];
    try {
      if (moves && back) await this.sendBack(intent);
      const open = await this.settle(dnsOnly);
      if (open !== undefined) return await fail(open);
      await this.tell(await driver.clearDeadLocks(stack));
      const weights = weightsOf(config);
      if (moves && !back && weights !== undefined) await this.parts.setWeights(weights, `${key}/weights`);
      const { notes, ...done } = await driver.update(stack, config, key, { dnsOnly, back, known: writtenBefore(state()) });
      [updated, told] = [done, notes ?? []];
    } catch (error) {
      // The service ends: the update stays intended, and the next runner finds out how far it came.
      if (error instanceof Cancelled && stop.aborted) throw error;
      return fail(error);
    }
    await this.tell(told);
    // When this line cannot be written, the update still happened: it stays intended, and is looked for.
    await append({ type: "update.succeeded", key, revision, ...updated });
  }

  /** On a way back: the weights, before anything is waited for. Where that fails the engine still may. */
  private async sendBack({ key, config }: UpdateIntent): Promise<void> {
    const weights = weightsOf(config);
    if (weights === undefined) return;
    try {
      await this.parts.setWeights(weights, `${key}/weights`);
    } catch (error) {
      // Passing: the whole item is tried again, and begins with the weights.
      if (error instanceof Transient || !(error instanceof Error) || !("code" in error)) throw error;
      await this.tell([`The weights could not be set past the engine, which goes on: ${error.message}`]);
    }
  }

  private async tell(notes: string[]): Promise<void> {
    if (notes.length > 0) await this.parts.append({ type: "runner.recovered", note: notes.join(" ") });
  }

  /** Before a way back goes on: what was not settled counts as a failure of the step whose update it was. */
  async settleFirst({ of: step }: Extract<Decision, { do: "settle" }>): Promise<void> {
    const open = await this.settle(false);
    if (open !== undefined) await this.parts.append({ type: "preview.failed", step, ...failureOf(open) });
  }

  /**
   * Brings what failed updates had begun into the engine's state, before that is compared with anything.
   * @param dnsOnly looks at the weighted records alone: they do not wait for the rest
   * @param interrupted one more that is under way, of which a crash left nothing but its intent, and what is said of it
   * @returns why that did not succeed and nothing is to be compared
   */
  private async settle(dnsOnly: boolean, interrupted?: { intent: UpdateIntent; lead: string }): Promise<Error | undefined> {
    const { append, driver, isPrimary, requireHeld, stop } = this.parts;
    const state = this.parts.state();
    const { stack, returning } = state;
    const back = returning !== undefined;
    const unsettled = [...(state.unsettled ?? []), ...(interrupted === undefined ? [] : [interrupted.intent])];
    if (unsettled.length === 0) return undefined;
    const promotion = unsettled.some((u) => promotes(state, u));
    await requireHeld();
    const notes: string[] = [];
    let promoted = false;
    try {
      for (const { config, engine, targetDns } of unsettled) {
        notes.push(...(await driver.clearDeadLocks(stack, engine)));
        notes.push(...(await driver.recover(stack, config, { dnsOnly: dnsOnly || targetDns === true, back })));
      }
      promoted = promotion && (await isPrimary());
    } catch (error) {
      if (error instanceof Cancelled && stop.aborted) throw error;
      if (error instanceof Transient || error instanceof Conflict || !back || promotion) return error as Error;
      // What does not pass automatically must not be in the way of going back.
      const note = `What an unfinished update had begun could not be settled, and the way back goes on without: ${(error as Error).message}`;
      await append({ type: "runner.recovered", note });
      return undefined;
    }
    const settled = !dnsOnly || unsettled.every((u) => u.targetDns === true);
    const { moved } = SHIFTS[shiftOf(currentConfig(state))?.section ?? "dns"];
    const what = interrupted?.lead ?? `What an unfinished update had begun${settled ? "" : ` on ${moved}`} was settled.`;
    if (promoted) notes.push("It had promoted the database, which stays a primary.");
    await append({
      type: "runner.recovered",
      note: [what, ...notes].join(" "),
      ...(settled ? { settled } : {}),
      ...(promoted ? { promoted } : {}),
    });
    return undefined;
  }
}

/** What cutover wrote or was about to write, newest first: all else in the file is somebody's. */
export const writtenBefore = (state: MigrationState): RawConfig[] => [
  ...(state.tried ?? []),
  currentRevision(state).config,
  ...state.revisions.map((r) => r.config).reverse(),
];

/** Whether an update to a config changes where users are sent, or may find them elsewhere than the last revision says. */
function movesUsers(state: MigrationState, config: RawConfig): boolean {
  const next = weightsOf(config);
  const now = weightsOf(currentRevision(state).config);
  // The record that is made with the update has its weight from it.
  if (next === undefined || now === undefined) return false;
  return state.dirty || next.new !== now.new || next.old !== now.old;
}

import { readConfig } from "../../config/stackFile.js";
import { Transient } from "../../errors.js";
import type { Decision } from "../decide/decision.js";
import { lossesOf } from "../decide/losses.js";
import { Cancelled, type Driver, type Updated } from "../engine/driver.js";
import { isUnsettled } from "../engine/failures.js";
import { engineStart, thisSystem } from "../engine/system.js";
import type { Entry } from "../journal/entries.js";
import type { Preview } from "../journal/records.js";
import { currentConfig, type MigrationState, promotes, type UpdateIntent } from "../state/state.js";
import { failureOf } from "./failure.js";

export interface UpdateParts {
  driver: Driver;
  state: () => MigrationState;
  append: (entry: Entry) => Promise<void>;
  /** Whether the new database is a primary, as it says itself. @throws Transient where that is not known */
  isPrimary: () => Promise<boolean>;
  /** @throws Conflict when the lease was lost */
  requireHeld: () => Promise<void>;
  /** The service is ending, or the lease was lost. */
  stop: AbortSignal;
}

/**
 * Previews and updates of one runner: the intent is journaled before an update, the outcome after it. What became of an
 * update that a crash interrupted is found out, and what a failed one had begun is settled before the next.
 */
export class Updates {
  constructor(private readonly parts: UpdateParts) {}

  async preview({ step, attempt, config }: Extract<Decision, { do: "preview" }>): Promise<void> {
    const { append, driver, state } = this.parts;
    const fail = (error: unknown) => append({ type: "preview.failed", step: step.id, ...failureOf(error) });
    const open = await this.settle(false);
    if (open !== undefined) return fail(open);
    let preview: Preview;
    try {
      preview = await driver.preview(state().stack, config);
    } catch (error) {
      return fail(error);
    }
    const wanted = readConfig(config, `the config after ${step.id}`, state().stack);
    const blocked = lossesOf(preview.changes, currentConfig(state()), wanted).map((c) => c.name);
    await append({ type: "preview.stored", step: step.id, attempt, preview, blocked });
  }

  async update({ key, config, why, step, restores, kept, dnsOnly }: Extract<Decision, { do: "update" }>): Promise<void> {
    const state = this.parts.state();
    const intent: UpdateIntent = {
      type: "update.intended",
      key,
      revision: Math.max(...state.revisions.map((r) => r.number)) + 1,
      config,
      why,
      who: state.returning === undefined ? (state.advancedBy ?? "cutover") : "cutover",
      ...(step === undefined ? {} : { step: step.id }),
      ...(restores === undefined ? {} : { restores }),
      ...(kept === undefined || kept.length === 0 ? {} : { kept }),
      ...(dnsOnly ? { targetDns: true } : {}),
      engine: engineStart(),
    };
    await this.parts.append(intent);
    await this.apply(intent);
  }

  /** An update that was intended before a crash: done already, or done now under the same key. */
  async recover(intent: UpdateIntent): Promise<void> {
    const { append, driver } = this.parts;
    const { stack } = this.parts.state();
    const { key, config, revision, engine } = intent;
    // From here on it is this system's: what a crash leaves behind now is told from what the one before left.
    if (engine?.system !== thisSystem())
      await append({ type: "runner.recovered", note: `${key} goes on on another system.`, engine: engineStart() });
    const notes = await driver.clearDeadLocks(stack, engine);
    const done = await driver.findUpdate(stack, config, key);
    if (done !== undefined) {
      await append({ type: "runner.recovered", note: [`The update of ${key} had finished.`, ...notes].join(" ") });
      return append({ type: "update.succeeded", key, revision, ...done, recovered: true });
    }
    const lead = [`The update of ${key} had not finished; it goes on.`, ...notes].join(" ");
    const open = await this.settle(intent.targetDns === true, { intent, lead });
    if (open !== undefined) throw open;
    return this.apply(intent);
  }

  private async apply(intent: UpdateIntent): Promise<void> {
    const { append, driver, requireHeld, state, stop } = this.parts;
    await requireHeld();
    const { key, revision, config } = intent;
    const dnsOnly = intent.targetDns === true;
    const fail = (error: unknown) =>
      append({ type: "update.failed", key, revision, ...failureOf(error), ...(isUnsettled(error) ? { unsettled: true } : {}) });
    const open = await this.settle(dnsOnly);
    if (open !== undefined) return fail(open);
    let updated: Updated;
    try {
      updated = await driver.update(state().stack, config, key, { dnsOnly });
    } catch (error) {
      // The service ends: the update stays intended, and the next runner finds out how far it came.
      if (error instanceof Cancelled && stop.aborted) throw error;
      return fail(error);
    }
    // When this line cannot be written, the update still happened: it stays intended, and is looked for.
    await append({ type: "update.succeeded", key, revision, ...updated });
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
    const { append, driver, isPrimary, requireHeld } = this.parts;
    const state = this.parts.state();
    const { stack, returning } = state;
    const unsettled = [...(state.unsettled ?? []), ...(interrupted === undefined ? [] : [interrupted.intent])];
    if (unsettled.length === 0) return undefined;
    const promotion = unsettled.some((u) => promotes(state, u));
    await requireHeld();
    const notes: string[] = [];
    let promoted = false;
    try {
      for (const { config, engine, targetDns } of unsettled) {
        notes.push(...(await driver.clearDeadLocks(stack, engine)));
        notes.push(...(await driver.recover(stack, config, { dnsOnly: dnsOnly || targetDns === true })));
      }
      promoted = promotion && (await isPrimary());
    } catch (error) {
      if (error instanceof Transient || returning === undefined || promotion) return error as Error;
      // What does not pass by itself must not be in the way of going back.
      const note = `What an unfinished update had begun could not be settled, and the way back goes on without: ${(error as Error).message}`;
      await append({ type: "runner.recovered", note });
      return undefined;
    }
    const settled = !dnsOnly || unsettled.every((u) => u.targetDns === true);
    const what = interrupted?.lead ?? `What an unfinished update had begun${settled ? "" : " on the weighted records"} was settled.`;
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

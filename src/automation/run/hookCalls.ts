import type { Hook, HookCall, HooksPort } from "../../ports/hooks.js";
import type { Decision } from "../decide/decision.js";
import { type Occasion, occasionsOf } from "../decide/occasions.js";
import type { Entry } from "../journal/entries.js";
import { type HookAnswer, isAsked } from "../journal/records.js";
import type { Plan } from "../plan/plan.js";
import type { HookIntent } from "../state/hooks.js";
import { currentConfig, type MigrationState } from "../state/state.js";

export interface HookParts {
  port: HooksPort;
  plan: Plan;
  state: () => MigrationState;
  append: (entry: Entry) => Promise<void>;
  /** Ends what is under way; it is taken up by the next runner. */
  stop: AbortSignal;
}

/**
 * Calls the hooks of one runner: the intent is journaled before a call, the outcome after it. An answer that a command
 * interrupted is asked for again under the same id, and so is one that a crash cut off.
 */
export class HookCalls {
  /** Announcements under way, by id, and what they answered. */
  private readonly announcing = new Map<string, Promise<void>>();
  private readonly answered: { intent: HookIntent; answer: HookAnswer }[] = [];

  constructor(private readonly parts: HookParts) {}

  /**
   * Before a decision is carried out: asks the hooks of its moments, or announces it to them.
   * @param signal ends a question when a command comes in
   * @returns false when the journal has grown, or a question was interrupted: decide again
   */
  async before(decision: Decision, signal: AbortSignal): Promise<boolean> {
    if (await this.journalAnswers()) return false;
    for (const occasion of occasionsOf(this.parts.plan, this.parts.state(), decision)) {
      const { application } = currentConfig(this.parts.state());
      for (const hook of this.parts.port.at(occasion.moment, { application: application.name, environment: application.environment })) {
        if (isAsked(occasion.moment)) {
          if (this.parts.state().hooks.passed.includes(`${occasion.moment}/${hook.name}`)) continue;
          await this.ask(hook, await this.intend(hook, occasion), occasion, signal);
          // A command may have come in meanwhile, or the hook said no.
          return false;
        }
        this.announce(hook, await this.intend(hook, occasion), occasion);
      }
    }
    return true;
  }

  /** Waits until one more announcement was answered, or the signal. @returns false when none is under way */
  async oneMore(signal: AbortSignal): Promise<boolean> {
    if (this.announcing.size === 0 && this.answered.length === 0) return false;
    if (this.answered.length === 0) await Promise.race([...this.announcing.values(), aborted(signal)]);
    await this.journalAnswers();
    return true;
  }

  /** What a crash cut off is announced again. */
  takeUp(): void {
    const { state, port, plan } = this.parts;
    const { application } = currentConfig(state());
    for (const intent of state().hooks.pending.filter((p) => !isAsked(p.moment))) {
      const hooks = port.at(intent.moment, { application: application.name, environment: application.environment });
      const hook = hooks.find((h) => h.name === intent.hook);
      const step = plan.find((s) => s.id === intent.step);
      const { moment, reason } = intent;
      const occasion = { moment, ...(step === undefined ? {} : { step }), ...(reason === undefined ? {} : { reason }) };
      if (hook !== undefined) this.announce(hook, intent, occasion);
      else this.answered.push({ intent, answer: { outcome: "failed", detail: "the service ended, and the hook is configured no more" } });
    }
  }

  private async intend(hook: Hook, { moment, step, reason }: Occasion): Promise<HookIntent> {
    const at = step?.id;
    const same = (p: HookIntent) => p.moment === moment && p.hook === hook.name && p.step === at && p.reason === reason;
    const open = this.parts.state().hooks.pending.find(same);
    if (open !== undefined) return open;
    const { stack, lastSeq } = this.parts.state();
    // The journal's length tells one call from a later one at the same step.
    const id = [stack, ...(at === undefined ? [] : [at]), moment, hook.name, lastSeq + 1].join("/");
    await this.parts.append({
      type: "hook.intended",
      id,
      hook: hook.name,
      moment,
      ...(at === undefined ? {} : { step: at }),
      ...(reason === undefined ? {} : { reason }),
    });
    return this.parts.state().hooks.pending.find((p) => p.id === id) as HookIntent;
  }

  private async ask(hook: Hook, intent: HookIntent, occasion: Occasion, signal: AbortSignal): Promise<void> {
    const answer = await this.answerOf(hook, intent, occasion, signal);
    if (answer !== undefined) await this.journal(intent, answer, hook.holds);
  }

  private announce(hook: Hook, intent: HookIntent, occasion: Occasion): void {
    if (this.announcing.has(intent.id)) return;
    const done = this.answerOf(hook, intent, occasion, this.parts.stop).then((answer) => {
      this.announcing.delete(intent.id);
      if (answer !== undefined) this.answered.push({ intent, answer });
    });
    this.announcing.set(intent.id, done);
  }

  /** Undefined when it was interrupted. */
  private async answerOf(hook: Hook, intent: HookIntent, occasion: Occasion, signal: AbortSignal): Promise<HookAnswer | undefined> {
    try {
      return await hook.call(callOf(this.parts.state(), intent, occasion), signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      return { outcome: "failed", detail: (error as Error).message };
    }
  }

  /** @returns whether there was any */
  private async journalAnswers(): Promise<boolean> {
    const any = this.answered.length > 0;
    for (let next = this.answered.shift(); next !== undefined; next = this.answered.shift())
      await this.journal(next.intent, next.answer, false);
    return any;
  }

  private journal({ id, hook, moment, step }: HookIntent, answer: HookAnswer, holds: boolean): Promise<void> {
    return this.parts.append({ type: "hook.finished", id, hook, moment, ...(step === undefined ? {} : { step }), ...answer, holds });
  }
}

function callOf(state: MigrationState, { id, moment }: HookIntent, { step, reason }: Occasion): HookCall {
  const { application } = currentConfig(state);
  const begun = step === undefined ? undefined : state.steps[step.id];
  return {
    id,
    moment,
    stack: state.stack,
    application: application.name,
    environment: application.environment,
    revision: state.revision,
    ...(step === undefined
      ? {}
      : {
          step: {
            id: step.id,
            title: step.title,
            phase: step.phase,
            attempt: (begun?.attempt ?? 0) + (moment === "before-step" ? 1 : 0),
            pointOfNoReturn: step.pointOfNoReturn === true,
          },
        }),
    ...(reason === undefined ? {} : { reason }),
  };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

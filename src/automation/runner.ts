import { setTimeout as sleep } from "node:timers/promises";
import { CutoverError, Terminal, Transient } from "../errors.js";
import type { Evidence } from "../ports/target.js";
import { endingBy } from "./deadline.js";
import type { Decision } from "./decision.js";
import { Cancelled, type Driver, type Updated } from "./engine/driver.js";
import { isUnsettled } from "./engine/failures.js";
import { type EngineStart, engineStart, thisSystem } from "./engine/system.js";
import type { Entry } from "./entries.js";
import { apply } from "./fold.js";
import type { GateUse } from "./gates/gate.js";
import { type Observers, round } from "./gates/round.js";
import { holdMs, observeRound, type WatchState } from "./gates/watch.js";
import { HookCalls } from "./hookCalls.js";
import type { HooksPort } from "./hooks.js";
import { decide } from "./orchestrator.js";
import type { Plan } from "./plan.js";
import { statefulLosses } from "./promises.js";
import { currentConfig, type Intent, type MigrationState, type UpdateIntent } from "./state.js";
import type { Lease, Store } from "./store.js";
import { planOf } from "./tuning.js";
import type { Preview, ProjectPort } from "./types.js";

/** Between two rounds of a clock that jumps, while a person is waited for. */
const REST_MS = 500;

export interface RunnerParts extends Observers {
  store: Store;
  driver: Driver;
  project: ProjectPort;
  plan: Plan;
  /** What users attached to named moments. */
  hooks?: HooksPort;
  /** Called around each decision. */
  around?: Around;
  /** Called after each entry of this runner is in the journal. */
  onEntry: () => Promise<void>;
}

/** Something that wants to know of each decision while it is carried out, such as a tracer. */
export type Around = <T>(stack: string, decision: Decision, run: () => Promise<T>) => Promise<T>;

/**
 * Runs one migration's decisions, one after another, as the holder of its lease:
 *
 *   sync with the journal → decide → write the intent → do it → write the outcome → …
 *
 * until the orchestrator says idle. Everything it knows is in the journal, except the running watch of a gate
 * between two checkpoints: losing that only makes a hold start again.
 */
export class Runner {
  private state: MigrationState;
  private watch: { step: string; attempt: number; state: WatchState; checkpointAt: number } | undefined;
  private wake = new AbortController();
  private stands = false;
  private readonly onStanding = new Set<() => void>();
  /** A command came in after the journal was last read. */
  private nudged = false;
  /** The service is ending, or the lease was lost: no further decision. */
  private readonly stop: AbortSignal;
  private readonly hooks: HookCalls | undefined;

  constructor(
    private readonly parts: RunnerParts,
    state: MigrationState,
    private readonly lease: Lease,
    stop: AbortSignal,
  ) {
    this.state = state;
    this.stop = lease.lost === undefined ? stop : AbortSignal.any([stop, lease.lost]);
    const { hooks: port, plan } = parts;
    if (port !== undefined)
      this.hooks = new HookCalls({ port, plan, state: () => this.state, append: (entry) => this.append(entry), stop: this.stop });
  }

  /** Ends a pause between two samples, so that a new command is seen at once. */
  nudge(): void {
    this.stand(false);
    this.nudged = true;
    this.wake.abort(new Error("woken"));
  }

  async run(): Promise<MigrationState> {
    const cleared = await this.parts.driver.clearDeadLocks(this.state.stack, begunBy(this.state.intent));
    if (cleared.length > 0) await this.append({ type: "runner.recovered", note: cleared.join(" ") });
    await this.sync();
    this.hooks?.takeUp();
    while (!this.stop.aborted) {
      await this.sync();
      const decision = decide(this.plan, this.withLiveWatch());
      if (decision.do === "idle") {
        if ((await this.hooks?.oneMore(this.untilWoken())) === true) continue;
        break;
      }
      await this.execute(decision);
    }
    return this.state;
  }

  /** Takes in what others (commands) wrote. */
  private async sync(): Promise<void> {
    this.nudged = false;
    for (const entry of await this.parts.store.entries(this.state.stack, this.state.lastSeq))
      this.state = apply(this.state, entry, this.plan);
    await this.parts.onEntry();
  }

  private get plan(): Plan {
    return planOf(this.state, this.parts.plan);
  }

  private withLiveWatch(): MigrationState {
    const step = this.plan[this.state.position];
    const attempt = step === undefined ? 0 : (this.state.steps[step.id]?.attempt ?? 0);
    if (
      this.watch !== undefined &&
      this.watch.step === step?.id &&
      this.watch.attempt === attempt &&
      (this.state.watch?.verdict ?? "open") === "open"
    )
      return { ...this.state, watch: this.watch.state };
    return this.state;
  }

  private async append(entry: Entry): Promise<void> {
    await this.parts.store.append(this.state.stack, entry, this.parts.target.clock.now(), this.lease);
    await this.sync();
  }

  private async execute(decision: Exclude<Decision, { do: "idle" }>): Promise<void> {
    if (this.hooks !== undefined && !(await this.hooks.before(decision, this.untilWoken()))) return;
    const { around } = this.parts;
    return around === undefined ? this.carryOut(decision) : around(this.state.stack, decision, () => this.carryOut(decision));
  }

  private async carryOut(decision: Exclude<Decision, { do: "idle" }>): Promise<void> {
    switch (decision.do) {
      case "record":
        for (const entry of decision.entries) await this.append(entry);
        return;
      case "preview":
        return this.preview(decision);
      case "update":
        return this.update(decision);
      case "act":
        await this.append({ type: "action.intended", key: decision.key, step: decision.step.id, undo: decision.undo });
        return this.act(decision);
      case "sample":
        return this.sample(decision);
      case "stand by":
        return this.standBy(decision);
      case "recover":
        return this.recover(decision.intent);
      case "wait":
        if (await this.sleepUntil(decision.at)) await this.execute(decision.next as Exclude<Decision, { do: "idle" }>);
    }
  }

  private async preview({ step, attempt, config }: Extract<Decision, { do: "preview" }>): Promise<void> {
    const fail = (error: unknown) => this.append({ type: "preview.failed", step: step.id, ...failure(error) });
    const open = await this.settle(false);
    if (open !== undefined) return fail(open);
    let preview: Preview;
    try {
      preview = await this.parts.driver.preview(this.state.stack, config);
    } catch (error) {
      return fail(error);
    }
    const blocked = statefulLosses(preview.changes).map((c) => c.name);
    await this.append({ type: "preview.stored", step: step.id, attempt, preview, blocked });
  }

  private async update(decision: Extract<Decision, { do: "update" }>): Promise<void> {
    const revision = Math.max(...this.state.revisions.map((r) => r.number)) + 1;
    const { key, config, why, step, restores, kept, dnsOnly } = decision;
    const intent: UpdateIntent = {
      type: "update.intended",
      key,
      revision,
      config,
      why,
      who: this.state.returning === undefined ? (this.state.advancedBy ?? "cutover") : "cutover",
      ...(step === undefined ? {} : { step: step.id }),
      ...(restores === undefined ? {} : { restores }),
      ...(kept === undefined || kept.length === 0 ? {} : { kept }),
      ...(dnsOnly ? { targetDns: true } : {}),
      engine: engineStart(),
    };
    await this.append(intent);
    await this.applyUpdate(intent);
  }

  private async applyUpdate(intent: UpdateIntent): Promise<void> {
    await this.parts.store.requireHeld(this.lease);
    const { key, revision, config } = intent;
    const dnsOnly = intent.targetDns === true;
    const fail = (error: unknown) =>
      this.append({ type: "update.failed", key, revision, ...failure(error), ...(isUnsettled(error) ? { unsettled: true } : {}) });
    const open = await this.settle(dnsOnly);
    if (open !== undefined) return fail(open);
    let updated: Updated;
    try {
      updated = await this.parts.driver.update(this.state.stack, config, key, { dnsOnly });
    } catch (error) {
      // The service ends: the update stays intended, and the next runner finds out how far it came.
      if (error instanceof Cancelled && this.stop.aborted) throw error;
      return fail(error);
    }
    // When this line cannot be written, the update still happened: it stays intended, and is looked for.
    await this.append({ type: "update.succeeded", key, revision, ...updated });
  }

  /**
   * Brings what failed updates had begun into the engine's state, before that is compared with anything.
   * @param dnsOnly looks at the weighted records alone: they do not wait for the rest
   * @returns why that did not succeed
   */
  private async settle(dnsOnly: boolean): Promise<Error | undefined> {
    const { stack, unsettled = [] } = this.state;
    if (unsettled.length === 0) return undefined;
    await this.parts.store.requireHeld(this.lease);
    const { driver } = this.parts;
    const notes: string[] = [];
    try {
      for (const { config, engine, targetDns } of unsettled) {
        notes.push(...(await driver.clearDeadLocks(stack, engine)));
        notes.push(...(await driver.recover(stack, config, { dnsOnly: dnsOnly || targetDns === true })));
      }
    } catch (error) {
      return error as Error;
    }
    const settled = !dnsOnly || unsettled.every((u) => u.targetDns === true);
    const what = `What the failed update had begun${settled ? "" : " on the weighted records"} was settled.`;
    await this.append({ type: "runner.recovered", note: [what, ...notes].join(" "), ...(settled ? { settled } : {}) });
    return undefined;
  }

  private async act({ key, step, undo, config, deadline }: Omit<Extract<Decision, { do: "act" }>, "do">): Promise<void> {
    const { target, project } = this.parts;
    const run = undo ? step.undo : step.kind === "config" ? step.promote : step.run;
    await this.parts.store.requireHeld(this.lease);
    const { marks, steps } = this.state;
    const done = steps[step.id]?.facts;
    let evidence: Evidence = { summary: "Nothing to do." };
    try {
      if (run !== undefined)
        evidence = await endingBy(target.clock, deadline, (signal) =>
          run({
            target,
            config,
            project,
            effect: { key, fence: this.lease.fence, ...(signal === undefined ? {} : { signal }) },
            marks,
            ...(done === undefined ? {} : { done }),
          }),
        );
    } catch (error) {
      await this.append({ type: "action.failed", key, step: step.id, undo, ...failure(error) });
      return;
    }
    const files: string[] = [];
    for (const [name, content] of Object.entries(evidence.files ?? {})) {
      files.push(await this.parts.store.keepFile(this.state.stack, `${step.id}.${name.replaceAll("/", ".")}`, content));
    }
    await this.append({
      type: "action.succeeded",
      key,
      step: step.id,
      undo,
      summary: evidence.summary,
      ...(evidence.facts === undefined ? {} : { facts: evidence.facts }),
      ...(files.length === 0 ? {} : { files }),
      marks: (step.kind === "config" ? undefined : undo ? step.undoMarks : step.marks) ?? [],
    });
  }

  /** A round while a person is waited for. What they approved takes effect when the gates pass after that. */
  private async standBy({ step, watch, at, config }: Extract<Decision, { do: "stand by" }>): Promise<void> {
    if (!(await this.sleepUntil(at))) return;
    const { now, observations } = await round(this.parts, step.gates, config);
    const { verdict, ...next } = observeRound(watch, step.gates, observations, config, now);
    const { approvedAt } = this.state.steps[step.id] ?? {};
    const passes = verdict === "passed";
    if (approvedAt !== undefined && passes)
      return this.append({ type: "gates.passed", step: step.id, gates: next.gates, heldMs: now - (next.passingSince ?? now) });
    if (approvedAt !== undefined && now - approvedAt > config.approvals.goSeconds * 1_000)
      return this.append({
        type: "approval.lapsed",
        step: step.id,
        why: `not passed in time: ${next.reason ?? "the gates have not held long enough"}`,
      });
    await this.keepWatch(step.id, step.gates, watch, { ...next, verdict: "open" }, now);
    // A command may have come in during the round.
    if (approvedAt !== undefined || this.nudged) return;
    if (this.state.status === "approval") this.stand(true);
    // The sandbox's clock jumps: nobody there would see the time that a person takes.
    if (this.parts.target.kind === "sandbox") await this.rest();
  }

  /** Whether it only watches gates while it waits for a person. */
  get standingBy(): boolean {
    return this.stands;
  }

  /** Resolves as soon as it does. */
  stoodBy(): Promise<void> {
    return this.stands ? Promise.resolve() : new Promise((resolve) => this.onStanding.add(resolve));
  }

  private stand(by: boolean): void {
    this.stands = by;
    if (!by) return;
    for (const resolve of this.onStanding) resolve();
    this.onStanding.clear();
  }

  private async rest(): Promise<void> {
    this.wake = new AbortController();
    await sleep(REST_MS, undefined, { signal: AbortSignal.any([this.stop, this.wake.signal]) }).catch(() => undefined);
  }

  private async sample({ step, watch, at, config, notBefore, deadline }: Extract<Decision, { do: "sample" }>): Promise<void> {
    if (!(await this.sleepUntil(at))) return;
    const { now, observations } = await round(this.parts, step.gates, config);
    const judged = observeRound(watch, step.gates, observations, config, now, notBefore);
    const late = deadline !== undefined && now > deadline.at;
    const next: WatchState = late ? { ...judged, verdict: "failed", reason: `${deadline.why}; ${judged.reason ?? ""}` } : judged;
    if (next.verdict === "passed") {
      await this.append({ type: "gates.passed", step: step.id, gates: next.gates, heldMs: now - (next.passingSince ?? now) });
      this.watch = undefined;
    } else if (next.verdict === "failed") {
      await this.append({ type: "gates.failed", step: step.id, gates: next.gates, reason: next.reason ?? "not passed" });
      this.watch = undefined;
    } else await this.keepWatch(step.id, step.gates, watch, next, now);
  }

  /** The journal gets a watch when a verdict changes and ten times a hold; the rounds between stay in memory. */
  private async keepWatch(step: string, uses: GateUse[], before: WatchState, next: WatchState, now: number): Promise<void> {
    const changed = next.gates.some((g, i) => g.verdict !== before.gates[i]?.verdict);
    const due = now >= (this.watch?.checkpointAt ?? 0);
    const attempt = this.state.steps[step]?.attempt ?? 0;
    this.watch = {
      step,
      attempt,
      state: next,
      checkpointAt: changed || due ? now + Math.max(holdMs(uses) / 10, 600_000) : (this.watch?.checkpointAt ?? 0),
    };
    if (changed || due) await this.append({ type: "gates.watching", step, watch: next });
  }

  /** What was intended before a crash: done already, or done now under the same key. */
  private async recover(intent: Intent): Promise<void> {
    const { stack } = this.state;
    if (intent.type === "action.intended") {
      const step = this.plan.find((s) => s.id === intent.step);
      if (step?.kind !== "action" && step?.kind !== "config")
        throw new Terminal(`${intent.step} was under way when the service ended, and is no action of the plan now.`);
      await this.append({ type: "runner.recovered", note: `${intent.step} was under way; asking again with its key ${intent.key}.` });
      return this.act({ key: intent.key, step, undo: intent.undo, config: currentConfig(this.state) });
    }
    // From here on it is this system's: what a crash leaves behind now is told from what the one before left.
    if (intent.engine?.system !== thisSystem())
      await this.append({ type: "runner.recovered", note: `${intent.key} goes on on another system.`, engine: engineStart() });
    const { driver } = this.parts;
    const notes = await driver.clearDeadLocks(stack, intent.engine);
    const done = await driver.findUpdate(stack, intent.config, intent.key);
    if (done !== undefined) {
      await this.append({ type: "runner.recovered", note: [`The update of ${intent.key} had finished.`, ...notes].join(" ") });
      return this.append({ type: "update.succeeded", key: intent.key, revision: intent.revision, ...done, recovered: true });
    }
    notes.push(...(await driver.recover(stack, intent.config, { dnsOnly: intent.targetDns === true })));
    await this.append({
      type: "runner.recovered",
      note: [`The update of ${intent.key} had not finished; it goes on.`, ...notes].join(" "),
    });
    return this.applyUpdate(intent);
  }

  /** Ends with the next command, or with the service. */
  private untilWoken(): AbortSignal {
    this.wake = new AbortController();
    if (this.nudged) this.nudge();
    return AbortSignal.any([this.stop, this.wake.signal]);
  }

  /** @returns false when something came in between, so that the decision must be taken anew */
  private async sleepUntil(at: number): Promise<boolean> {
    const { clock } = this.parts.target;
    if (clock.now() >= at) return true;
    const signal = this.untilWoken();
    try {
      await clock.sleepUntil(at, signal);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }
}

const begunBy = (intent: Intent | undefined): EngineStart | undefined => (intent?.type === "update.intended" ? intent.engine : undefined);

/** How a failure stands in the journal. A bug is no passing failure: it stops the step with its message. */
function failure(error: unknown): { error: string; transient: boolean } {
  const message = error instanceof Error ? error.message : String(error);
  return { error: error instanceof CutoverError ? message : `unexpected: ${message}`, transient: error instanceof Transient };
}

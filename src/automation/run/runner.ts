import { setTimeout as sleep } from "node:timers/promises";
import type { OtherStack } from "../../config/shared.js";
import { Conflict, Terminal, Transient } from "../../errors.js";
import { redactText } from "../../lib/redact.js";
import type { HooksPort } from "../../ports/hooks.js";
import type { Evidence } from "../../ports/target.js";
import { isLate } from "../decide/deadline.js";
import { decide, wayOfAlarm } from "../decide/decide.js";
import type { Decision } from "../decide/decision.js";
import { isInWindow } from "../decide/edits.js";
import type { Driver } from "../engine/driver.js";
import { type Told, toWrite } from "../gates/flapping.js";
import type { GateUse } from "../gates/gate.js";
import { holdMs, observeRound, roundMs, type WatchState } from "../gates/watch.js";
import type { Entry, PathItem } from "../journal/entries.js";
import { EMERGENCY_EXIT } from "../plan/phases/emergencyExit.js";
import type { Plan } from "../plan/plan.js";
import type { ProjectPort, Step } from "../plan/step.js";
import { apply } from "../state/evolve.js";
import { currentConfig, currentRevision, editId, type Intent, type MigrationState, planOf, stepOf } from "../state/state.js";
import type { Lease, Store } from "../store/store.js";
import { Blindness } from "./blindness.js";
import { endingBy } from "./deadline.js";
import { doubts } from "./doubt.js";
import { failureOf } from "./failure.js";
import { HookCalls } from "./hookCalls.js";
import { type Observers, round } from "./observe.js";
import { troubleOfOldSide } from "./oldSide.js";
import { Updates } from "./updates.js";

/** Between two rounds of a clock that jumps, while a person is waited for. */
const REST_MS = 500;
const HOUR_MS = 3_600_000;

export interface RunnerParts extends Observers {
  store: Store;
  driver: Driver;
  project: ProjectPort;
  plan: Plan;
  /** Other stacks whose migrations have not ended. */
  otherStacks: () => Promise<OtherStack[]>;
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
  private watch: { step: string; attempt: number; state: WatchState; told: Told; checkpointAt: number } | undefined;
  private wake = new AbortController();
  /** Of the action that is under way. */
  private interruption = new AbortController();
  private trusted = false;
  private leaving = false;
  private left = false;
  private stands = false;
  private readonly onStanding = new Set<() => void>();
  /** A command came in after the journal was last read. */
  private nudged = false;
  /** The service is ending, or the lease was lost: no further decision. */
  private readonly stop: AbortSignal;
  private readonly hooks: HookCalls | undefined;
  private readonly updates: Updates;
  private readonly blindness = new Blindness((_, entry) => this.append(entry));

  constructor(
    private readonly parts: RunnerParts,
    state: MigrationState,
    private readonly lease: Lease,
    stop: AbortSignal,
  ) {
    this.state = state;
    this.stop = lease.lost === undefined ? stop : AbortSignal.any([stop, lease.lost]);
    const { hooks: port, plan, driver, store } = parts;
    const shared = { state: () => this.state, append: (entry: Entry) => this.append(entry), stop: this.stop };
    const requireHeld = () => store.requireHeld(lease);
    this.updates = new Updates({
      ...shared,
      driver,
      requireHeld,
      isPrimary: () => this.isPrimary(),
      leadsBack: () => this.leadsBack(),
      setWeights: async (weights, key) => {
        const { fence, lost } = lease;
        await parts.target.cloud.setWeights(weights, { key, fence, held: requireHeld, ...(lost === undefined ? {} : { signal: lost }) });
      },
    });
    if (port !== undefined) this.hooks = new HookCalls({ ...shared, port, plan });
  }

  /** Users are sent back: what goes forward is asked to end, and not waited for long. */
  interrupt(): void {
    this.interruption.abort(new Terminal("It was interrupted: users are sent back, and nothing waits for it."));
    this.nudge();
  }

  /** Another process has room for it: it ends before the next step begins. Taken back where there is none. */
  handOver(wanted: boolean): void {
    this.leaving = wanted;
  }

  /** Whether it ended for that. */
  get handedOver(): boolean {
    return this.left;
  }

  /** Ends a pause between two samples, so that a new command is seen at once. */
  nudge(): void {
    this.stand(false);
    this.nudged = true;
    this.wake.abort(new Error("woken"));
  }

  async run(): Promise<MigrationState> {
    await this.sync();
    this.hooks?.takeUp();
    while (!this.stop.aborted) {
      await this.sync();
      const decision = decide(this.plan, this.withLiveWatch());
      if ((await this.isDoubted(decision)) || (await this.isPast(decision))) continue;
      if (decision.do === "idle") {
        if ((await this.hooks?.oneMore(this.untilWoken())) === true) continue;
        break;
      }
      if (this.leaving && isBetweenSteps(this.plan, this.state)) {
        this.left = true;
        break;
      }
      await this.execute(decision);
    }
    return this.state;
  }

  /** Once after a failover or a restore, before anything but the weights back is touched, or anything is over. */
  private async isDoubted(decision: Decision): Promise<boolean> {
    const { store, driver, target } = this.parts;
    const { stack, intent } = this.state;
    const [first] = decision.do === "record" ? decision.entries : [];
    const ends = decision.do === "record" && first?.type === "rollback.completed" ? decision.entries : undefined;
    const begins = first?.type === "rollback.started" && !isToSafety(first.path);
    if (this.trusted || (!begins && ends === undefined && (!DOUBTED.has(decision.do) || setsWeightsBack(decision)))) return false;
    this.trusted = true;
    if ((await store.isDoubtful?.(stack)) !== true) return false;
    const { found, restoration } = await doubts(this.plan, this.state, await store.entries(stack), { driver, observer: target.observer });
    if (ends !== undefined) await this.append(ends[0] as Entry);
    const lead = "The journal's store failed over or was restored, and may have lost entries";
    if (found.length === 0) {
      const note = `${lead}; the engine's history and the far side agree with what is there.`;
      await this.append({ type: "runner.recovered", note, restored: restoration });
      for (const entry of ends?.slice(1) ?? []) await this.append(entry);
    } else {
      // What it says is under way may be long past: whoever goes on begins it again.
      if (intent !== undefined) await this.append(givenUp(intent));
      const reason = `${lead}: ${found.join("; ")}. Look at what happened; resume to go on from what the journal says, or go back.`;
      await this.append({ type: "migration.held", reason, restored: restoration });
    }
    // Said once: a person who resumes has read it.
    await store.trust?.(stack);
    return true;
  }

  /**
   * Before something goes forward: an update that somebody ran past cutover is told of. Where it applied other values than the
   * revision's, or did not end well, a person looks at it first; a way back waits for none of it.
   */
  private async isPast(decision: Decision): Promise<boolean> {
    const { driver } = this.parts;
    const next = decision.do === "wait" ? decision.next : decision;
    const { stack, returning, requested } = this.state;
    if (returning !== undefined || requested !== undefined || !goesForward(next) || isInWindow(this.plan, this.state)) return false;
    const { config, number } = currentRevision(this.state);
    // What cannot be looked at now is looked at before the next step.
    const found = await driver.byHand(stack, config, new Date(this.state.begunAt ?? 0)).catch(() => undefined);
    if (found === undefined || found.id === this.state.byHand) return false;
    const { id, kind, at, result, differs } = found;
    const lead = `Somebody ran an ${kind === "update" ? "update" : `update (${kind})`} of the stack past cutover at ${at.toISOString()}; it ${result}`;
    if (kind === "update" && result === "succeeded" && differs.length === 0)
      await this.append({ type: "runner.recovered", note: `${lead} with the values of revision ${number}.`, byHand: id });
    else
      await this.append({
        type: "migration.held",
        reason: `${lead}${differs.length === 0 ? "" : `, with other values than revision ${number} for ${differs.join(", ")}`}. Take what is to stay with \`cutover edit ${stack}\`; resume to go on from revision ${number}, which the next step applies again, or go back.`,
        byHand: id,
      });
    return true;
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
    const { edit } = this.state;
    if (edit !== undefined && this.watch?.step === editId(edit.seq) && (edit.watch?.verdict ?? "open") === "open")
      return { ...this.state, edit: { ...edit, watch: this.watch.state } };
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
        for (const entry of await this.unlessToADeadSide(decision.entries)) await this.append(entry);
        return;
      case "preview":
        return this.updates.preview(decision);
      case "update":
        return this.updates.update(decision);
      case "settle":
        return this.updates.settleFirst(decision);
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
        if (await this.sleepUntil(decision.at, decision.pauseMs)) await this.execute(decision.next as Exclude<Decision, { do: "idle" }>);
    }
  }

  private async act({ key, step, undo, config, deadline }: Omit<Extract<Decision, { do: "act" }>, "do">): Promise<void> {
    const { target, project } = this.parts;
    const run = undo ? step.undo : step.kind === "config" ? step.promote : step.run;
    await this.parts.store.requireHeld(this.lease);
    const { marks, steps } = this.state;
    const done = steps[step.id]?.facts;
    const interruption = new AbortController();
    this.interruption = interruption;
    // What decides which side may write is waited for, and so is what leads back itself.
    const awaited = undo || decidesWrites(step);
    let given = false;
    const held = async (): Promise<void> => {
      if (given) throw new Conflict(`${step.id} was given up: it makes no further call.`);
      await this.parts.store.requireHeld(this.lease);
    };
    let evidence: Evidence = { summary: "Nothing to do." };
    try {
      // A command that leads back came in between.
      if (!undo && this.nudged && (await this.wantsBack())) interruption.abort(new Terminal("It was not begun: users are sent back."));
      interruption.signal.throwIfAborted();
      if (run !== undefined)
        evidence = await endingBy({ clock: target.clock, deadline, interrupted: interruption.signal, awaited }, (signal) =>
          run({
            target,
            config,
            project,
            otherStacks: this.parts.otherStacks,
            effect: { key, fence: this.lease.fence, held, signal: withLease(signal, this.lease) },
            marks,
            factsOf: (id) => (this.state.steps[id]?.status === "done" ? this.state.steps[id]?.facts : undefined),
            ...(done === undefined ? {} : { done }),
          }),
        );
    } catch (error) {
      given = true;
      await this.append({ type: "action.failed", key, step: step.id, undo, ...failureOf(error) });
      return;
    }
    const files: string[] = [];
    for (const [name, content] of Object.entries(evidence.files ?? {})) {
      files.push(await this.parts.store.keepFile(this.state.stack, `${step.id}.${name.replaceAll("/", ".")}`, redactText(content)));
    }
    await this.append({
      type: "action.succeeded",
      key,
      step: step.id,
      undo,
      summary: evidence.summary,
      ...(evidence.facts === undefined ? {} : { facts: evidence.facts }),
      ...(files.length === 0 ? {} : { files }),
      marks: (undo ? step.undoMarks : step.kind === "config" ? undefined : step.marks) ?? [],
    });
  }

  /** What goes back automatically sends nobody to a side that is known to be no better: a person decides, and may insist. */
  private async unlessToADeadSide(entries: Entry[]): Promise<Entry[]> {
    const [entry] = entries;
    if (entry?.type !== "rollback.started" || !entry.automatic || !movesUsers(entry.path)) return entries;
    const trouble = await troubleOfOldSide(this.parts.target.observer, this.state);
    if (trouble === undefined) return entries;
    const reason = `${entry.why}. It does not go back automatically: ${trouble}. Fix the old side and go back, or insist: \`cutover rollback ${this.state.stack} --to ${entry.revision} --insist\`.`;
    return [{ type: "migration.held", reason }];
  }

  private async wantsBack(): Promise<boolean> {
    await this.sync();
    return this.leadsBack();
  }

  /** A person said so, or an alarm that nobody is asked about. */
  private leadsBack(): boolean {
    return this.state.requested !== undefined || wayOfAlarm(this.plan, this.state) !== undefined;
  }

  private async isPrimary(): Promise<boolean> {
    const { observations } = await round(this.parts, [{ gate: "database-primary", holdSeconds: 0 }], currentConfig(this.state));
    const reading = observations[0]?.reading;
    if (reading?.known === true) return reading.value === 1;
    throw new Transient(`It is not known whether the database was promoted: ${reading?.reason ?? "nobody was asked"}.`);
  }

  /** A round while a person is waited for. What they approved takes effect when the gates pass after that. */
  private async standBy({ step, watch, at, config }: Extract<Decision, { do: "stand by" }>): Promise<void> {
    if (!(await this.sleepUntil(at, roundMs(step.gates)))) return;
    const { now, observations } = await round(this.parts, step.gates, config);
    const { verdict, ...next } = observeRound(watch, step.gates, observations, config, now, 0, 0);
    await this.blindness.saw(this.state, config, next.gates);
    const { approvedAt } = this.state.steps[step.id] ?? {};
    const passes = verdict === "passed";
    if (approvedAt !== undefined && passes)
      return this.append({ type: "gates.passed", step: step.id, gates: next.gates, heldMs: now - (next.passingSince ?? now) });
    if (approvedAt !== undefined && isLate({ from: approvedAt, mostMs: config.approvals.goSeconds * 1_000 }, now))
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
    const every = roundMs(step.gates);
    const skipped = this.unchangedRounds(watch, step.gates, at);
    if (!(await this.sleepUntil(at + skipped * every, (skipped + 1) * every))) return;
    const { now, observations } = await round(this.parts, step.gates, config, {
      at: watch.startedAt,
      again: stepOf(this.state, step.id).attempt > 1,
    });
    let before = watch;
    for (let i = 0; i < skipped; i += 1) {
      const then = at + i * every;
      const seen = observations.map((o) => ({ ...o, at: o.at - (now - then) }));
      before = observeRound(before, step.gates, seen, config, then, notBefore);
    }
    const judged = observeRound(before, step.gates, observations, config, now, notBefore);
    await this.blindness.saw(this.state, config, judged.gates);
    const late = deadline !== undefined && isLate(deadline, now);
    const next: WatchState = late ? { ...judged, verdict: "failed", reason: `${deadline.why}; ${judged.reason ?? ""}` } : judged;
    if (next.verdict === "passed") {
      await this.append({ type: "gates.passed", step: step.id, gates: next.gates, heldMs: now - (next.passingSince ?? now) });
      this.watch = undefined;
    } else if (next.verdict === "failed") {
      await this.append({ type: "gates.failed", step: step.id, gates: next.gates, reason: next.reason ?? "not passed" });
      this.watch = undefined;
    } else await this.keepWatch(step.id, step.gates, watch, next, now);
  }

  /**
   * Rounds of a long hold that the sandbox need not be asked for: its world changes by effects alone, and there are none while
   * a gate holds. They are judged like all others, each at its own time, by what the next look shows.
   */
  private unchangedRounds(watch: WatchState, uses: GateUse[], at: number): number {
    if (this.parts.target.kind !== "sandbox" || watch.passingSince === undefined || holdMs(uses) < HOUR_MS) return 0;
    const left = watch.passingSince + holdMs(uses) - at;
    return Math.max(0, Math.floor(Math.min(left, HOUR_MS) / roundMs(uses)) - 1);
  }

  /**
   * The journal gets a watch when a verdict changes and ten times a hold; the rounds between stay in memory, and so do the
   * turns of what flaps.
   */
  private async keepWatch(step: string, uses: GateUse[], before: WatchState, next: WatchState, now: number): Promise<void> {
    const setBack = now < (before.lastRoundAt ?? now);
    const attempt = this.state.steps[step]?.attempt ?? 0;
    const same = this.watch?.step === step && this.watch.attempt === attempt ? this.watch : undefined;
    const { told, write } = toWrite(same?.told, next.gates, now, now >= (same?.checkpointAt ?? 0) || setBack);
    const checkpointAt = write === undefined ? (same?.checkpointAt ?? 0) : now + Math.max(holdMs(uses) / 10, 600_000);
    this.watch = { step, attempt, state: next, told, checkpointAt };
    if (write !== undefined) await this.append({ type: "gates.watching", step, watch: { ...next, gates: write } });
  }

  /** What was intended before a crash: done already, or done now under the same key. */
  private async recover(intent: Intent): Promise<void> {
    if (intent.type === "update.intended") return this.updates.recover(intent);
    const step = this.plan.find((s) => s.id === intent.step);
    if (step?.kind !== "action" && step?.kind !== "config")
      throw new Terminal(`${intent.step} was under way when the service ended, and is no action of the plan now.`);
    // Whoever goes back does not do first what is undone then: what has failed may have had its effect, and is undone as well.
    if (this.leadsBack() && !intent.undo && !decidesWrites(step)) {
      const error = "It was under way when it was told to go back; it is not asked for again.";
      return this.append({ type: "action.failed", key: intent.key, step: intent.step, undo: false, error, transient: true });
    }
    await this.append({ type: "runner.recovered", note: `${intent.step} was under way; asking again with its key ${intent.key}.` });
    return this.act({ key: intent.key, step, undo: intent.undo, config: currentConfig(this.state) });
  }

  /** Ends with the next command, or with the service. */
  private untilWoken(): AbortSignal {
    this.wake = new AbortController();
    if (this.nudged) this.nudge();
    return AbortSignal.any([this.stop, this.wake.signal]);
  }

  /**
   * @param mostMs a pause that a clock which was set back does not make longer
   * @returns false when something came in between, so that the decision must be taken again
   */
  private async sleepUntil(at: number, mostMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    const { clock } = this.parts.target;
    const now = clock.now();
    const until = Math.min(at, now + mostMs);
    if (now >= until) return true;
    const signal = this.untilWoken();
    try {
      await clock.sleepUntil(until, signal);
      return clock.now() >= until;
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }
}

/** Nothing is under way that whoever takes the lease next would begin again, and nobody is sent back. */
function isBetweenSteps(plan: Plan, { position, steps, status, intent, returning, requested, alarm, edit }: MigrationState): boolean {
  const next = plan[position];
  if (next === undefined || status !== "running") return false;
  if ([intent, returning, requested, alarm, edit].some((pending) => pending !== undefined)) return false;
  return (steps[next.id]?.status ?? "waiting") !== "running";
}

/** The weights back, past the engine or alone: users wait for nothing. */
function setsWeightsBack(decision: Decision): boolean {
  const next = decision.do === "wait" ? decision.next : decision;
  if (next.do === "act") return next.undo && next.step.id === EMERGENCY_EXIT;
  if (next.do === "recover")
    return next.intent.type === "action.intended"
      ? next.intent.undo && next.intent.step === EMERGENCY_EXIT
      : next.intent.restores !== undefined && next.intent.targetDns === true;
  return next.do === "update" && next.dnsOnly && next.restores !== undefined;
}

const isToSafety = ([first]: PathItem[]): boolean => first?.kind === "undo" && first.step === EMERGENCY_EXIT;

/** What touches something, or finds out how far it was touched. */
const DOUBTED: ReadonlySet<Decision["do"]> = new Set(["update", "act", "preview", "settle", "wait", "recover"]);

function givenUp(intent: Intent): Entry {
  const error = "The journal lost what came of it.";
  if (intent.type === "action.intended")
    return { type: "action.failed", key: intent.key, step: intent.step, undo: intent.undo, error, transient: true };
  return { type: "update.failed", key: intent.key, revision: intent.revision, error, transient: true, unsettled: true };
}

const goesForward = (decision: Decision): boolean =>
  decision.do === "update" || decision.do === "preview" || (decision.do === "act" && !decision.undo);

const movesUsers = ([first]: PathItem[]): boolean => first?.kind === "config" && first.dnsOnly;

/** Calls end with the lease; what is under way when the service ends may finish. */
const withLease = (signal: AbortSignal, { lost }: Lease): AbortSignal => (lost === undefined ? signal : AbortSignal.any([signal, lost]));

/** Whether its outcome says which side may write: never left open. */
const decidesWrites = (step: Step): boolean => step.kind === "action" && (step.marks ?? []).length > 0;

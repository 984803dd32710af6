import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { OtherStack } from "../../config/shared.js";
import { Conflict, Transient } from "../../errors.js";
import { inPieces } from "../../lib/pieces.js";
import type { HooksPort } from "../../ports/hooks.js";
import { isEmergency } from "../decide/commandRules.js";
import { decide } from "../decide/decide.js";
import { Cancelled, type Driver } from "../engine/driver.js";
import type { ProjectPort } from "../plan/step.js";
import type { MigrationState } from "../state/state.js";
import type { Lease, Store } from "../store/store.js";
import type { Observers } from "./observe.js";
import type { Migration, States } from "./projections.js";
import { type Around, Runner } from "./runner.js";
import type { Targets } from "./targets.js";

export interface RunnersParts {
  store: Store;
  driver: Driver;
  project: ProjectPort;
  states: States;
  targets: Targets;
  observeLocal: Observers["observeLocal"];
  /** Stacks other than this one whose migrations have not ended. */
  otherStacks: (stack: string) => Promise<OtherStack[]>;
  hooks?: HooksPort;
  around?: Around;
  /** Names this service in leases. */
  holder: string;
}

interface RunnersEvents {
  /** A run ended with an error that no journal could take. */
  failure: [stack: string, error: Error];
  /** Another process may have taken a stack over while a runner here had it. */
  leaseLost: [stack: string];
  /** A runner has measured something of a stack. */
  observed: [stack: string];
}

/** How long an engine may take to end once it was asked to. */
const HAND_OVER_MS = 10_000;
/** Between two looks at a runner that has yet to hear of what another process wrote. */
const HEARD_MS = 20;

/** The runners of one service process, at most one a stack, each with the stack's lease. */
export class Runners {
  readonly events = new EventEmitter<RunnersEvents>();
  private readonly running = new Map<string, { runner: Runner; lease: Lease; done: Promise<void> }>();
  private readonly starts = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();
  /** Emergencies that came while the service ends. */
  private readonly sendingBack = new Set<Promise<void>>();
  /** Stacks whose run ended with an error that would only happen again; a command tries again. */
  private readonly failed = new Set<string>();
  /** Runners that are this process's share; of one process alone all. */
  private most = Number.POSITIVE_INFINITY;
  /** Why no runner of a stack could start, as it was told last. */
  private readonly told = new Map<string, string>();

  constructor(private readonly parts: RunnersParts) {
    this.events.setMaxListeners(0);
  }

  get size(): number {
    return this.running.size;
  }

  get stopped(): boolean {
    return this.stopping.signal.aborted;
  }

  has(stack: string): boolean {
    return this.running.has(stack);
  }

  /** Whether a runner here has the stack under that fencing token. */
  holds(stack: string, fence: number): boolean {
    return this.running.get(stack)?.lease.fence === fence;
  }

  /** Whether a runner is at work; one that only watches gates while it waits for a person is not. */
  isRunning(stack: string): boolean {
    const running = this.running.get(stack);
    return running !== undefined && !running.runner.standingBy;
  }

  /** Something new is in the journal: a pause between two samples ends, and what failed before is tried again. */
  async wake(stack: string): Promise<void> {
    this.retry(stack);
    this.nudge(stack);
    await this.ensure(stack);
  }

  /** What failed before is tried again by the next sweep. */
  retry(stack: string): void {
    this.failed.delete(stack);
  }

  /** Ends a pause between two samples. */
  nudge(stack: string): void {
    this.running.get(stack)?.runner.nudge();
  }

  /** What goes forward there is asked to end, and not waited for long: users are sent back. */
  interrupt(stack: string): void {
    this.running.get(stack)?.runner.interrupt();
  }

  /**
   * Goes on with what is under way and nobody runs. Of several processes each takes its share, so that all of them work: whoever
   * has more hands over between two steps. Ways back, and what is half done, are nobody's share: they are taken at once.
   * @param processes that are there to take some, this one included
   */
  async resumeAll(all: readonly Migration[], processes: number): Promise<void> {
    const underWay: Migration[] = [];
    for await (const m of inPieces(all)) if (this.isUnderWay(m)) underWay.push(m);
    this.most = processes > 1 ? Math.ceil(underWay.length / processes) : Number.POSITIVE_INFINITY;
    this.giveAway();
    const wanted = underWay.filter((m) => !this.running.has(m.stack));
    const [urgent, others] = [wanted.filter((m) => isUrgent(m.state)), wanted.filter((m) => !isUrgent(m.state))];
    // Where that cannot be told, each lease says so itself.
    const held = await this.parts.store.held(others.map((m) => m.stack)).catch(() => new Set<string>());
    const mine = others.filter((m) => !held.has(m.stack)).slice(0, Math.max(0, this.most - this.running.size));
    // One that is slow to open keeps nobody else waiting: another stack's way back may be among them.
    await Promise.all([...urgent, ...mine].map((m) => this.resume(m)));
  }

  /** Another process handed it over. */
  async offered(migration: Migration): Promise<void> {
    if (this.running.size < this.most) await this.resume(migration);
  }

  /** More than a share ends between two steps; those that watch gates for a person stay. */
  private giveAway(): void {
    let excess = this.running.size - this.most;
    for (const { runner } of this.running.values()) {
      const gives = excess > 0 && !runner.standingBy;
      runner.handOver(gives);
      if (gives) excess -= 1;
    }
  }

  /** Goes on with what was under way when a service ended, unless it failed here for a reason that stays. */
  private async resume(migration: Migration): Promise<void> {
    const { stack } = migration;
    if (this.failed.has(stack) || this.running.has(stack)) return;
    // One that cannot go on keeps no other one from it.
    await this.ensure(stack).then(
      () => this.told.delete(stack),
      (error: Error) => this.tellOnce(stack, error),
    );
  }

  /** What keeps a runner from starting may be mended at any moment, so each sweep tries; the same words are told once. */
  private tellOnce(stack: string, error: Error): void {
    if (this.told.get(stack) === error.message) return;
    this.told.set(stack, error.message);
    this.events.emit("failure", stack, error);
  }

  /** A journal that cannot be read holds up its own migration, and no other one; it is told once. */
  unreadable(stack: string, error: Error): void {
    if (this.failed.has(stack)) return;
    if (!(error instanceof Transient)) this.failed.add(stack);
    this.events.emit("failure", stack, error);
  }

  /** Resolves when nothing of the stack runs any more, but for watching gates while a person is waited for. */
  async settled(stack: string): Promise<MigrationState> {
    for (;;) {
      await this.starts.get(stack);
      const running = this.running.get(stack);
      if (running === undefined) return (await this.parts.states.get(stack)).state;
      await Promise.race([running.done, running.runner.stoodBy()]);
      const { state } = await this.parts.states.get(stack);
      if (running.runner.standingBy && state.status === "approval") return state;
      // The journal was moved on from elsewhere: the runner hears of it soon.
      if (running.runner.standingBy) await sleep(HEARD_MS);
    }
  }

  /**
   * An emergency while the service ends: once the runner that ends has made room, another one sends the users back, and
   * no more than that. Whoever runs the stack next brings stack config and engine's state into agreement; and does all of
   * it where the time does not suffice, for the command is journaled.
   */
  sendBackYet(stack: string): void {
    const ending = this.running.get(stack)?.done ?? Promise.resolve();
    const sent = ending
      .then(() => this.ensure(stack, { sendsBackOnly: true }))
      .then(() => this.running.get(stack)?.done)
      .catch((error: Error) => void this.events.emit("failure", stack, error))
      .finally(() => this.sendingBack.delete(sent));
    this.sendingBack.add(sent);
  }

  /**
   * Begins nothing new, ends pauses between samples, and lets running effects finish. At the deadline the engines are
   * asked to stop: their updates stay intended, and whoever takes the lease next goes on with them.
   * @returns false when something cannot be stopped; its lease was given back, and it must end with this process
   */
  async close({ deadlineMs }: { deadlineMs?: number } = {}): Promise<boolean> {
    this.stopping.abort(new Error("the service is stopping"));
    const all = this.allDone();
    if (deadlineMs === undefined) await all;
    if (deadlineMs === undefined || (await within(all, deadlineMs))) return true;
    for (const stack of this.running.keys()) this.parts.driver.cancel(stack);
    if (await within(all, HAND_OVER_MS)) return true;
    // Its effects have keys, and are asked for again under them.
    for (const { lease } of this.running.values()) await this.parts.store.release(lease).catch(() => undefined);
    return false;
  }

  private async allDone(): Promise<void> {
    await Promise.all([...this.running.values()].map((r) => r.done));
    while (this.sendingBack.size > 0) await Promise.all(this.sendingBack);
  }

  /** What stands still costs a sweep nothing: its journal was just looked at. */
  private isUnderWay({ stack, plan, state }: Migration): boolean {
    try {
      return decide(plan, state).do !== "idle";
    } catch (error) {
      // One that cannot go on keeps no other one from it.
      this.tellOnce(stack, error as Error);
      return false;
    }
  }

  /** Starts a runner when there is something to do. One start at a time: two runners of one stack would fight for the lease. */
  private ensure(stack: string, { sendsBackOnly = false } = {}): Promise<void> {
    const start = (this.starts.get(stack) ?? Promise.resolve()).then(() => this.startRunner(stack, sendsBackOnly));
    this.starts.set(
      stack,
      start.catch(() => undefined),
    );
    return start;
  }

  private async startRunner(stack: string, sendsBackOnly: boolean): Promise<void> {
    if (this.running.has(stack) || (this.stopping.signal.aborted && !sendsBackOnly)) return;
    const { states } = this.parts;
    const { plan, state } = await states.get(stack);
    if (decide(plan, state).do === "idle") return;
    const { store, driver, project, hooks, around, targets } = this.parts;
    // Before the lease: what cannot be opened must leave none behind, which would keep this process itself out.
    const target = await targets.of(stack);
    const lease = await store.lease(stack, this.parts.holder).catch((error: Error) => {
      // Whoever holds it reads the journal too.
      if (error instanceof Conflict) return undefined;
      throw error;
    });
    if (lease === undefined) return;
    const onLost = () => {
      driver.cancel(stack);
      this.events.emit("leaseLost", stack);
    };
    lease.lost?.addEventListener("abort", onLost, { once: true });
    const sentBack = new AbortController();
    const runner = new Runner(
      {
        store,
        driver,
        project,
        plan,
        otherStacks: () => this.parts.otherStacks(stack),
        ...(hooks === undefined ? {} : { hooks }),
        ...(around === undefined ? {} : { around }),
        target,
        observeLocal: this.parts.observeLocal,
        onEntry: async () => {
          const { state: now } = await states.get(stack);
          if (isEmergency(now) && now.returning?.done !== 0) sentBack.abort(new Error("users were sent back"));
        },
        onRound: () => void this.events.emit("observed", stack),
      },
      state,
      lease,
      sendsBackOnly ? sentBack.signal : this.stopping.signal,
    );
    const done = runner
      .run()
      .then(
        () => true,
        (error: Error) => {
          // What passes, or what another process goes on with, is tried again by the next sweep.
          if (!(error instanceof Transient) && !(error instanceof Conflict)) this.failed.add(stack);
          if (!(error instanceof Cancelled && this.stopping.signal.aborted)) this.events.emit("failure", stack, error);
          return false;
        },
      )
      .then(async (ended) => {
        // A database that does not answer lets the lease end automatically.
        await store.release(lease, { offer: runner.handedOver }).catch(() => undefined);
        return ended && !runner.handedOver;
      })
      .finally(() => this.running.delete(stack));
    this.running.set(stack, { runner, lease, done: done.then(() => undefined) });
    // A command that came in between the last decision and the release found somebody running: look again. After an
    // error nobody does: it would only happen again. The next command or start of the service tries again.
    void done.then((ended) => (ended ? this.ensure(stack) : undefined)).catch((error: Error) => this.events.emit("failure", stack, error));
  }
}

/** Users are sent back, somebody in trouble waits for it, or an effect's outcome is not known. */
const isUrgent = ({ requested, returning, alarm, intent }: MigrationState): boolean =>
  [requested, returning, alarm, intent].some((pending) => pending !== undefined);

const within = (work: Promise<unknown>, ms: number): Promise<boolean> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    void work.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });

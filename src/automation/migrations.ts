import { EventEmitter } from "node:events";
import { hostname } from "node:os";
import { type StackConfig, stackName } from "../config/schema.js";
import { configChanges, configDigest, StackFile } from "../config/stackFile.js";
import { Conflict, NotFound, Transient } from "../errors.js";
import type { Observation, ObservationName, Side } from "../ports/observations.js";
import { known, unknown } from "../ports/observations.js";
import type { OpenTarget, Target } from "../ports/target.js";
import { checkCommand } from "./commandChecks.js";
import { type Drift, driftOf, unsettled } from "./drift.js";
import { Cancelled, type Driver } from "./engine/driver.js";
import type { Command, Entry, Recorded } from "./entries.js";
import { apply, fold } from "./fold.js";
import { gateNamed } from "./gates/catalogue.js";
import type { GateName } from "./gates/gate.js";
import { type Alarm, Guard } from "./guard.js";
import type { HooksPort } from "./hooks.js";
import { verifyChain } from "./journal.js";
import { decide } from "./orchestrator.js";
import { buildPlan, type Plan, planDigest } from "./plan.js";
import { isRepeated, type RequestMark } from "./requests.js";
import { type Around, Runner } from "./runner.js";
import { configAfter, currentConfig, currentRevision, type MigrationState } from "./state.js";
import { type Lease, Moved, type Store } from "./store.js";
import { planOf } from "./tuning.js";

import type { Preview, ProjectPort, Step } from "./types.js";
import { emergencyWay, type Way, wayBackBefore, wayBackTo } from "./wayBack.js";

export interface MigrationsOptions {
  store: Store;
  driver: Driver;
  openTarget: OpenTarget;
  project: ProjectPort;
  /** Folder with Pulumi.STACK.yaml files. */
  stacksFolder: string;
  /** What users attached to named moments. @default nothing */
  hooks?: HooksPort;
  /** Called around each decision of a runner. @default nothing */
  around?: Around;
  /** Names this service in leases and conflicts. @default host and process id */
  holder?: string;
  /** How often to look for migrations that another process left behind, in milliseconds. @default never */
  sweepMs?: number;
  /** How often users on the new side are looked after between steps, in milliseconds. @default never */
  guardMs?: number;
}

export interface Migration {
  stack: string;
  plan: Plan;
  state: MigrationState;
}

/** An observation to be made: what, and of which side. */
export interface Wanted {
  name: ObservationName;
  side?: Side;
}

/** A new entry of a stack's journal, and the state after it. */
export interface Progress {
  stack: string;
  entry: Recorded;
  state: MigrationState;
  plan: Plan;
  /** Whether this process wrote it; of several that share a database each hears of every entry. */
  here: boolean;
}

/** How long an engine may take to end once it was asked to. */
const HAND_OVER_MS = 10_000;

const within = (work: Promise<unknown>, ms: number): Promise<boolean> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    void work.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });

/** All migrations of one service: commands in, progress out. Every edge (HTTP, CLI, rehearsal) talks to this. */
export class Migrations {
  private readonly running = new Map<string, { runner: Runner; lease: Lease; done: Promise<void> }>();
  private readonly starts = new Map<string, Promise<void>>();
  private readonly targets = new Map<string, Promise<Target>>();
  private readonly plans = new Map<string, Plan>();
  /** The newest state of each stack; brought up to date from the journal at each look. */
  private readonly states = new Map<string, MigrationState>();
  private readonly events = new EventEmitter<{ progress: [Progress]; failure: [string, Error]; leaseLost: [string]; observed: [string] }>();
  private readonly stopping = new AbortController();
  private readonly stopForeign: () => void;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly guard: Guard;
  /** Stacks whose run ended with an error that would only happen again; a command tries anew. */
  private readonly failed = new Set<string>();
  private read = false;
  /** Hashes of commands that were written here and not yet told to listeners. */
  private readonly written = new Set<string>();
  readonly holder: string;

  constructor(private readonly options: MigrationsOptions) {
    this.holder = options.holder ?? `${hostname()} process ${process.pid}`;
    this.events.setMaxListeners(0);
    const { store, sweepMs, guardMs } = options;
    this.stopForeign = store.onForeign(
      (stack) => void this.heard(stack).catch((error: Error) => this.events.emit("failure", stack, error)),
    );
    if (sweepMs !== undefined) this.timers.push(setInterval(() => void this.resumeAll().catch(() => undefined), sweepMs));
    this.guard = new Guard(
      (stack, gates) => this.observeNow(stack, gates),
      (stack, alarm) => this.alarm(stack, alarm),
    );
    if (guardMs !== undefined) this.timers.push(setInterval(() => void this.guardAll(), guardMs));
  }

  /** Another process appended: its entry may be a command for the runner here. */
  private async heard(stack: string): Promise<void> {
    await this.get(stack);
    this.running.get(stack)?.runner.nudge();
  }

  onProgress(listener: (progress: Progress) => void): () => void {
    this.events.on("progress", listener);
    return () => this.events.off("progress", listener);
  }

  /** Called whenever a runner has measured something of a stack. */
  onObserved(listener: (stack: string) => void): () => void {
    this.events.on("observed", listener);
    return () => this.events.off("observed", listener);
  }

  /** The user's project: the inventory and what lies beside it. */
  get project(): ProjectPort {
    return this.options.project;
  }

  /** Called when a run ends with an error that no journal could take. */
  onFailure(listener: (stack: string, error: Error) => void): () => void {
    this.events.on("failure", listener);
    return () => this.events.off("failure", listener);
  }

  /** Called when another process may have taken a stack over while a runner here had it. */
  onLeaseLost(listener: (stack: string) => void): () => void {
    this.events.on("leaseLost", listener);
    return () => this.events.off("leaseLost", listener);
  }

  /** Runners of this process. */
  get runners(): number {
    return this.running.size;
  }

  /**
   * Migrations, sorted by stack.
   * @param unreadable is told of each that cannot be read, which is left out. @default the first one is thrown
   */
  async list(unreadable?: (stack: string, error: Error) => void): Promise<Migration[]> {
    const found: Migration[] = [];
    for (const [stack, length] of await this.options.store.lengths()) {
      const [state, begun] = [this.states.get(stack), this.plans.get(stack)];
      const known = state?.lastSeq === length && begun !== undefined;
      try {
        found.push(known ? { stack, plan: planOf(state, begun), state } : await this.get(stack));
      } catch (error) {
        if (unreadable === undefined) throw error;
        unreadable(stack, error as Error);
      }
    }
    return found;
  }

  /** Whether every journal that was there at the start was read, and so verified. A command waits for its own stack's alone. */
  get allRead(): boolean {
    return this.read;
  }

  /** @throws NotFound without a migration of that stack */
  async get(stack: string): Promise<Migration> {
    const migration = await this.find(stack);
    if (migration === undefined) throw this.absent(stack);
    return migration;
  }

  private async find(stack: string): Promise<Migration | undefined> {
    const news = await this.options.store.entries(stack, this.states.get(stack)?.lastSeq);
    const first = news[0];
    const begun = this.plans.get(stack) ?? (first === undefined ? undefined : this.planOf(stack, first));
    if (begun === undefined) return undefined;
    const state = this.catchUp(stack, news, begun);
    return { stack, plan: planOf(state, begun), state };
  }

  /** What is said of a migration that is not there, or that whoever asks may not see. */
  absent(stack: string): NotFound {
    return new NotFound(`There is no migration of ${stack}.`, {
      next: `Create it first; stack configs are in ${this.options.stacksFolder}.`,
    });
  }

  /** What a stack belongs to: by its journal, or by its config file before it has one. @throws NotFound without both */
  async scopeOf(stack: string): Promise<{ application: string; environment: string }> {
    const begun = await this.find(stack);
    const config = begun === undefined ? (await StackFile.read(this.options.stacksFolder, stack)).config() : currentConfig(begun.state);
    const { name, environment } = config.application;
    return { application: name, environment };
  }

  /** Folds what is new into the state, and tells listeners about it: each entry once, in order, whoever wrote it. */
  private catchUp(stack: string, entries: readonly Recorded[], plan: Plan): MigrationState {
    const known = this.states.get(stack);
    let state = known;
    const news: Progress[] = [];
    // Another look may have been faster.
    for (const entry of entries.filter((e) => e.seq > (known?.lastSeq ?? 0))) {
      const before = state === undefined ? plan : planOf(state, plan);
      state = apply(state, entry, before);
      const here = entry.fence > 0 ? this.running.get(stack)?.lease.fence === entry.fence : this.written.delete(entry.hash);
      news.push({ stack, entry, state, plan: planOf(state, plan), here });
    }
    this.states.set(stack, state as MigrationState);
    // What was there before this service looked for the first time is no news.
    if (known !== undefined || news.length === 1) for (const progress of news) this.events.emit("progress", progress);
    return state as MigrationState;
  }

  async journal(stack: string): Promise<Recorded[]> {
    await this.get(stack);
    return this.options.store.entries(stack);
  }

  file(stack: string, name: string): Promise<string | undefined> {
    return this.options.store.file(stack, name);
  }

  /** Begins the migration of a stack with its config file as revision 0; answers the one that exists. */
  async create(stack: string, who: string): Promise<Migration> {
    this.requireOpen();
    const begun = await this.find(stack);
    if (begun !== undefined) return begun;
    const file = await StackFile.read(this.options.stacksFolder, stack);
    const config = file.config();
    const plan = buildPlan(config);
    const target = await this.target(stack);
    await this.appendUnlessMoved(
      stack,
      {
        type: "migration.created",
        stack: stackName(config),
        plan: planDigest(plan),
        config: file.raw(),
        why: "the stack config as it was",
        who,
      },
      target,
      0,
    );
    return this.get(stack);
  }

  /** What the next step would do: its preview, made now, and its way back. Changes nothing. */
  async previewNext(stack: string): Promise<{ step: Step | undefined; preview: Preview | undefined; wayBack: Way | undefined }> {
    const { plan, state } = await this.get(stack);
    const step = plan[state.position];
    if (step === undefined) return { step, preview: undefined, wayBack: undefined };
    const preview =
      step.kind === "config" && !state.applied
        ? await this.options.driver.preview(stack, configAfter(state, step))
        : state.steps[step.id]?.preview;
    return { step, preview, wayBack: this.wayBackOf(plan, state, step, (await this.target(stack)).clock.now()) };
  }

  /** The way back to a revision, without going. */
  async wayBack(stack: string, revision: number): Promise<Way> {
    const { plan, state } = await this.get(stack);
    return wayBackTo(plan, state, revision, (await this.target(stack)).clock.now());
  }

  /** What an emergency would run, without running it. @throws Conflict while nobody is on the new side */
  async emergencyWay(stack: string): Promise<Way> {
    const { plan, state } = await this.get(stack);
    return emergencyWay(plan, state);
  }

  /** Measures some gates' observations now, outside any step; what fails is unknown. */
  async observeNow(stack: string, gates: readonly GateName[]): Promise<{ now: number; observed: Partial<Record<GateName, Observation>> }> {
    const wanted = gates.map((name) => {
      const { observation, side } = gateNamed(name);
      return { name: observation, ...(side === undefined ? {} : { side }) };
    });
    const { now, observations } = await this.measure(stack, wanted);
    return { now, observed: Object.fromEntries(gates.map((name, i) => [name, observations[i]])) };
  }

  /** Makes observations now, in the order asked for; what fails is unknown. */
  async measure(stack: string, wanted: readonly Wanted[]): Promise<{ now: number; observations: Observation[] }> {
    const config = currentConfig((await this.get(stack)).state);
    const { clock, observer } = await this.target(stack);
    const now = clock.now();
    const observations = await Promise.all(
      wanted.map(({ name, side }) =>
        observer
          .observe(name, side, config.gates.windowSeconds)
          .catch((error: Error): Observation => ({ name, reading: unknown(error.message), at: now, source: "none" })),
      ),
    );
    return { now, observations };
  }

  /**
   * Compares what is really there with the applied revision. What differs is journaled once, and so is its end; nothing
   * is repaired.
   * @throws Conflict while the migration is between two revisions
   */
  async lookForDrift(stack: string): Promise<Drift | undefined> {
    const { state } = await this.get(stack);
    const why = unsettled(state);
    if (why !== undefined)
      throw new Conflict(`${stack} is not compared with what is really there now: ${why}.`, { next: "Look again when it stands still." });
    const found = driftOf(await this.options.driver.preview(stack, currentRevision(state).config, { refresh: true }));
    const drift = found.changes.length === 0 ? undefined : found;
    if (drift?.digest === state.drift?.digest) return drift;
    const entry: Entry = drift === undefined ? { type: "drift.cleared" } : { type: "drift.found", ...drift };
    // What was begun meanwhile is no drift: the next look says how it is then.
    await this.appendUnlessMoved(stack, entry, await this.target(stack), state.lastSeq);
    return drift;
  }

  private wayBackOf(plan: Plan, state: MigrationState, step: Step, now: number): Way | undefined {
    try {
      return wayBackBefore(plan, state, step.undoFrom ?? step.id, now);
    } catch (error) {
      if (error instanceof Conflict) return undefined;
      throw error;
    }
  }

  /**
   * Takes a command: checks that it is possible now, journals it with the person's name, and lets the runner go on.
   * @param request when the sender may send it again: what stands in the journal already is not done again
   * @throws Conflict when the state does not allow it (naming who holds the stack), NotFound, UserError
   */
  async command(stack: string, command: Command, who: string, request?: RequestMark): Promise<MigrationState> {
    this.requireOpen();
    const target = await this.target(stack);
    // Checked against the journal as it is when the command is written: others may write in between.
    for (;;) {
      const { plan, state } = await this.get(stack);
      if (request !== undefined && isRepeated(await this.options.store.entries(stack), request)) return state;
      const { clock } = target;
      const runner = this.running.has(stack) ? this.holder : undefined;
      checkCommand({ plan, state, command, who, now: clock.now(), ...(runner === undefined ? {} : { runner }) });
      if (command.command === "advance" || command.command === "resume") await this.requireUnchangedFile(stack, state);
      const entry: Entry = { type: "command", who, ...(request === undefined ? {} : { request }), ...command };
      if (await this.appendUnlessMoved(stack, entry, target, state.lastSeq)) break;
    }
    this.failed.delete(stack);
    this.running.get(stack)?.runner.nudge();
    // Going back does not wait for an update that goes forward.
    if (["rollback", "abort", "emergency"].includes(command.command)) this.options.driver.cancel(stack);
    await this.ensureRunning(stack);
    return (await this.get(stack)).state;
  }

  /** @throws Transient while the service is ending: another process, or the next one, takes it */
  private requireOpen(): void {
    if (this.stopping.signal.aborted) throw new Transient("The service is shutting down.", { retryAfterSeconds: 5 });
  }

  /**
   * Journals trouble that was found beside any step, and lets the runner answer it by the phase's policy.
   * @param id of the trouble: the same one is answered once
   * @returns false when it was journaled before, or nothing is left to go back
   */
  async alarm(stack: string, alarm: Alarm): Promise<boolean> {
    this.requireOpen();
    const target = await this.target(stack);
    for (;;) {
      const { state } = await this.get(stack);
      const busy = state.alarm !== undefined || state.returning !== undefined;
      if (busy || state.status === "completed" || state.status === "aborted" || state.alarms.includes(alarm.id)) return false;
      if (await this.appendUnlessMoved(stack, { type: "alarm", ...alarm }, target, state.lastSeq)) break;
    }
    this.failed.delete(stack);
    this.running.get(stack)?.runner.nudge();
    await this.ensureRunning(stack);
    return true;
  }

  /** One round over all migrations whose users nobody else looks after. */
  async guardAll(): Promise<void> {
    const all = await this.list((stack, error) => this.unreadable(stack, error)).catch(() => []);
    await Promise.all(all.map((m) => this.guard.look(m).catch((error: Error) => this.events.emit("failure", m.stack, error))));
  }

  /** A config edited by hand since the last revision is nobody's decision yet. */
  private async requireUnchangedFile(stack: string, state: MigrationState): Promise<void> {
    const file = await StackFile.read(this.options.stacksFolder, stack);
    const revision = currentRevision(state);
    if (state.dirty || state.intent !== undefined || configDigest(file.raw()) === revision.digest) return;
    const paths = configChanges(revision.config, file.raw()).map((c) => c.path);
    throw new Conflict(`${file.path} differs from revision ${revision.number} in ${paths.join(", ")}.`, {
      next: `Put those values back, or roll back to revision ${revision.number} to have it written again.`,
    });
  }

  /** A journal that was changed holds up its own migration, and no other one; it is told once. */
  private unreadable(stack: string, error: Error): void {
    if (this.failed.has(stack)) return;
    if (!(error instanceof Transient)) this.failed.add(stack);
    this.events.emit("failure", stack, error);
  }

  /** Goes on with every migration that was under way when a service ended; those that another process runs are left to it. */
  async resumeAll(): Promise<void> {
    const all = await this.list((stack, error) => this.unreadable(stack, error));
    this.read = true;
    for (const { stack } of all) {
      if (this.failed.has(stack)) continue;
      // One that cannot go on keeps no other one from it.
      await this.ensureRunning(stack).catch((error: Error) => this.events.emit("failure", stack, error));
    }
  }

  /** Resolves when nothing of the stack runs any more, but for watching gates while a person is waited for. */
  async settled(stack: string): Promise<MigrationState> {
    for (;;) {
      await this.starts.get(stack);
      const running = this.running.get(stack);
      if (running === undefined) return (await this.get(stack)).state;
      await Promise.race([running.done, running.runner.stoodBy()]);
      const { state } = await this.get(stack);
      if (running.runner.standingBy && state.status === "approval") return state;
    }
  }

  /**
   * Takes no more commands, ends pauses between samples, and lets running effects finish. At the deadline the engines are
   * asked to stop: their updates stay intended, and whoever takes the lease next goes on with them.
   * @returns false when something cannot be stopped; its lease was given back, and it must end with this process
   */
  async close({ deadlineMs }: { deadlineMs?: number } = {}): Promise<boolean> {
    for (const timer of this.timers) clearInterval(timer);
    this.stopForeign();
    this.stopping.abort(new Error("the service is stopping"));
    const all = Promise.all([...this.running.values()].map((r) => r.done));
    if (deadlineMs === undefined) await all;
    if (deadlineMs === undefined || (await within(all, deadlineMs))) return true;
    for (const stack of this.running.keys()) this.options.driver.cancel(stack);
    if (await within(all, HAND_OVER_MS)) return true;
    // Its effects have keys, and are asked for again under them.
    for (const { lease } of this.running.values()) await this.options.store.release(lease).catch(() => undefined);
    return false;
  }

  /** Whether a runner here is at work; one that only watches gates while it waits for a person is not. */
  isRunning(stack: string): boolean {
    const running = this.running.get(stack);
    return running !== undefined && !running.runner.standingBy;
  }

  /** Starts a runner when there is something to do. One start at a time: two runners of one stack would fight for the lease. */
  private ensureRunning(stack: string): Promise<void> {
    const start = (this.starts.get(stack) ?? Promise.resolve()).then(() => this.startRunner(stack));
    this.starts.set(
      stack,
      start.catch(() => undefined),
    );
    return start;
  }

  private async startRunner(stack: string): Promise<void> {
    if (this.running.has(stack) || this.stopping.signal.aborted) return;
    const { plan, state } = await this.get(stack);
    if (decide(plan, state).do === "idle") return;
    const { store, driver, project, hooks, around } = this.options;
    const lease = await store.lease(stack, this.holder).catch((error: Error) => {
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
    const runner = new Runner(
      {
        store,
        driver,
        project,
        plan,
        ...(hooks === undefined ? {} : { hooks }),
        ...(around === undefined ? {} : { around }),
        target: await this.target(stack),
        observeLocal: (name, config, now) => this.observeLocal(name, config, now),
        onEntry: () => this.get(stack).then(() => undefined),
        onRound: () => void this.events.emit("observed", stack),
      },
      state,
      lease,
      this.stopping.signal,
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
        // A database that does not answer lets the lease end by itself.
        await store.release(lease).catch(() => undefined);
        return ended;
      })
      .finally(() => this.running.delete(stack));
    this.running.set(stack, { runner, lease, done: done.then(() => undefined) });
    // A command that came in between the last decision and the release found somebody running: look again. After an
    // error nobody does: it would only happen again. The next command or start of the service tries anew.
    void done
      .then((ended) => (ended ? this.ensureRunning(stack) : undefined))
      .catch((error: Error) => this.events.emit("failure", stack, error));
  }

  /** @returns false when the journal has grown since `after` */
  private async appendUnlessMoved(stack: string, entry: Entry, target: Target, after: number): Promise<boolean> {
    try {
      this.written.add((await this.options.store.append(stack, entry, target.clock.now(), { after })).hash);
    } catch (error) {
      if (error instanceof Moved) return false;
      throw error;
    }
    await this.get(stack);
    return true;
  }

  private planOf(stack: string, first: Recorded): Plan {
    let plan = this.plans.get(stack);
    if (plan === undefined) {
      if (first.type !== "migration.created") throw new Conflict(`The journal of ${stack} does not begin with its creation.`);
      plan = buildPlan(currentConfig(fold([first], [])));
      if (planDigest(plan) !== first.plan)
        throw new Conflict(`The plan of ${stack} is not the one its migration began with: this version of cutover has other steps.`, {
          next: "Finish it with the version that began it, or abort it there.",
        });
      this.plans.set(stack, plan);
    }
    return plan;
  }

  private target(stack: string): Promise<Target> {
    let target = this.targets.get(stack);
    if (target === undefined) {
      // The latest config a target may ask for: what the journal says, or the file before there is one.
      let config: StackConfig | undefined;
      const refresh = async (): Promise<StackConfig> => {
        const begun = await this.find(stack);
        return begun === undefined ? (await StackFile.read(this.options.stacksFolder, stack)).config() : currentConfig(begun.state);
      };
      this.onProgress((p) => {
        if (p.stack === stack && p.entry.type === "update.succeeded") config = currentConfig(p.state);
      });
      target = refresh().then((first) => {
        config = first;
        return this.options.openTarget(stack, () => config as StackConfig);
      });
      this.targets.set(stack, target);
      target.catch(() => this.targets.delete(stack));
    }
    return target;
  }

  private async observeLocal(name: Observation["name"], config: StackConfig, now: number): Promise<Observation | undefined> {
    if (name !== "staging-verified") return undefined;
    const staging = `${config.application.name}-staging`;
    const at = { name, at: now, source: `migration ${staging}` };
    const begun = await this.find(staging);
    if (begun === undefined) return { ...at, reading: unknown(`there is no migration of ${staging}`) };
    const { state } = begun;
    const theirs = currentConfig(state).workload.image;
    const passed = state.status === "completed" && theirs === config.strategy.image;
    return { ...at, reading: known(passed ? 1 : 0), detail: `${staging} is ${state.status} with ${theirs}` };
  }

  /** Faults of the hash chain and of the revisions against the engine's own history; empty when all is well. */
  async verify(stack: string): Promise<string[]> {
    const { state } = await this.get(stack);
    const chain = verifyChain(await this.options.store.entries(stack)).map((f) => `entry ${f.seq} ${f.what}`);
    const history = await this.options.driver.checkHistory(stack, state.revisions);
    return [...chain, ...history.map((h) => `revision ${h.revision}: ${h.what}`)];
  }
}

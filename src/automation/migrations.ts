import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { liveOf } from "../config/live.js";
import { type StackConfig, stackName } from "../config/schema.js";
import { type RawConfig, StackFile } from "../config/stackFile.js";
import { Conflict, CutoverError, NotFound, Transient } from "../errors.js";
import { inPieces } from "../lib/pieces.js";
import type { HooksPort } from "../ports/hooks.js";
import { known, type Observation, type ObservationName, type Side, unknown } from "../ports/observations.js";
import type { DatabaseReadiness } from "../ports/readiness.js";
import type { OpenTarget } from "../ports/target.js";
import { checkCommand } from "./decide/commandRules.js";
import { wayOfAlarm } from "./decide/decide.js";
import { checkEdit, configAfterEdit } from "./decide/edits.js";
import { configOfNext, wayBackOfNext } from "./decide/nextStep.js";
import { type Offers, offersOf } from "./decide/offers.js";
import { lossByStream, needsStream } from "./decide/streamBack.js";
import { loosens } from "./decide/tuning.js";
import { emergencyWay, type Way, wayBackTo } from "./decide/wayBack.js";
import type { Driver } from "./engine/driver.js";
import { driftOf } from "./engine/preview.js";
import type { Resource } from "./engine/progress.js";
import { type GateName, gateNamed } from "./gates/catalogue.js";
import type { Command, Entry, Recorded } from "./journal/entries.js";
import { isRepeated } from "./journal/idempotency.js";
import type { Drift, Preview, RequestMark } from "./journal/records.js";
import { shapeOf } from "./plan/edition.js";
import { type Plan, planDigest } from "./plan/plan.js";
import { LOSES_BY_STREAM, REVERSE } from "./plan/reverse.js";
import type { ProjectPort, Step } from "./plan/step.js";
import { type Beginning, beginningOf, requireSeen } from "./run/beginning.js";
import { Blindness } from "./run/blindness.js";
import { editInFile, type FileEdit } from "./run/editInFile.js";
import { failed } from "./run/observe.js";
import { troubleOfOldSide } from "./run/oldSide.js";
import { type Migration, type Progress, States } from "./run/projections.js";
import type { Around } from "./run/runner.js";
import { Runners } from "./run/runnerPool.js";
import { SendBack, type Sent, type Weights, weightsOf } from "./run/sendBack.js";
import { Targets } from "./run/targets.js";
import { type Alarm, Guard } from "./run/trafficWatch.js";
import { Turns } from "./run/turns.js";
import { currentConfig, currentRevision, type Intent, isUnderWay, type MigrationState, unsettled } from "./state/state.js";
import { Restored } from "./store/knownHeads.js";
import type { Store } from "./store/store.js";

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
  /**
   * How often to look for migrations that another process left behind, and for those whose run ended with what passes, in
   * milliseconds. @default never
   */
  sweepMs?: number;
  /** How often users on the new side are looked after between steps, in milliseconds. @default never */
  guardMs?: number;
}

/** An observation to be made: what, and of which side. */
export interface Wanted {
  name: ObservationName;
  side?: Side;
}

/** Going back does not wait for an update that goes forward. */
type Back = Extract<Command, { command: "rollback" | "abort" | "emergency" }>;
const leadsBack = (command: Command): command is Back =>
  command.command === "rollback" || command.command === "abort" || command.command === "emergency";

/** Where a command that leads back sends users first; undefined where it moves nobody, or is not possible. */
function weightsBack(plan: Plan, state: MigrationState, command: Command): Weights | undefined {
  if (!leadsBack(command)) return undefined;
  try {
    if (command.command === "emergency") return emergencyWay(plan, state) && { old: 100, new: 0 };
    const [first] = wayBackTo(plan, state, command.command === "abort" ? 0 : command.revision).path;
    return first?.kind === "config" && first.dnsOnly ? weightsOf(first.config) : undefined;
  } catch (error) {
    if (error instanceof CutoverError) return undefined;
    throw error;
  }
}

/** How long a way back waits to be told how the stream to the old database is. */
const STREAM_MS = 6_000;

const NEXT_PROCESS = "Send it again: another process takes it, or this service once it was started again.";

/** All migrations of one service: commands in, progress out. Every edge (HTTP, CLI, rehearsal) talks to this. */
export class Migrations {
  readonly holder: string;
  /** Who has this process's thread: ways back before whoever only looks. */
  readonly turns = new Turns();
  private readonly states: States;
  private readonly targets: Targets;
  private readonly running: Runners;
  private readonly guard: Guard;
  private readonly blindness = new Blindness((stack, entry) => this.note(stack, entry));
  private readonly sendBack: SendBack;
  private readonly stopForeign: () => void;
  private readonly timers: NodeJS.Timeout[] = [];
  private read = false;
  private sweeping = false;

  constructor(private readonly options: MigrationsOptions) {
    const { store, driver, project, hooks, around, stacksFolder, openTarget, sweepMs, guardMs } = options;
    this.holder = options.holder ?? `${hostname()} process ${process.pid}`;
    this.states = new States(store, stacksFolder, (stack, fence) => this.running.holds(stack, fence));
    this.targets = new Targets(this.states, openTarget, stacksFolder);
    this.running = new Runners({
      ...{ store, driver, project, holder: this.holder, states: this.states, targets: this.targets },
      ...(hooks === undefined ? {} : { hooks }),
      ...(around === undefined ? {} : { around }),
      observeLocal: (name, config, now) => this.observeLocal(name, config, now),
      otherStacks: (stack) => this.targets.others(stack),
    });
    this.sendBack = new SendBack({
      target: (stack) => this.targets.of(stack),
      state: async (stack) => (await this.get(stack)).state,
      note: (stack, entry) => this.note(stack, entry),
      fail: (stack, error) => this.fail(stack, error),
    });
    this.states.onProgress((progress) => this.follow(progress));
    this.stopForeign = store.onForeign(
      (stack, offered) => void this.heard(stack, offered).catch((error: Error) => this.fail(stack, error)),
    );
    if (sweepMs !== undefined) this.timers.push(setInterval(() => void this.sweep(), sweepMs));
    this.guard = new Guard(
      (stack, gates) => this.observeNow(stack, gates),
      (stack, alarm) => this.alarm(stack, alarm),
      (state, config, gates) => this.blindness.saw(state, config, gates),
    );
    if (guardMs !== undefined) this.timers.push(setInterval(() => void this.guardAll(), guardMs));
  }

  /** Another process appended. The runner here reads for itself, also when this look fails. */
  private async heard(stack: string, offered: boolean): Promise<void> {
    this.running.nudge(stack);
    const migration = await this.get(stack);
    if (offered) await this.running.offered(migration);
  }

  /** What another process wrote may be for the runner here, whoever found it: a notification may be missed, a sweep is not. */
  private follow({ stack, entry, state, plan, here }: Progress): void {
    if (here) return;
    if (entry.type === "alarm" && wayOfAlarm(plan, state) !== undefined) this.interruptFor({ stack, plan, state });
    if (entry.type === "command") this.running.retry(stack);
    if (entry.type === "command" && leadsBack(entry)) {
      void this.cancelForward(stack, state.intent);
      this.running.interrupt(stack);
    }
    this.running.nudge(stack);
  }

  /** Ends the update that ran here when another process was told to go back; what has begun since then is the way back itself. */
  private async cancelForward(stack: string, intent: Intent | undefined): Promise<void> {
    const now = (await this.get(stack).catch(() => undefined))?.state.intent;
    if (intent !== undefined && now?.key === intent.key) this.options.driver.cancel(stack);
  }

  /** Tells who listens for failures of one outside any run, which keeps nobody else from going on. */
  fail(stack: string, error: Error): void {
    this.running.events.emit("failure", stack, error);
  }

  /** Called with each new entry, once, in order, whoever wrote it. */
  onProgress(listener: (progress: Progress) => void): () => void {
    return this.states.onProgress(listener);
  }

  /** Called whenever a runner has measured something of a stack. */
  onObserved(listener: (stack: string) => void): () => void {
    return this.on("observed", listener);
  }

  /** Called when a run ends with an error that no journal could take. */
  onFailure(listener: (stack: string, error: Error) => void): () => void {
    return this.on("failure", listener);
  }

  /** Called when another process may have taken a stack over while a runner here had it. */
  onLeaseLost(listener: (stack: string) => void): () => void {
    return this.on("leaseLost", listener);
  }

  private on(event: "observed" | "failure" | "leaseLost", listener: (stack: string, error: Error) => void): () => void {
    const { events } = this.running;
    events.on(event, listener);
    return () => events.off(event, listener);
  }

  /** The user's project: the inventory and what lies beside it. */
  get project(): ProjectPort {
    return this.options.project;
  }

  /** Runners of this process. */
  get runners(): number {
    return this.running.size;
  }

  /**
   * Migrations, sorted by stack.
   * @param unreadable is told of each that cannot be read, which is left out. @default it is told as a failure, once
   */
  list(unreadable = (stack: string, error: Error) => this.running.unreadable(stack, error)): Promise<Migration[]> {
    return this.states.list(unreadable);
  }

  /** @throws NotFound without a migration of that stack */
  get(stack: string): Promise<Migration> {
    return this.states.get(stack);
  }

  /** As this process knows it, without a look at its journal: only to be shown. */
  known(stack: string): Migration | undefined {
    return this.states.known(stack);
  }

  /** What is said of a migration that is not there, or that whoever asks may not see. */
  absent(stack: string): NotFound {
    return this.states.absent(stack);
  }

  /** Whether every journal that was there at the start was read, and so verified. A command waits for its own stack's alone. */
  get allRead(): boolean {
    return this.read;
  }

  /** What a stack belongs to: by its journal, or by its config file before it has one. @throws NotFound without both */
  async scopeOf(stack: string): Promise<{ application: string; environment: string }> {
    const { name, environment } = (await this.targets.configOf(stack).catch((error: Error) => this.firstConfig(stack, error))).application;
    return { application: name, environment };
  }

  /** Of a journal that this version cannot read to its end: who may see it, its first entry says. */
  private async firstConfig(stack: string, error: Error): Promise<{ application: { name: string; environment: string } }> {
    const first = (await this.options.store.entries(stack).catch(() => []))[0];
    const application = first?.type === "migration.created" ? first.config["cutover:application"] : undefined;
    if (typeof application !== "object" || application === null) throw error;
    return { application: application as { name: string; environment: string } };
  }

  /** Also one that this version cannot read is there. @throws NotFound without a migration of that stack */
  async requireBegun(stack: string): Promise<void> {
    await this.get(stack).catch((error: Error) => {
      if (error instanceof NotFound || error instanceof Transient) throw error;
    });
  }

  /** Its entries, also those that this version cannot read a state from. @throws NotFound without a migration of that stack */
  async journal(stack: string): Promise<Recorded[]> {
    const entries = await this.options.store.entries(stack);
    if (entries.length === 0) throw this.absent(stack);
    return entries;
  }

  file(stack: string, name: string): Promise<string | undefined> {
    return this.options.store.file(stack, name);
  }

  /** Stacks that have a config file, and whether their migration has begun. */
  async stacks(): Promise<{ stack: string; begun: boolean }[]> {
    const [files, journals] = await Promise.all([StackFile.list(this.options.stacksFolder), this.options.store.lengths()]);
    return files.map((stack) => ({ stack, begun: journals.has(stack) }));
  }

  /** A stack's file as it is now. @throws NotFound, or UserError naming what is wrong in it */
  async configInFile(stack: string): Promise<StackConfig> {
    return (await StackFile.read(this.options.stacksFolder, stack)).shape();
  }

  /**
   * What a stack's migration would begin with; begins nothing.
   * @throws NotFound without its file, UserError naming what is wrong in it, or why its environment cannot be reached
   */
  async beginning(stack: string): Promise<Beginning> {
    const beginning = await beginningOf(this.options.stacksFolder, stack);
    await this.targets.of(stack);
    return beginning;
  }

  /**
   * Begins the migration of a stack with its config file as revision 0; answers the one that exists.
   * @param seen digest of the config that the person saw: another one is not taken. @default whatever the file says
   */
  async create(stack: string, who: string, seen?: string): Promise<Migration> {
    this.requireOpen();
    const begun = await this.states.find(stack);
    if (begun !== undefined) return begun;
    const beginning = await beginningOf(this.options.stacksFolder, stack);
    requireSeen(stack, beginning, seen);
    const { raw, config, plan } = beginning;
    const target = await this.targets.of(stack);
    const created: Entry = {
      type: "migration.created",
      stack: stackName(config),
      plan: planDigest(plan),
      shape: shapeOf(plan),
      config: raw,
      why: "the stack config as it was",
      who,
    };
    await this.states.append(stack, created, target.clock.now(), 0);
    return this.get(stack);
  }

  /** What the next step would do: its preview, made now, and its way back. Changes nothing. */
  async previewNext(stack: string): Promise<{ step: Step | undefined; preview: Preview | undefined; wayBack: Way | undefined }> {
    const { plan, state } = await this.get(stack);
    const step = plan[state.position];
    if (step === undefined) return { step, preview: undefined, wayBack: undefined };
    const preview =
      step.kind === "config" && !state.applied ? await this.look(stack, configOfNext(state, step)) : state.steps[step.id]?.preview;
    const way = wayBackOfNext(plan, state, step, (await this.targets.of(stack)).clock.now());
    return { step, preview, wayBack: way && (await this.seen(stack, state, way)) };
  }

  /** A preview for whoever looks: of many who get the same one, each goes on in its turn. */
  private async look(stack: string, config: RawConfig): Promise<Preview> {
    const preview = await this.options.driver.preview(stack, config, { view: true });
    await this.turns.turn();
    return preview;
  }

  /** The way back to a revision, without going. */
  async wayBack(stack: string, revision: number): Promise<Way> {
    const { plan, state } = await this.get(stack);
    return this.seen(stack, state, wayBackTo(plan, state, revision, (await this.targets.of(stack)).clock.now()));
  }

  /** A way back with what it loses as the stream to the old database is now, not as it was when it began. */
  private async seen(stack: string, state: MigrationState, way: Way): Promise<Way> {
    if (!needsStream(state) || !way.path.some((item) => item.kind === "undo" && item.step === REVERSE)) return way;
    // Whoever wants to go back does not wait for a database that does not answer.
    const late = sleep(STREAM_MS, { reading: unknown(`it was not answered within ${STREAM_MS / 1_000} s`) }, { ref: false });
    const looked = this.measure(stack, [{ name: "reverse-lag" }]).then(({ observations: [o] }) => o ?? late);
    const loss = lossByStream(await Promise.race([looked, late]), currentConfig(state));
    const others = way.loses.filter((l) => l !== LOSES_BY_STREAM);
    return { ...way, loses: loss === undefined ? others : [loss, ...others] };
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
    const { clock, observer } = await this.targets.of(stack);
    const now = clock.now();
    const observations = await Promise.all(
      wanted.map((w) => observer.observe(w.name, w.side, config.gates.windowSeconds).catch((error: Error) => failed(w, error, now))),
    );
    return { now, observations };
  }

  /** The readiness of the databases now; where it cannot be had, why. */
  async readiness(stack: string): Promise<DatabaseReadiness> {
    const config = currentConfig((await this.get(stack)).state);
    const { clock, data } = await this.targets.of(stack);
    if (config.database === undefined) return { standing: "none", at: clock.now(), findings: [] };
    return data.readiness().catch((error: Error) => ({ standing: "unknown", at: clock.now(), findings: [], why: error.message }));
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
    const found = driftOf(await this.options.driver.preview(stack, currentRevision(state).config, { refresh: true, view: true }));
    const drift = found.changes.length === 0 ? undefined : found;
    if (drift?.digest === state.drift?.digest) return drift;
    const entry: Entry = drift === undefined ? { type: "drift.cleared" } : { type: "drift.found", ...drift };
    // What was begun meanwhile is no drift: the next look says how it is then.
    await this.states.append(stack, entry, (await this.targets.of(stack)).clock.now(), state.lastSeq);
    return drift;
  }

  /**
   * Takes a command: checks that it is possible now, journals it with the person's name, and lets the runner go on.
   * @param request when the sender may send it again: what stands in the journal already is not done again
   * @param ids what the identity provider knows the person by, as digests
   * @throws Conflict when the state does not allow it (naming who holds the stack), NotFound, UserError
   */
  command(stack: string, command: Command, who: string, request?: RequestMark, ids?: readonly string[]): Promise<MigrationState> {
    const take = () => this.take(stack, command, who, request, ids);
    return leadsBack(command) ? this.turns.first(take) : take();
  }

  private async take(
    stack: string,
    command: Command,
    who: string,
    request: RequestMark | undefined,
    ids: readonly string[] | undefined,
  ): Promise<MigrationState> {
    // Users who must be sent back wait for no other process.
    if (command.command !== "emergency") this.requireOpen();
    const { clock } = await this.targets.of(stack);
    if (leadsBack(command)) await this.requireLivingSide(stack, command);
    let weights: Weights | undefined;
    let order = "";
    // Checked against the journal as it is when the command is written: others may write in between.
    for (;;) {
      const { plan, state } = await this.get(stack);
      if (request !== undefined && isRepeated(await this.options.store.entries(stack), request)) return state;
      const runner = this.running.has(stack) ? this.holder : undefined;
      checkCommand({
        plan,
        state,
        command,
        who,
        ...(ids === undefined ? {} : { ids }),
        now: clock.now(),
        ...(runner === undefined ? {} : { runner }),
      });
      const looser = command.command === "tune" ? loosens(state, command.changes) : [];
      const said = { ...(ids === undefined ? {} : { ids }), ...(looser.length === 0 ? {} : { loosens: looser }) };
      const entry: Entry = { type: "command", who, ...said, ...(request === undefined ? {} : { request }), ...command };
      weights = weightsBack(plan, state, command);
      order = `${stack}/order#${randomUUID()}`;
      // Who sends users back does not ask twice, whatever the store has lost; who decided anything else looks again first.
      const lost = (error: Error): boolean => {
        if (error instanceof Restored && command.command === "emergency") return false;
        throw error;
      };
      if (await this.states.append(stack, entry, clock.now(), state.lastSeq).catch(lost)) break;
    }
    if (leadsBack(command)) {
      this.options.driver.cancel(stack);
      this.running.interrupt(stack);
      if (weights !== undefined) await this.sendBack.order(stack, weights, order, command.command === "emergency");
    }
    if (this.running.stopped) this.running.sendBackYet(stack);
    else await this.running.wake(stack);
    return (await this.get(stack)).state;
  }

  /** What a person may do now, by the rules that `command` goes by. */
  offers({ stack, plan, state }: Migration): Offers {
    return offersOf(plan, state, this.nowOf(stack));
  }

  /** On the stack's target's clock; this machine's while that is not open. */
  nowOf(stack: string): number {
    return this.targets.now(stack);
  }

  /** The resources that the engine is at now, of an update that runs in this process. */
  underWay(stack: string): Resource[] {
    return this.options.driver.underWay?.(stack) ?? [];
  }

  /** The migration of the same application in another environment, when it has begun. */
  async sibling({ state }: Migration, environment: string): Promise<Migration | undefined> {
    const { application } = currentConfig(state);
    if (application.environment === environment) return undefined;
    return this.states.find(`${application.name}-${environment}`);
  }

  /** What is under way of sending a stack's users back, as the process that was told knows it. */
  sending(stack: string): Sent | undefined {
    return this.sendBack.of(stack);
  }

  /**
   * The side that users would be sent to is looked at first: what is unknown goes, what is known to be no better asks.
   * @throws Conflict unless the person insists
   */
  private async requireLivingSide(stack: string, command: Command): Promise<void> {
    if (!leadsBack(command) || command.insist === true) return;
    const { plan, state } = await this.get(stack);
    if (weightsBack(plan, state, command) === undefined) return;
    const { observer } = await this.targets.of(stack);
    const trouble = await troubleOfOldSide(observer, state);
    if (trouble !== undefined)
      throw new Conflict(`${stack}: users would be sent to a side that is no better: ${trouble}.`, {
        next: "Mend the old side first, or insist (--insist) to send them there all the same.",
      });
  }

  /** Journals what no runner writes, whoever writes beside it. */
  private async note(stack: string, entry: Entry): Promise<void> {
    const { clock } = await this.targets.of(stack);
    for (;;) if (await this.states.append(stack, entry, clock.now(), (await this.get(stack)).state.lastSeq)) return;
  }

  /** @throws Transient while the service is ending: another process, or the next one, takes it */
  private requireOpen(): void {
    if (this.running.stopped) throw new Transient("The service is shutting down.", { retryAfterSeconds: 5, next: NEXT_PROCESS });
  }

  /**
   * Journals trouble that was found beside any step, and lets the runner answer it by the phase's policy.
   * @param id of the trouble: the same one is answered once
   * @returns false when it was journaled before, or nothing is left to go back
   */
  async alarm(stack: string, alarm: Alarm): Promise<boolean> {
    this.requireOpen();
    const { clock } = await this.targets.of(stack);
    for (;;) {
      const { state } = await this.get(stack);
      const busy = state.alarm !== undefined || state.returning !== undefined;
      if (busy || state.status === "completed" || state.status === "aborted" || state.alarms.includes(alarm.id)) return false;
      if (await this.states.append(stack, { type: "alarm", ...alarm }, clock.now(), state.lastSeq)) break;
    }
    // Users do not wait for what goes forward: as when a person sends them back.
    const migration = await this.get(stack);
    const weights = await this.weightsOfAlarm(migration);
    if (wayOfAlarm(migration.plan, migration.state) !== undefined) this.interruptFor(migration);
    const key = `${stack}/alarm#${randomUUID()}`;
    if (weights !== undefined) await this.turns.first(() => this.sendBack.order(stack, weights, key, false));
    await this.running.wake(stack);
    return true;
  }

  /** What goes forward here ends: an alarm leads back. */
  private interruptFor({ stack, state }: Migration): void {
    if (state.intent !== undefined) this.options.driver.cancel(stack);
    this.running.interrupt(stack);
  }

  /** Where an alarm sends users first by itself: nowhere, where the old side is known to be no better. */
  private async weightsOfAlarm({ stack, plan, state }: Migration): Promise<Weights | undefined> {
    const [first] = wayOfAlarm(plan, state) ?? [];
    if (first?.kind !== "config" || !first.dnsOnly) return undefined;
    const { observer } = await this.targets.of(stack);
    return (await troubleOfOldSide(observer, state)) === undefined ? weightsOf(first.config) : undefined;
  }

  /** One round over all migrations whose users nobody else looks after. */
  async guardAll(): Promise<void> {
    const all = await this.list().catch(() => []);
    const looks: Promise<void>[] = [];
    for await (const m of inPieces(all)) looks.push(this.guard.look(m).catch((error: Error) => this.fail(m.stack, error)));
    await Promise.all(looks);
  }

  /** What somebody edited in the stack's file, that no revision has: it stays there, and is in nobody's way. */
  async editInFile(stack: string): Promise<FileEdit> {
    const { plan, state } = await this.get(stack);
    const file = await StackFile.read(this.options.stacksFolder, stack).catch((error: Error) => {
      // The migration is there: what is missing is its file.
      throw error instanceof NotFound ? new Conflict(error.message, { cause: error, next: "Put the stack's file back." }) : error;
    });
    return editInFile(file, plan, state);
  }

  /** What taking the edit in the stack's file would change. @throws UserError naming what cannot be taken */
  async previewEdit(stack: string): Promise<Preview> {
    const { plan, state } = await this.get(stack);
    const { changes } = await this.editInFile(stack);
    checkEdit(state, plan, changes);
    return this.look(stack, configAfterEdit(state, changes));
  }

  /**
   * Takes what somebody edited in the stack's file as a revision of its own.
   * @param seen digest of the edit that the person saw: another one is not taken
   * @throws UserError naming what cannot be taken; Conflict when the file was edited again
   */
  async takeEdit(
    stack: string,
    { why, seen }: { why: string; seen?: string | undefined },
    who: string,
    request?: RequestMark,
    ids?: readonly string[],
  ): Promise<MigrationState> {
    const { state } = await this.get(stack);
    if (request !== undefined && isRepeated(await this.options.store.entries(stack), request)) return state;
    const { changes, digest } = await this.editInFile(stack);
    if (seen !== undefined && seen !== digest)
      throw new Conflict(`${stack}: the stack's file was edited again since it was looked at.`, {
        next: "Look at it again, then take it.",
      });
    return this.command(stack, { command: "edit", changes, why }, who, request, ids);
  }

  /** One at a time: a far side that is slow to open is asked once. */
  private async sweep(): Promise<void> {
    if (this.sweeping) return;
    this.sweeping = true;
    await this.resumeAll().catch(() => undefined);
    this.sweeping = false;
  }

  /** Goes on with every migration that was under way when a service ended; those that another process runs are left to it. */
  async resumeAll(): Promise<void> {
    const all = await this.list();
    this.read = true;
    for (const { stack, state } of all) if (state.sentBack?.shown === false) this.sendBack.watch(stack, state.sentBack.weights);
    const { store, sweepMs } = this.options;
    // A process that missed three sweeps takes nothing over.
    const processes = sweepMs === undefined ? 1 : ((await store.processes?.(this.holder, 3 * sweepMs).catch(() => 1)) ?? 1);
    await this.running.resumeAll(all, processes);
  }

  /** Resolves when nothing of the stack runs any more, but for watching gates while a person is waited for. */
  settled(stack: string): Promise<MigrationState> {
    return this.running.settled(stack);
  }

  /** Whether a runner here is at work; one that only watches gates while it waits for a person is not. */
  isRunning(stack: string): boolean {
    return this.running.isRunning(stack);
  }

  /** Of these, those that a process is at work on, whichever that is: this one's runner says so, or somebody else's lease. */
  async atWork(migrations: readonly Migration[]): Promise<ReadonlySet<string>> {
    const here = migrations.filter((m) => this.isRunning(m.stack)).map((m) => m.stack);
    // A runner that watches gates while it waits for a person has the lease too.
    const elsewhere = migrations.filter((m) => !this.running.has(m.stack) && isUnderWay(m.state)).map((m) => m.stack);
    return new Set([...here, ...(await this.options.store.held(elsewhere))]);
  }

  /** Takes no more commands, and ends what runs: see `Runners.close`. */
  async close(options: { deadlineMs?: number } = {}): Promise<boolean> {
    for (const timer of this.timers) clearInterval(timer);
    this.sendBack.close();
    this.stopForeign();
    return this.running.close(options);
  }

  private async observeLocal(name: Observation["name"], config: StackConfig, now: number): Promise<Observation | undefined> {
    if (name !== "staging-verified") return undefined;
    const staging = `${config.application.name}-staging`;
    const at = { name, at: now, source: `migration ${staging}` };
    const begun = await this.states.find(staging);
    if (begun === undefined) return { ...at, reading: unknown(`there is no migration of ${staging}`) };
    const { state } = begun;
    const theirs = liveOf(currentConfig(state)).image;
    const passed = state.status === "completed" && theirs === config.strategy.image;
    return { ...at, reading: known(passed ? 1 : 0), detail: `${staging} is ${state.status} with ${theirs}` };
  }

  /** Faults of the hash chain and of the revisions against the engine's own history; empty when all is well. */
  async verify(stack: string): Promise<string[]> {
    const { state } = await this.get(stack);
    const chain = (await this.options.store.verify(stack)).map((f) => `entry ${f.seq} ${f.what}`);
    const history = await this.options.driver.checkHistory(stack, state.revisions);
    return [...chain, ...history.map((h) => `revision ${h.revision}: ${h.what}`)];
  }
}

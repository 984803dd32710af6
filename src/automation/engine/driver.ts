import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { UpdateSummary } from "@pulumi/pulumi/automation/index.js";
import { rawShift } from "../../config/shift.js";
import { configDigest, type RawConfig, withSecretsOf, writeAtomically } from "../../config/stackFile.js";
import { Conflict, Terminal, Transient } from "../../errors.js";
import type { LockPlace, ProviderFacts } from "../../ports/providers.js";
import type { EngineEnvironment } from "../../ports/target.js";
import type { EngineStart, Preview, Revision } from "../journal/records.js";
import { type ByHand, byHandAmong, configKeysThatDiffer, NEWEST, pastIn, pastOf } from "./byHand.js";
import type { Scope } from "./calls.js";
import { type Deadlines, defaultDeadlines, inTime, Late } from "./deadline.js";
import { clearLocks } from "./locks.js";
import { enginesOf, treeOf, VIEW_MARK } from "./memory.js";
import { changesObjects, withOthers } from "./others.js";
import type { Planned } from "./preview.js";
import type { Resource } from "./progress.js";
import { type Lane, type SlotOptions, Slots } from "./slots.js";
import { StackFiles } from "./stackFiles.js";
import { engineStart } from "./system.js";
import { takeOver } from "./takeOver.js";
import { EngineThread } from "./thread.js";

export interface DriverOptions {
  /** Folder with Pulumi.yaml. */
  projectDir: string;
  /** Folder with Pulumi.STACK.yaml files, Pulumi.yaml's stackConfigDir. */
  stacksFolder: string;
  /** Scratch folder for candidate configs. */
  scratch: string;
  project: string;
  /** URL of the module that exports the inline program as `program`. */
  program: string;
  environment: EngineEnvironment;
  /** Environment of the engine: PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE, … */
  env: Record<string, string>;
  /** How many updates and previews may run side by side, and in how much memory. */
  slots?: SlotOptions;
  /** How long operations may take. @default by the environment */
  deadlines?: Deadlines;
  /** How long a lock that is not proven dead is waited for, in milliseconds. @default 60 000 */
  lockPatienceMs?: number;
}

/** An update that was stopped, by a person, the service's end or its deadline; how far it came is not known. */
export class Cancelled extends Terminal {
  readonly unsettled = true;
}

export interface UpdateOptions {
  /** The weighted records alone. */
  dnsOnly?: boolean;
  /** It leads back, and waits for no other stack. */
  back?: boolean;
  /** Configs that cutover wrote or was about to write, newest first: what the file has otherwise is somebody's edit, and stays. @default what the file has when it is called */
  known?: RawConfig[];
}

export interface PreviewOptions {
  /** Against what is really there, and not against what the engine believes. */
  refresh?: boolean;
  /** Somebody only looks: the same look is made once, few wait, and no update waits for it. */
  view?: boolean;
}

export interface Updated {
  engineVersion: number;
  changes: Record<string, number>;
  durationMs: number;
  /** What was found on the way, as sentences. */
  notes?: string[];
}

/** What a runner needs of the stack driver. */
export type Driver = Pick<
  StackDriver,
  "preview" | "update" | "findUpdate" | "recover" | "clearDeadLocks" | "checkHistory" | "strangers" | "byHand" | "cancel"
> &
  Partial<Pick<StackDriver, "underWay">>;

/** An update that the engine's history has and the journal does not. */
export interface Stranger {
  key: string;
  /** What it applied, of the last one, where that is known. */
  config?: RawConfig;
}

/** How long a live engine of ours may take to end automatically once its service is gone. */
const ORPHAN_MS = 60_000;
/** Between being asked to stop, to end at once, and being ended, for what is in the way of going back. */
const INTERRUPT_MS = 10_000;
/** Without a page size the engine lists ten. */
const MOST_UPDATES = 10_000;

/**
 * Drives stacks through the Automation API with the inline program: preview, update, history, cancellation, and
 * recovery of what a crash interrupted. One operation a stack at a time; several stacks side by side.
 */
export class StackDriver {
  private readonly slots: Slots;
  private readonly engine: EngineThread;
  private readonly deadlines: Deadlines;
  /** Ends the operations of a stack that run or wait: for their turn, or for somebody else's lock. */
  private readonly under = new Map<string, Set<AbortController>>();
  /** Looks that are under way, by what they look at. */
  private readonly looks = new Map<string, Promise<Preview>>();
  /** Of configs that are looked at again and again. */
  private readonly digests = new WeakMap<RawConfig, string>();
  private readonly files: StackFiles;
  private candidates = 0;

  constructor(private readonly options: DriverOptions) {
    this.slots = new Slots(options.slots);
    this.deadlines = options.deadlines ?? defaultDeadlines();
    const { projectDir, program, env, environment } = options;
    this.engine = new EngineThread({ projectDir, program, env: { ...env, ...environment.env } });
    this.files = new StackFiles(options.stacksFolder, options.scratch, (name) => this.engine.exportState(name));
  }

  /** Loads the program's modules, so that the first update does not wait for them. What goes wrong is told there. */
  warm(): void {
    this.engine.warm().catch(() => undefined);
  }

  /** The resources that an update of the stack is at now. */
  underWay(stack: string): Resource[] {
    return this.engine.progress.of(stack);
  }

  /** Ends the program's thread. What runs must have ended before. */
  close(): Promise<void> {
    return this.engine.close();
  }

  /**
   * What the config would change. Nothing is changed: the candidate lies in a scratch file.
   */
  async preview(name: string, config: RawConfig, { refresh = false, view = false }: PreviewOptions = {}): Promise<Preview> {
    if (view) return this.looked(name, config, refresh);
    return this.inTime(name, "preview", "forward", () =>
      this.withConfig(name, config, async (candidate) => this.namingOthers(name, await this.previewed(name, candidate, refresh), refresh)),
    );
  }

  /** Whoever looks at what somebody is looking at already gets the same answer. */
  private looked(name: string, config: RawConfig, refresh: boolean): Promise<Preview> {
    const digest = this.digests.get(config) ?? configDigest(config);
    this.digests.set(config, digest);
    const key = `${name} ${digest} ${refresh}`;
    const known = this.looks.get(key);
    if (known !== undefined) return known;
    const { previewMs, stopMs } = this.deadlines;
    const run = (candidate: string) =>
      inTime(`The preview of ${name}`, previewMs, stopMs, { stop: () => void this.engine.cancel(candidate).catch(() => undefined) }, () =>
        this.engine.preview(name, candidate, refresh, candidate).then((preview) => this.namingOthers(name, preview, refresh)),
      );
    const look = this.turn(name, () => this.withConfig(name, config, run, VIEW_MARK), "view").finally(() => this.looks.delete(key));
    this.looks.set(key, look);
    return look;
  }

  /** What others wrote may make an object impossible to apply: a preview that fails is made once more with that out of the way. */
  private async previewed(name: string, candidate: string, refresh: boolean): Promise<Preview> {
    try {
      return await this.engine.preview(name, candidate, refresh);
    } catch (error) {
      if (this.options.environment.prepare === undefined || error instanceof Transient) throw error;
      await this.prepared(name, {});
      return this.engine.preview(name, candidate, refresh);
    }
  }

  /** With who else wrote what it changes, and with what goes although no preview of the engine's shows it. */
  private async namingOthers(name: string, preview: Preview, refresh: boolean): Promise<Preview> {
    const { environment } = this.options;
    if (environment.othersFields === undefined || !(refresh || changesObjects(preview, environment.providers))) return preview;
    const others = environment.othersFields(name, () => this.engine.exportState(name));
    // A cluster that cannot be asked is no reason to see nothing at all; the engine's provider has asked it too.
    return withOthers(preview, await others.catch(() => []), refresh);
  }

  /** In the stack's turn, with the engine led to where its far side is now. */
  private turn<T>(name: string, run: () => Promise<T>, lane: Lane = "forward"): Promise<T> {
    const led = async (): Promise<T> => {
      const env = await this.options.environment.envOf?.(name);
      if (env !== undefined) this.engine.useEnvironment(name, env);
      return run();
    };
    return this.slots.run(name, led, lane);
  }

  /** An operation in its turn. The time until then does not count. @throws Cancelled when it was interrupted */
  private async inTime<T>(name: string, what: "update" | "preview" | "recovery", lane: Lane, run: () => Promise<T>): Promise<T> {
    const { updateMs, previewMs, stopMs, interruptMs = INTERRUPT_MS } = this.deadlines;
    const stop = (): void => void this.engine.cancel(name).catch(() => undefined);
    const end = (): void => void this.endEngines(name);
    return this.cancellable(name, `The ${what} of ${name}`, (signal) => {
      const stopping = { stop, end, interrupted: { signal, everyMs: interruptMs } };
      return this.turn(name, () => inTime(`The ${what} of ${name}`, what === "update" ? updateMs : previewMs, stopMs, stopping, run), lane);
    });
  }

  /** What `cancel` ends. @throws Cancelled then */
  private async cancellable<T>(name: string, what: string, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const cancelled = new AbortController();
    const all = this.under.get(name) ?? new Set();
    this.under.set(name, all.add(cancelled));
    try {
      return await run(cancelled.signal);
    } catch (cause) {
      if (!cancelled.signal.aborted || cause instanceof Late) throw cause;
      throw new Cancelled(`${what} was cancelled.`, { cause });
    } finally {
      all.delete(cancelled);
      if (all.size === 0) this.under.delete(name);
    }
  }

  /** An engine that does not end when it is asked, with all that it started; what it leaves is settled before the next update. */
  private async endEngines(name: string): Promise<void> {
    for (const engine of await enginesOf(name))
      for (const pid of (await treeOf(engine)).reverse())
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It has ended meanwhile.
        }
  }

  /** With the config in a scratch file of its own. */
  private async withConfig<T>(name: string, config: RawConfig, run: (configFile: string) => Promise<T>, mark = "."): Promise<T> {
    this.candidates += 1;
    const candidate = join(this.options.scratch, `Pulumi.${name}${mark}${this.candidates}.yaml`);
    const { file } = await this.files.read(name);
    await mkdir(this.options.scratch, { recursive: true });
    await writeAtomically(candidate, file.replace(withSecretsOf(config, file.raw())).text());
    try {
      return await run(candidate);
    } finally {
      await rm(candidate, { force: true });
    }
  }

  /**
   * Applies a config, and makes it the stack's config once the engine has its lock: an update that is refused leaves the file
   * as it was, since `pulumi up` from a shell must not apply a step that no gate watches. What somebody edited meanwhile stays.
   * @param key stands in the engine's history, so that a restart finds out whether the update happened
   */
  async update(name: string, config: RawConfig, key: string, options: UpdateOptions = {}): Promise<Updated> {
    const { file, unreadable } = await this.files.read(name);
    const { stacksFolder: folder } = this.options;
    const writes = { folder, stack: name, config, known: options.known ?? [file.raw()] };
    const begun = engineStart();
    const started = performance.now();
    try {
      const { version, changes, told } = await this.inTime(name, "update", laneOf(options), async () => {
        const look = await this.prepared(name, options);
        const up = { message: messageOf(key, config), writes, ...targetOf(options, config, this.options.environment.providers) };
        const done = await this.withConfig(name, config, (configFile) => this.engine.up(name, { configFile, ...up }));
        return { ...done, told: await look() };
      });
      const notes = [...(unreadable === undefined ? [] : [unreadable]), ...told];
      const durationMs = Math.round(performance.now() - started);
      return { engineVersion: version, changes, durationMs, ...(notes.length === 0 ? {} : { notes }) };
    } catch (error) {
      // An engine that was killed leaves its lock; the next try would fail over it.
      await this.clearOwnLocks(name, begun);
      if (error instanceof Late) throw new Cancelled(error.message, { cause: error });
      throw error;
    }
  }

  /** Readies the far side. No update waits for that to succeed: what fails is told, and tried again with the next one. */
  private async prepared(name: string, { dnsOnly }: UpdateOptions): Promise<() => Promise<string[]>> {
    const { prepare } = this.options.environment;
    // The weighted records alone need neither the cluster nor a look at it.
    if (prepare === undefined || dnsOnly === true) return async () => [];
    const unseen = (when: string) => (error: Error) => [
      `What is in the cluster could not be looked at ${when} the update: ${error.message}`,
    ];
    try {
      const look = await prepare(name, () => this.engine.exportState(name));
      return () => look().catch(unseen("after"));
    } catch (error) {
      return async () => unseen("before")(error as Error);
    }
  }

  /** The finished update with this key and config, or undefined when it did not happen. */
  async findUpdate(name: string, config: RawConfig, key: string): Promise<Updated | undefined> {
    const wanted = messageOf(key, config);
    const latest = await this.turn(name, () => this.engine.history(name, 5));
    const update = latest.find((u) => u.message === wanted && u.result === "succeeded");
    return update === undefined
      ? undefined
      : { engineVersion: update.version, changes: { ...update.resourceChanges }, durationMs: durationOf(update) };
  }

  /** The engine's own record of updates, newest first. */
  async history(name: string): Promise<UpdateSummary[]> {
    return this.turn(name, () => this.engine.history(name, MOST_UPDATES), "view");
  }

  /** Revisions whose update the engine's history does not show with the same config. Empty when all agree. */
  async checkHistory(name: string, revisions: Revision[]): Promise<{ revision: number; what: string }[]> {
    // By message, since folder backends give no versions.
    const updates = new Map((await this.history(name)).map((u) => [u.message, u]));
    return revisions.flatMap((r) => {
      if (r.key === undefined) return [];
      const update = updates.get(messageOf(r.key, r.config));
      if (update === undefined) return [{ revision: r.number, what: "the engine's history has no update with its key and config" }];
      const different = configKeysThatDiffer(r.config, update.config);
      return different.length === 0 ? [] : [{ revision: r.number, what: `the engine applied other values for ${different.join(", ")}` }];
    });
  }

  /**
   * Updates of cutover's that the engine's history has and the journal does not, oldest first.
   * @param known keys of those that the journal has
   * @param since when the journal began
   */
  async strangers(name: string, known: ReadonlySet<string>, since: Date): Promise<Stranger[]> {
    const updates = (await this.history(name)).filter((u) => u.startTime >= since && u.message.startsWith(`${name}/`));
    const [newest] = updates;
    const keyOf = (message: string) => message.slice(0, message.lastIndexOf(" "));
    const found = new Map(updates.flatMap(({ message }) => (known.has(keyOf(message)) ? [] : [[message, keyOf(message)] as const])));
    if (found.size === 0) return [];
    // The last update left its config in the stack's file: that is what stands there, unless somebody edited it since.
    const config = (await this.files.read(name)).file.raw();
    return [...found].reverse().map(([message, key]) => {
      const isLast = message === newest?.message && newest.result === "succeeded" && message === messageOf(key, config);
      return isLast ? { key, config } : { key };
    });
  }

  /**
   * The newest update after cutover's own last one that somebody else ran, such as `pulumi up` from a shell, and which values it
   * applied otherwise than a config has them.
   * @param since when the journal began
   */
  async byHand(name: string, config: RawConfig, since: Date): Promise<(ByHand & { differs: string[] }) | undefined> {
    const place = this.locks();
    const newest = () => this.turn(name, () => this.engine.history(name, NEWEST), "view");
    const quick = place === undefined ? undefined : await pastIn(place, this.options.project, name);
    if (quick !== undefined && byHandAmong(quick, name, since) === undefined) return undefined;
    const all = await newest();
    const found = byHandAmong(pastOf(all), name, since);
    const update = all.find((u) => u.kind === found?.kind && u.startTime.getTime() === found?.at.getTime());
    return found === undefined ? undefined : { ...found, differs: configKeysThatDiffer(config, update?.config ?? {}) };
  }

  /** Whether what is deployed matches the stack's config file: a preview without changes. */
  async inSync(name: string): Promise<boolean> {
    const { file } = await this.files.read(name);
    return (await this.preview(name, file.raw())).changes.length === 0;
  }

  /**
   * Interrupts what runs or waits for the stack, except for looks: what is under way ends, nothing new begins. An engine that
   * has not ended after 10 seconds is asked to end at once, and after 20 seconds it is ended.
   */
  cancel(name: string): void {
    for (const under of this.under.get(name) ?? []) under.abort(new Error("cancelled"));
  }

  /**
   * Settles how far an update came whose end is not known: what it created and the state does not have is taken over,
   * and the state is brought up to the far side's, so that the update can be done again. Its engine must have ended.
   * @param config of that update
   * @returns what was done, as sentences
   */
  recover(name: string, config: RawConfig, options: UpdateOptions = {}): Promise<string[]> {
    return this.inTime(name, "recovery", laneOf(options), () =>
      this.withConfig(name, config, async (configFile) => {
        const scope = { configFile, ...targetOf(options, config, this.options.environment.providers) };
        const state = await this.engine.exportState(name);
        const { planned, unknown } = await this.planned(name, scope);
        const { findCreated, providers } = this.options.environment;
        const notes = await takeOver(state, planned, (type, inputs) => findCreated(name, type, inputs), providers);
        if (notes.length > 0) await this.engine.importState(name, state);
        await this.engine.refresh(name, scope);
        return [...notes, ...unknown];
      }),
    );
  }

  /** What the update would create now. A program that fails for good creates nothing more, and must not be in the way of the rest. */
  private async planned(name: string, scope: Scope): Promise<{ planned: Planned[]; unknown: string[] }> {
    try {
      return { planned: await this.engine.planned(name, scope), unknown: [] };
    } catch (error) {
      if (error instanceof Transient) throw error;
      return { planned: [], unknown: [(error as Error).message] };
    }
  }

  private locks(): LockPlace | undefined {
    return this.options.environment.providers.lockPlace(this.options.env.PULUMI_BACKEND_URL ?? "");
  }

  private async clearOwnLocks(name: string, begun: EngineStart): Promise<void> {
    const place = this.locks();
    if (place !== undefined) await clearLocks(place, this.options.project, name, begun).catch(() => undefined);
  }

  /**
   * Clears the stack's engine locks that are proven dead, and waits for others to go.
   * @param begun where an update was begun whose end is not known
   * @param options.wait false leaves others alone. @default true
   * @throws Conflict when a lock stays, naming whose it is; Transient when it was interrupted
   */
  clearDeadLocks(name: string, begun?: EngineStart, { wait = true }: { wait?: boolean } = {}): Promise<string[]> {
    const what = `Waiting for the engine's lock of ${name}`;
    return this.cancellable(name, what, (signal) => this.cleared(name, begun, wait, signal)).catch((error: unknown) => {
      // Nothing was begun.
      throw error instanceof Cancelled ? new Transient(error.message, { cause: error }) : error;
    });
  }

  private async cleared(name: string, begun: EngineStart | undefined, wait: boolean, signal: AbortSignal): Promise<string[]> {
    const place = this.locks();
    if (place === undefined) return [];
    const notes: string[] = [];
    const deadline = Date.now() + (this.options.lockPatienceMs ?? ORPHAN_MS);
    for (;;) {
      const { cleared, live, cutOff } = await clearLocks(place, this.options.project, name, begun);
      notes.push(...cleared.map(({ pid }) => `Cleared the engine lock of process ${pid}, which has ended.`));
      notes.push(...cutOff.map((path) => `Removed ${path}, which an engine that was killed had left empty.`));
      if (live === undefined || !wait) return notes;
      signal.throwIfAborted();
      if (Date.now() > deadline) {
        throw new Conflict(`The stack ${name} is locked by process ${live.pid} of ${live.user} on ${live.host} since ${live.since}.`, {
          holder: `${live.user}@${live.host} process ${live.pid}`,
          next: "Wait for it, end it, or run `pulumi cancel` when you know that it has ended.",
        });
      }
      await sleep(place.kind === "folder" ? 250 : 1_000, undefined, { signal });
    }
  }
}

const laneOf = ({ back }: UpdateOptions): Lane => (back === true ? "back" : "forward");

/** What sends users alone, where that was asked for: sending them back needs neither the cluster nor anything else. */
const targetOf = ({ dnsOnly }: UpdateOptions, config: RawConfig, { weighed }: ProviderFacts) =>
  dnsOnly === true ? { target: [weighed[rawShift(config)?.key ?? "cutover:dns"]] } : {};

/** The engine keeps this message in its history: the key says which decision, the digest which config. */
const messageOf = (key: string, config: RawConfig) => `${key} ${configDigest(config).slice(0, 12)}`;

const durationOf = (u: UpdateSummary) => (u.endTime === undefined ? 0 : u.endTime.getTime() - u.startTime.getTime());

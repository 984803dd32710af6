import { EventEmitter } from "node:events";
import { NotFound } from "../../errors.js";
import type { Entry, Recorded } from "../journal/entries.js";
import type { Plan } from "../plan/plan.js";
import { begunPlan } from "../state/begun.js";
import { apply } from "../state/evolve.js";
import { type MigrationState, planOf } from "../state/state.js";
import { Moved, type Store } from "../store/store.js";

export interface Migration {
  stack: string;
  plan: Plan;
  state: MigrationState;
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

/** The newest state of each migration, brought up to date from its journal at each look. */
export class States {
  private readonly states = new Map<string, MigrationState>();
  /** The plan that each migration began with. */
  private readonly plans = new Map<string, Plan>();
  /** Hashes of entries that were written here and not yet told to listeners. */
  private readonly written = new Set<string>();
  private readonly events = new EventEmitter<{ progress: [Progress] }>();

  /** @param isOurs whether a runner of this process writes under that fencing token */
  constructor(
    private readonly store: Store,
    private readonly stacksFolder: string,
    private readonly isOurs: (stack: string, fence: number) => boolean,
  ) {
    this.events.setMaxListeners(0);
    store.onRestored?.(() => {
      this.states.clear();
      this.plans.clear();
    });
  }

  onProgress(listener: (progress: Progress) => void): () => void {
    this.events.on("progress", listener);
    return () => this.events.off("progress", listener);
  }

  /**
   * Migrations, sorted by stack.
   * @param unreadable is told of each that cannot be read, which is left out: it keeps nobody else from being listed
   */
  async list(unreadable: (stack: string, error: Error) => void): Promise<Migration[]> {
    const found: Migration[] = [];
    for (const [stack, length] of await this.store.lengths()) {
      const known = this.known(stack);
      try {
        found.push(known?.state.lastSeq === length ? known : await this.get(stack));
      } catch (error) {
        unreadable(stack, error as Error);
      }
    }
    return found;
  }

  /** @throws NotFound without a migration of that stack */
  async get(stack: string): Promise<Migration> {
    const migration = await this.find(stack);
    if (migration === undefined) throw this.absent(stack);
    return migration;
  }

  /** Undefined without a migration of that stack. */
  async find(stack: string): Promise<Migration | undefined> {
    const news = await this.store.entries(stack, this.states.get(stack)?.lastSeq);
    const begun = this.plans.get(stack) ?? (news.length === 0 ? undefined : begunPlan(news, stack));
    if (begun === undefined) return undefined;
    this.plans.set(stack, begun);
    const state = this.catchUp(stack, news, begun);
    return { stack, plan: planOf(state, begun), state };
  }

  /** As this process knows it, without a look at its journal. */
  known(stack: string): Migration | undefined {
    const [state, begun] = [this.states.get(stack), this.plans.get(stack)];
    return state === undefined || begun === undefined ? undefined : { stack, plan: planOf(state, begun), state };
  }

  /** What is said of a migration that is not there, or that whoever asks may not see. */
  absent(stack: string): NotFound {
    return new NotFound(`There is no migration of ${stack}.`, {
      next: `Create it first; stack configs are in ${this.stacksFolder}.`,
    });
  }

  /**
   * Writes what no runner writes: commands, alarms, findings.
   * @returns false when the journal has grown since `after`
   */
  async append(stack: string, entry: Entry, at: number, after: number): Promise<boolean> {
    try {
      this.written.add((await this.store.append(stack, entry, at, { after })).hash);
    } catch (error) {
      if (error instanceof Moved) return false;
      throw error;
    }
    await this.get(stack);
    return true;
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
      const here = entry.fence > 0 ? this.isOurs(stack, entry.fence) : this.written.delete(entry.hash);
      news.push({ stack, entry, state, plan: planOf(state, plan), here });
    }
    this.states.set(stack, state as MigrationState);
    // What was there before this service looked for the first time is no news.
    if (known !== undefined || news.length === 1) for (const progress of news) this.events.emit("progress", progress);
    return state as MigrationState;
  }
}

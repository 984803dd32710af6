import { PromiseViolation, Transient } from "../../errors.js";
import type { Head } from "../journal/chain.js";

/** The store failed over, or was restored, and has lost what it had answered: the journals are read again. */
export class Restored extends Transient {}

/**
 * The newest entry of each journal that one process wrote or read: a store that is shared must still have it. A store that
 * failed over, or was restored, may have lost what it had answered, and whoever appends to what is left would hide that
 * something happened.
 */
export class KnownHeads {
  private readonly heads = new Map<string, Head>();
  private readonly listeners = new Set<() => void>();

  /**
   * @param where names the store for people
   * @param incarnation tells the store from the one that it was before a failover or a restore
   * @param opened the incarnation that this process began with
   */
  constructor(
    private readonly where: string,
    private readonly incarnation: () => Promise<string>,
    private opened: string,
  ) {}

  /** Calls when entries turned out to be lost: whatever anybody remembers of journals counts no more. */
  onRestored(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** A look that began before an append may end after it. */
  grown(stack: string, { seq, hash }: Head): void {
    if (seq >= (this.heads.get(stack)?.seq ?? 0)) this.heads.set(stack, { seq, hash });
  }

  /**
   * @param last the last entry that the store has
   * @param at reads an entry by its number
   * @throws PromiseViolation when the newest entry that this process knows of is not there any more
   */
  async require(stack: string, last: Head | undefined, at: (seq: number) => Promise<Head | undefined>): Promise<void> {
    const head = this.heads.get(stack);
    if (head === undefined || head.hash === last?.hash) return;
    if ((await at(head.seq))?.hash === head.hash) return;
    throw new PromiseViolation(
      9,
      `the database at ${this.where} has lost entry ${head.seq} of ${stack}, which this process wrote or read: its last one is ${last?.seq ?? 0}`,
      { next: "Restore the journal from a backup, or start cutover again to go on with what is there." },
    );
  }

  /**
   * Where another server than before has the journals now, with what it kept of them, what is remembered here counts no more.
   * The runners hold them against the engine's history and the far side before they go forward.
   * @returns the error to throw
   */
  async orRestored(error: unknown): Promise<unknown> {
    if (!(error instanceof PromiseViolation)) return error;
    const now = await this.incarnation().catch(() => this.opened);
    if (now === this.opened) return error;
    this.opened = now;
    this.heads.clear();
    for (const listener of this.listeners) listener();
    return new Restored(`${error.message}. It failed over, or was restored: the journals are read again.`, { cause: error });
  }
}

/**
 * How far the fencing token goes forward with the first leases after a failover or a restore: leases may be lost with the
 * entries, and whoever the far side knows by a token must not have it in common with somebody else, nor be ahead.
 */
export const FENCE_LEAP = 10_000;

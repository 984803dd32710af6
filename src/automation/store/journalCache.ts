import type { Head } from "../journal/chain.js";
import type { Recorded } from "../journal/entries.js";

/** Text of journals that is kept as objects, which take about three times as much memory. */
const MOST_BYTES = 8 * 1_024 * 1_024;

/**
 * What a store remembers of journals: of each its last entry's number and hash, and as many whole ones as fit, those
 * that were used last. A migration that stands still costs next to nothing, however long its journal is.
 */
export class JournalCache {
  private readonly heads = new Map<string, Head>();
  /** Least recently used first. */
  private readonly whole = new Map<string, { entries: Recorded[]; bytes: number }>();
  private bytes = 0;

  constructor(private readonly mostBytes = MOST_BYTES) {}

  head(stack: string): Head | undefined {
    return this.heads.get(stack);
  }

  /** The whole journal, when it is kept. */
  entries(stack: string): Recorded[] | undefined {
    const found = this.whole.get(stack);
    if (found === undefined) return undefined;
    this.whole.delete(stack);
    this.whole.set(stack, found);
    return found.entries;
  }

  /** Keeps a journal that was read and found intact. @param bytes length of its text */
  keep(stack: string, entries: Recorded[], bytes: number): void {
    this.drop(stack);
    this.setHead(stack, entries.at(-1));
    this.whole.set(stack, { entries, bytes });
    this.bytes += bytes;
    this.makeRoom();
  }

  /** One entry more, which follows the last one. */
  add(stack: string, entry: Recorded, bytes: number): void {
    this.setHead(stack, entry);
    const found = this.whole.get(stack);
    if (found === undefined) return;
    found.entries.push(entry);
    found.bytes += bytes;
    this.bytes += bytes;
    this.makeRoom();
  }

  /** What was kept of the journal may not be what is there. */
  forget(stack: string): void {
    this.heads.delete(stack);
    this.drop(stack);
  }

  clear(): void {
    this.heads.clear();
    this.whole.clear();
    this.bytes = 0;
  }

  private setHead(stack: string, last: Recorded | undefined): void {
    // Without the rest of the entry, which would otherwise stay in memory.
    if (last !== undefined) this.heads.set(stack, { seq: last.seq, hash: last.hash });
  }

  private drop(stack: string): void {
    this.bytes -= this.whole.get(stack)?.bytes ?? 0;
    this.whole.delete(stack);
  }

  /** The one that was used last stays, also when it alone is too large. */
  private makeRoom(): void {
    for (const stack of this.whole.keys()) {
      if (this.bytes <= this.mostBytes || this.whole.size === 1) return;
      this.drop(stack);
    }
  }
}

import { Conflict } from "../../errors.js";
import type { ChainFault, Head } from "../journal/chain.js";
import type { Entry, Recorded } from "../journal/entries.js";

/** Who may run a migration's decisions, until it is given back. */
export interface Lease {
  stack: string;
  holder: string;
  /** Grows with every lease of the stack: effects and entries of an older one are refused (promise 6). */
  fence: number;
  /** Aborted as soon as it is known that the lease was lost. A folder's lease lasts as long as its process. */
  lost?: AbortSignal;
}

/** What keeps journals and leases: a folder for one process, PostgreSQL for any number of them. */
export interface Store {
  /** Resolves when it can be read; costs the same however much it holds. */
  answers(): Promise<void>;
  stacks(): Promise<string[]>;
  /** Stacks that have a journal, sorted, with the number of its last entry; nothing is verified for it. */
  lengths(): Promise<ReadonlyMap<string, number>>;
  /**
   * Entries, checked to be an intact chain; empty when there is no such migration.
   * @param after only those after that number, which must have been asked for before. @default all
   */
  entries(stack: string, after?: number): Promise<Recorded[]>;
  /** Faults of a journal as it lies there now, whatever is remembered of it, and against what is; empty when all is well. */
  verify(stack: string): Promise<ChainFault[]>;
  /**
   * Appends as the holder of the lease, or as a command (no lease).
   * @param by what it was decided on: the lease that must still be held, or the last entry that was seen
   * @throws Conflict when the lease was lost, Moved when the journal has grown since
   */
  append(stack: string, entry: Entry, at: number, by?: Lease | { after: number }): Promise<Recorded>;
  /** Takes over a whole journal as it is, for an import. @throws Conflict when there is one already, PromiseViolation when it is not intact */
  adopt(stack: string, entries: readonly Recorded[]): Promise<void>;
  /** Keeps a file of evidence and answers its name. */
  keepFile(stack: string, name: string, content: string): Promise<string>;
  file(stack: string, name: string): Promise<string | undefined>;
  /** Names of the files of evidence, sorted. */
  files(stack: string): Promise<string[]>;
  /** @throws Conflict naming the holder */
  lease(stack: string, holder: string): Promise<Lease>;
  /** Before each effect. @throws Conflict when the lease was lost */
  requireHeld(lease: Lease): Promise<void>;
  /** @param options `offer`: another process is told at once that it may take it */
  release(lease: Lease, options?: { offer?: boolean }): Promise<void>;
  /**
   * Whether the store failed over to another server, or was restored, since the stack's journal was last trusted: commits may
   * be lost then, and it is held against the engine's history and the far side before anything goes forward. @default never
   */
  isDoubtful?(stack: string): Promise<boolean>;
  /** It was held against them, and what was found stands in it. */
  trust?(stack: string): Promise<void>;
  /** Calls when that was found out because entries are missing: what anybody remembers of journals counts no more. */
  onRestored?(listener: () => void): void;
  /** Those of the stacks that some process holds the lease of now, whichever that is. */
  held(stacks: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Service processes that share the journals and said so within that time; this one, named, says so with it. It is asked
   * for at each sweep. @default 1
   */
  processes?(holder: string, withinMs: number): Promise<number>;
  /** Calls with each stack whose journal another process appended to, or that it handed over. @returns how to stop */
  onForeign(listener: (stack: string, offered: boolean) => void): () => void;
  close(): Promise<void>;
}

/** The journal has grown since a command was checked: check it again. */
export class Moved extends Error {}

export const isLease = (by: Lease | { after: number } | undefined): by is Lease => by !== undefined && "fence" in by;

/** @throws Moved */
export function requireUnmoved(by: Lease | { after: number } | undefined, last: Head | undefined): void {
  if (by !== undefined && !isLease(by) && (last?.seq ?? 0) !== by.after) throw new Moved(`entry ${last?.seq} came in between`);
}

export const lostTo = (lease: Lease, holder: string | undefined): Conflict =>
  new Conflict(`The lease ${lease.fence} of ${lease.stack} was lost${holder === undefined ? "" : ` to ${holder}`}.`, { holder });

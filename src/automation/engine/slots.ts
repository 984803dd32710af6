import { availableParallelism, freemem } from "node:os";
import { Transient } from "../../errors.js";
import { engineMemory } from "./memory.js";
import { wholeNumber } from "./settings.js";

/** What an engine is taken to need before one was measured, in MiB (measured: 170 for the CLI, 100 to 137 for the Kubernetes provider). */
const EXPECTED_MIB = 300;
/** Engines whose peaks are remembered: the largest of them is what the next one is taken to need. */
const REMEMBERED = 20;
const LOOK_MS = 250;

export interface SlotOptions {
  /** Engines side by side at most. @default by cores, and by free memory when there is no budget */
  parallel?: number;
  /** Memory that all engines together may take, in MiB, provider plugins included. @default CUTOVER_ENGINE_MEMORY_MB, or no budget */
  memoryMb?: number;
  /** Memory of each engine that runs now, in MiB. @default by /proc */
  measure?: () => Promise<number[]>;
}

/** Updates that fit side by side: as many as there are cores, fewer when memory is short, at least one. */
function defaultParallel(memoryMb: number | undefined): number {
  const cores = availableParallelism();
  if (memoryMb !== undefined) return cores;
  return Math.max(1, Math.min(cores, Math.floor(freemem() / (EXPECTED_MIB * 1_024 * 1_024))));
}

/** @throws UserError for anything but a whole number of MiB */
export function memoryBudget(text = process.env.CUTOVER_ENGINE_MEMORY_MB): number | undefined {
  return wholeNumber("CUTOVER_ENGINE_MEMORY_MB", "the memory that all engines together may take, as a whole number of MiB", text);
}

/**
 * Who an operation is for, most urgent first: what leads back, what goes forward, what somebody only looks at.
 *
 *   back      never waits for the others: it has as many places of its own as there are for all of them
 *   forward   as many side by side as fit
 *   view      one at a time, in no stack's order, and only so many may wait
 */
export const LANES = ["back", "forward", "view"] as const;
export type Lane = (typeof LANES)[number];

/** Looks that may wait; whoever comes then is told to come again. */
const MOST_VIEWS = 16;

/**
 * Lets operations of different stacks run side by side, and those of one stack one after another (promise 8).
 *
 * An operation begins when fewer than `parallel` of its lane run and the memory budget has room for one engine more, as
 * large as the largest of the last ones was. A single operation of a lane always begins: a budget that not even one engine
 * fits would stop all. What leads back asks for no budget.
 */
export class Slots {
  private readonly parallel: number;
  private readonly budget: number | undefined;
  private readonly measure: () => Promise<number[]>;
  private readonly running: Record<Lane, number> = { back: 0, forward: 0, view: 0 };
  private readonly waiting: Record<Lane, (() => void)[]> = { back: [], forward: [], view: [] };
  private readonly tails = new Map<string, Promise<unknown>>();
  private readonly peaks: number[] = [];
  /** The largest engine since fewer ran. */
  private largest = 0;
  private looking: NodeJS.Timeout | undefined;

  constructor({ parallel, memoryMb = memoryBudget(), measure = engineMemory }: SlotOptions = {}) {
    this.budget = memoryMb;
    this.parallel = parallel ?? defaultParallel(memoryMb);
    this.measure = measure;
  }

  /** What one engine is taken to need now, in MiB. */
  get expected(): number {
    return Math.max(this.largest, ...(this.peaks.length > 0 ? this.peaks : [EXPECTED_MIB]));
  }

  /** @throws Transient when too many looks wait already */
  run<T>(stack: string, operation: () => Promise<T>, lane: Lane = "forward"): Promise<T> {
    if (lane === "view") return this.withSlot(lane, operation);
    const before = this.tails.get(stack) ?? Promise.resolve();
    const result = before.then(() => this.withSlot(lane, operation));
    const tail = result.then(
      () => undefined,
      () => undefined,
    );
    this.tails.set(stack, tail);
    void tail.then(() => this.tails.get(stack) === tail && this.tails.delete(stack));
    return result;
  }

  private async withSlot<T>(lane: Lane, operation: () => Promise<T>): Promise<T> {
    const waiting = this.waiting[lane];
    if (lane === "view" && waiting.length >= MOST_VIEWS)
      throw new Transient(`${MOST_VIEWS} previews wait already.`, { retryAfterSeconds: 10, next: "Look again in a moment." });
    if (waiting.length > 0 || !this.fits(lane)) await new Promise<void>((resolve) => waiting.push(resolve));
    else this.running[lane] += 1;
    this.look();
    try {
      return await operation();
    } finally {
      this.running[lane] -= 1;
      this.remember();
      this.admit();
    }
  }

  private get all(): number {
    return LANES.reduce((sum, lane) => sum + this.running[lane], 0);
  }

  private fits(lane: Lane): boolean {
    if (this.running[lane] === 0) return true;
    if (this.running[lane] >= (lane === "view" ? 1 : this.parallel)) return false;
    return lane === "back" || this.budget === undefined || (this.all + 1) * this.expected <= this.budget;
  }

  private admit(): void {
    for (const lane of LANES)
      while (this.waiting[lane].length > 0 && this.fits(lane)) {
        // Counted here, so that two of them never take the same room.
        this.running[lane] += 1;
        this.waiting[lane].shift()?.();
      }
  }

  /** Only a budget needs to know how large engines are. */
  private look(): void {
    if (this.budget === undefined || this.looking !== undefined) return;
    this.looking = setInterval(async () => {
      const sizes = await this.measure().catch(() => []);
      this.largest = Math.max(this.largest, ...sizes);
    }, LOOK_MS);
    this.looking.unref();
  }

  private remember(): void {
    if (this.largest > 0) this.peaks.push(this.largest);
    if (this.peaks.length > REMEMBERED) this.peaks.shift();
    this.largest = 0;
    if (this.all > 0) return;
    clearInterval(this.looking);
    this.looking = undefined;
  }
}

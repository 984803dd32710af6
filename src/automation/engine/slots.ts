import { availableParallelism, freemem } from "node:os";

/** Memory that one engine with its share of the program takes, in bytes (measured: 170 MB for the CLI, the rest in this process). */
const BYTES_AN_ENGINE = 300 * 1_024 * 1_024;

/** Updates that fit side by side: as many as there are cores, fewer when memory is short, at least one. */
export function defaultParallel(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / BYTES_AN_ENGINE)));
}

/** Lets operations of different stacks run side by side up to a bound, and those of one stack one after another (promise 8). */
export class Slots {
  private free: number;
  private readonly waiting: (() => void)[] = [];
  private readonly tails = new Map<string, Promise<unknown>>();

  constructor(parallel: number = defaultParallel()) {
    this.free = parallel;
  }

  run<T>(stack: string, operation: () => Promise<T>): Promise<T> {
    const before = this.tails.get(stack) ?? Promise.resolve();
    const result = before.then(() => this.withSlot(operation));
    const tail = result.then(
      () => undefined,
      () => undefined,
    );
    this.tails.set(stack, tail);
    void tail.then(() => this.tails.get(stack) === tail && this.tails.delete(stack));
    return result;
  }

  private async withSlot<T>(operation: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await operation();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.free += 1;
      else next();
    }
  }
}

/** How long somebody who only looks is kept waiting by those who send users back, in milliseconds. */
const MOST_MS = 2_000;

/**
 * Who has the service's thread. Whoever sends users back comes first: until that is done, nobody begins to look at anything.
 * Those who look take turns, one in each round of the event loop, so that a command, whose disk and far side answer there
 * round by round, waits for one of them at most, however many there are.
 */
export class Turns {
  private readonly waiting: { since: number; begin: () => void }[] = [];
  /** Ways back whose users are being sent back now. */
  private backs = 0;
  private readonly onClear = new Set<() => void>();
  private round: NodeJS.Immediate | undefined;
  private late: NodeJS.Timeout | undefined;

  constructor(private readonly mostMs = MOST_MS) {}

  /** Runs what sends users back: nobody who looks is in its way. */
  async first<T>(run: () => Promise<T>): Promise<T> {
    this.backs += 1;
    try {
      return await run();
    } finally {
      this.backs -= 1;
      if (this.backs === 0) {
        for (const resolve of this.onClear) resolve();
        this.schedule();
      }
    }
  }

  /** Resolves when it is the turn of somebody who only looks, in the order in which they came. */
  turn(): Promise<void> {
    return new Promise((begin) => {
      this.waiting.push({ since: performance.now(), begin });
      this.schedule();
    });
  }

  /** Resolves when nobody is sent back: at once, as a rule. */
  clear(): Promise<void> {
    if (this.backs === 0) return Promise.resolve();
    return new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.onClear.delete(done);
        resolve();
      };
      const timer = setTimeout(done, this.mostMs);
      this.onClear.add(done);
    });
  }

  private schedule(): void {
    clearTimeout(this.late);
    const [oldest] = this.waiting;
    if (oldest === undefined || this.round !== undefined) return;
    const patienceMs = this.backs === 0 ? 0 : oldest.since + this.mostMs - performance.now();
    if (patienceMs > 0) this.late = setTimeout(() => this.schedule(), patienceMs);
    else this.round = setImmediate(() => this.letIn());
  }

  private letIn(): void {
    this.round = undefined;
    const oldest = this.waiting[0];
    // A way back may have begun since.
    const waits = oldest !== undefined && this.backs > 0 && performance.now() - oldest.since < this.mostMs;
    if (!waits) this.waiting.shift()?.begin();
    this.schedule();
  }
}

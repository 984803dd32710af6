/** How long somebody who only looks is kept waiting by those who send users back, in milliseconds. */
const MOST_MS = 2_000;

interface Waiting {
  since: number;
  begin: () => void;
}

/**
 * Who has the service's thread. Whoever sends users back comes first: until that is done, nobody begins to look at anything.
 * Those who look take turns, one in each round of the event loop, so that a command, whose disk and far side answer there
 * round by round, waits for one of them at most, however many there are. What is long is done piece by piece, one piece in each
 * round beside them: a hundred who are shown everything keep nobody waiting who asks for little.
 */
export class Turns {
  private readonly looks: Waiting[] = [];
  private readonly pieces: Waiting[] = [];
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
    return this.wait(this.looks);
  }

  /** Resolves when it is the turn of the next piece of something long, in the order in which they came. */
  piece(): Promise<void> {
    return this.wait(this.pieces);
  }

  private wait(lane: Waiting[]): Promise<void> {
    return new Promise((begin) => {
      lane.push({ since: performance.now(), begin });
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
    const oldest = Math.min(...[this.looks[0], this.pieces[0]].map((w) => w?.since ?? Number.POSITIVE_INFINITY));
    if (oldest === Number.POSITIVE_INFINITY || this.round !== undefined) return;
    const patienceMs = this.backs === 0 ? 0 : oldest + this.mostMs - performance.now();
    if (patienceMs > 0) this.late = setTimeout(() => this.schedule(), patienceMs);
    else this.round = setImmediate(() => this.letIn());
  }

  private letIn(): void {
    this.round = undefined;
    for (const lane of [this.looks, this.pieces]) {
      const [oldest] = lane;
      // A way back may have begun since.
      const waits = oldest !== undefined && this.backs > 0 && performance.now() - oldest.since < this.mostMs;
      if (!waits) lane.shift()?.begin();
    }
    this.schedule();
  }
}

import { Terminal, Transient } from "../../../errors.js";
import { known, type Reading, unknown } from "../../../ports/observations.js";
import { type AheadState, comparePass, type Passed, type PlainState, plainState, stateFrom } from "./ahead.js";
import { couldMakeLogReadable, LogIsGone, obstacleToLog } from "./changeLog.js";
import { secondsToReadAll } from "./estimate.js";
import { inSession, type SqlEndpoint } from "./session.js";
import { otherwiseStored } from "./storedTables.js";
import type { Limits } from "./throttle.js";

export interface AheadOptions {
  endpoints: () => Promise<[old: SqlEndpoint, fresh: SqlEndpoint]>;
  /** Keeps what is known, so that another process goes on from it. @default nothing is kept */
  keep?: { load(key: string): Promise<object | undefined>; save(key: string, value: object): Promise<void> };
  limits?: Limits;
}

export interface Ahead {
  /** Of the last pass. */
  passed?: Passed;
  passes: number;
  /** What the comparison will take while writes are stopped. */
  seconds: number;
  /** Why everything has to be read then. */
  whole?: { why: string; cure: string; gigabytes: number };
}

/** Passes after the first at most: each has only what was touched during the one before. */
const MOST_PASSES = 6;
/** A pass that took more than this part of the one before does not get shorter any more. */
const SHORTER = 0.7;
/** A gate's look is answered by then, with what is known. */
const LOOK_MS = 8_000;
const ESTIMATE_MS = 10 * 60_000;

/** What is known of two databases ahead of the window, and the passes that keep it up. One pass at a time. */
export class ComparisonAhead {
  private state: AheadState | undefined;
  private loaded: string | undefined;
  private running: { done: Promise<unknown>; stop: AbortController } | undefined;
  private whole: { at: number; seconds: number; gigabytes: number } | undefined;
  private found: string | undefined;

  constructor(private readonly options: AheadOptions) {}

  /** Compares everything, then what was touched meanwhile, again until that gets no less. @throws Terminal @throws Transient */
  async run(signal?: AbortSignal): Promise<Ahead> {
    await this.halt();
    const whole = await this.obstacle();
    if (whole !== undefined) return { passes: 0, ...(await this.reading(signal)), whole: { ...whole, ...(await this.reading(signal)) } };
    // What people want to know of is the first pass, where the others found nothing.
    const first = await this.pass(signal);
    let passed = first;
    let passes = 1;
    for (let last = Number.POSITIVE_INFINITY; passed.comparison.differences === 0 && passes <= MOST_PASSES; passes += 1) {
      passed = await this.pass(signal);
      if (passed.took.seconds > last * SHORTER) break;
      last = passed.took.seconds;
    }
    if (passed.comparison.differences === 0) passed = { ...passed, comparison: first.comparison };
    return { passed, passes, seconds: this.seconds() ?? 0 };
  }

  /** Seconds that the comparison will take while writes are stopped; another pass is made to know. */
  async look(): Promise<Reading> {
    try {
      const whole = await this.obstacle();
      if (whole !== undefined) {
        const { seconds } = await this.reading();
        return known(seconds, `all of it is read with writes stopped: ${whole.why}`);
      }
      await this.load();
      const first = this.state === undefined || this.state.first !== undefined;
      this.running ??= this.begin();
      const { done } = this.running;
      await Promise.race([done, new Promise((resolve) => setTimeout(resolve, first ? 0 : LOOK_MS).unref())]);
      if (this.found !== undefined) return unknown(this.found);
      if (this.running !== undefined) return unknown(this.progress());
      const seconds = this.seconds();
      return seconds === undefined ? unknown(this.progress()) : known(seconds);
    } catch (error) {
      return unknown((error as Error).message);
    }
  }

  /** With writes stopped: what was touched since the last pass. Undefined where everything has to be read. */
  async finish(signal?: AbortSignal): Promise<Passed | undefined> {
    await this.halt();
    await this.load();
    const { state } = this;
    if (state === undefined || state.first !== undefined || (await this.obstacle()) !== undefined) return undefined;
    try {
      const [old, fresh] = await this.options.endpoints();
      return await comparePass(old, fresh, { state, final: true, ...(signal === undefined ? {} : { signal }) });
    } catch (error) {
      if (!(causeOf(error) instanceof LogIsGone)) throw error;
      this.state = undefined;
      return undefined;
    }
  }

  /**
   * Why only a comparison of everything is possible.
   * @param options.mayMake what cutover may make there itself is no obstacle
   */
  async obstacle({ mayMake = false } = {}): Promise<{ why: string; cure: string } | undefined> {
    const [old] = await this.options.endpoints();
    if (mayMake && (await couldMakeLogReadable(old))) return undefined;
    return inSession(old, async (session) => {
      const log = await obstacleToLog(session);
      if (log !== undefined) return log;
      const others = await otherwiseStored(session);
      if (others.length === 0) return undefined;
      return { why: `${others.join(", ")} keep their rows in a way of their own`, cure: "ALTER TABLE … SET ACCESS METHOD heap" };
    });
  }

  /** What reading everything takes, measured on the replica. */
  async reading(signal?: AbortSignal): Promise<{ seconds: number; gigabytes: number }> {
    const { whole } = this;
    if (whole !== undefined && Date.now() - whole.at < ESTIMATE_MS) return whole;
    const [, fresh] = await this.options.endpoints();
    this.whole = { at: Date.now(), ...(await secondsToReadAll(fresh, signal)) };
    return this.whole;
  }

  /** As the last two passes took: the next one has as much to do. */
  private seconds(): number | undefined {
    const { passes = [] } = this.state ?? {};
    return passes.length === 0 ? undefined : Math.max(...passes.map((p) => p.seconds));
  }

  private progress(): string {
    const { first } = this.state ?? {};
    if (this.state !== undefined && first === undefined) return "what was changed since is being compared";
    const part = first === undefined || first.of === 0 ? 0 : Math.floor((first.done / first.of) * 100);
    return `both databases are being compared, ${part} % so far`;
  }

  private begin(): { done: Promise<unknown>; stop: AbortController } {
    const stop = new AbortController();
    const done = this.pass(stop.signal)
      .then(({ comparison }) => {
        const rows = comparison.tables.filter((t) => t.differences > 0);
        this.found = rows.length === 0 ? undefined : `rows differ in ${rows.map((t) => t.table).join(", ")}`;
      })
      .catch((error: Error) => {
        // A lack of time or of a server passes; the next look tells.
        if (error instanceof Terminal) this.found = error.message;
      })
      .finally(() => {
        if (this.running?.stop === stop) this.running = undefined;
      });
    return { done, stop };
  }

  private async halt(): Promise<void> {
    const { running } = this;
    running?.stop.abort(new Transient("Another comparison takes over."));
    await running?.done;
    this.running = undefined;
  }

  private async pass(signal?: AbortSignal): Promise<Passed> {
    const [old, fresh] = await this.options.endpoints();
    await this.load();
    const options = {
      ...(signal === undefined ? {} : { signal }),
      ...(this.options.limits === undefined ? {} : { limits: this.options.limits }),
    };
    const once = () => comparePass(old, fresh, { ...options, state: this.state, onProgress: (state) => this.save(state) });
    const passed = await once().catch(async (error) => {
      if (!(causeOf(error) instanceof LogIsGone)) throw error;
      // Nothing is known any more: from the beginning.
      this.state = undefined;
      return once();
    });
    await this.save(passed.state);
    return passed;
  }

  private async load(): Promise<void> {
    const [old, fresh] = await this.options.endpoints();
    const key = keyOf(old, fresh);
    if (this.loaded === key) return;
    const plain = (await this.options.keep?.load(key)) as PlainState | undefined;
    this.state = plain === undefined ? undefined : stateFrom(plain);
    this.loaded = key;
  }

  private async save(state: AheadState): Promise<void> {
    this.state = state;
    if (this.loaded !== undefined) await this.options.keep?.save(this.loaded, plainState(state));
  }
}

const keyOf = (...sides: SqlEndpoint[]): string => `comparison ${sides.map((s) => `${s.host} ${s.port} ${s.database}`).join(" ")}`;
const causeOf = (error: unknown): unknown => (error instanceof LogIsGone ? error : (error as Error).cause);

import { setTimeout as sleep } from "node:timers/promises";
import { rawShift, SHIFTS, shiftOf } from "../../config/shift.js";
import type { RawConfig } from "../../config/stackFile.js";
import { Conflict, Transient } from "../../errors.js";
import { ORDER_FENCE, type Target } from "../../ports/target.js";
import type { Entry } from "../journal/entries.js";
import { currentConfig, type MigrationState } from "../state/state.js";

export interface Weights {
  old: number;
  new: number;
}

/** The weights that a config gives, where both sides stand. */
export function weightsOf(raw: RawConfig): Weights | undefined {
  const shift = rawShift(raw)?.section;
  return shift?.records === "both" ? shift.weights : undefined;
}

/** How far users are whom a person sent back. */
export interface Sent {
  weights: Weights;
  /** The service that has the weights has taken them. */
  set: boolean;
  /** What is being waited for, until the far side shows them. */
  waitsFor: string | undefined;
}

export interface SendBackParts {
  target: (stack: string) => Promise<Target>;
  state: (stack: string) => Promise<MigrationState>;
  /** Journals what no runner writes. */
  note: (stack: string, entry: Entry) => Promise<void>;
  /** Of an attempt that failed, and of what cannot be journaled. */
  fail: (stack: string, error: Error) => void;
}

/** How long whoever ordered it is kept waiting for the first attempt, in milliseconds; it goes on after that. */
const FIRST_MS = 5_000;
const AGAIN_MS = 2_000;

/**
 * The lane of what leads back. A person's order stands in the journal, and that is all that is waited for: the process that
 * heard it sets the weights at once, past the runner, its queue, the engine, the engine's locks and its bucket, and whoever
 * holds the lease. The runner sets them again in its turn, and brings stack config and engine into agreement.
 *
 *   ordered → set (tried until it is, or no longer wanted) → shown by the far side, which is journaled
 */
export class SendBack {
  private readonly going = new Map<string, Sent>();
  private readonly ended = new AbortController();

  constructor(private readonly parts: SendBackParts) {}

  /** What is under way; undefined where nothing was ordered here. */
  of(stack: string): Sent | undefined {
    return this.going.get(stack);
  }

  /**
   * Resolves after the first attempt, or when that takes too long.
   * @param key names the order
   * @param watch whether to journal when the far side shows it
   */
  async order(stack: string, weights: Weights, key: string, watch: boolean): Promise<void> {
    const sent: Sent = { weights, set: false, waitsFor: "the weights to be taken" };
    this.going.set(stack, sent);
    const first = new Promise<void>((resolve) => {
      void this.bring(stack, sent, key, resolve, watch)
        .catch((error: Error) => this.parts.fail(stack, error))
        .finally(resolve);
    });
    await Promise.race([first, sleep(FIRST_MS, undefined, { ref: false })]);
  }

  /** Goes on watching for the far side after the process that was told has ended. */
  watch(stack: string, weights: Weights): void {
    if (this.going.has(stack)) return;
    const sent: Sent = { weights, set: true, waitsFor: undefined };
    this.going.set(stack, sent);
    void this.untilShown(stack, sent).catch((error: Error) => this.parts.fail(stack, error));
  }

  close(): void {
    this.ended.abort();
  }

  private async bring(stack: string, sent: Sent, key: string, tried: () => void, watch: boolean): Promise<void> {
    const target = await this.parts.target(stack);
    const held = async (): Promise<void> => {
      if (!(await this.wanted(stack, sent))) throw new Conflict(`Nobody wants the users of ${stack} to be sent back any more.`);
    };
    while (await this.wanted(stack, sent)) {
      try {
        await target.cloud.setWeights(sent.weights, { key, fence: ORDER_FENCE, held });
        sent.set = true;
        break;
      } catch (error) {
        if (error instanceof Conflict) return;
        sent.waitsFor = `the weights to be taken: ${(error as Error).message}`;
        this.parts.fail(stack, error as Error);
        if (!(error instanceof Transient) || this.ended.signal.aborted) return;
      } finally {
        tried();
      }
      await this.pause();
    }
    if (sent.set && watch) await this.untilShown(stack, sent);
  }

  /** @returns when the authoritative side shows the weights (promise 11), or nobody waits for it any more */
  private async untilShown(stack: string, sent: Sent): Promise<void> {
    const { observer } = await this.parts.target(stack);
    const { observation, far, still } = SHIFTS[shiftOf(currentConfig(await this.parts.state(stack)))?.section ?? "dns"];
    while (this.isNewest(stack, sent) && !this.ended.signal.aborted) {
      const { reading, source } = await observer.observe(observation, undefined, 60);
      if (reading.known && reading.value <= sent.weights.new) {
        const shown = { old: 100 - reading.value, new: reading.value };
        await this.parts.note(stack, {
          type: "runner.recovered",
          note: `${source[0]?.toUpperCase()}${source.slice(1)}: ${shown.old} % old, ${shown.new} % new. Users are sent to the old side.`,
          shown,
        });
        sent.waitsFor = undefined;
        this.going.delete(stack);
        return;
      }
      sent.waitsFor = reading.known ? `${far}, ${still} ${reading.value} %` : `${far} to be heard: ${reading.reason}`;
      await this.pause();
    }
  }

  private isNewest(stack: string, sent: Sent): boolean {
    return this.going.get(stack) === sent;
  }

  /** Whether the order is the newest, and nobody has gone forward since. */
  private async wanted(stack: string, sent: Sent): Promise<boolean> {
    if (!this.isNewest(stack, sent)) return false;
    const { requested, returning, alarm } = await this.parts.state(stack);
    return requested !== undefined || returning !== undefined || alarm !== undefined;
  }

  private async pause(): Promise<void> {
    await sleep(AGAIN_MS, undefined, { signal: this.ended.signal, ref: false }).catch(() => undefined);
  }
}

import type { Recorded } from "../../automation/journal/entries.js";
import type { Migrations } from "../../automation/migrations.js";
import { apply } from "../../automation/state/evolve.js";
import type { MigrationState } from "../../automation/state/state.js";
import type { Queue } from "../../database/queue.js";
import { Terminal } from "../../errors.js";
import { isFor, type NotificationConfig, type OperationsConfig } from "../config.js";
import { deliver } from "./deliver.js";
import { eventOf, type MigrationEvent } from "./events.js";

const LOOK = "notify-look";
const SEND = "notify-send";
/** A receiver may be away for about eleven hours: 5 s, doubling. */
const TRIES = { retryLimit: 13, retryDelaySeconds: 5 };

/** Where notifications were not configured before, what is older than an hour is told to nobody. */
const NEWS_MS = 3_600_000;

export interface NotifierOptions {
  config: OperationsConfig;
  migrations: Migrations;
  queue: Queue;
  /** Keeps, for each stack, the number of the last entry that was looked at. */
  cursors: { load(stack: string): Promise<number | undefined>; save(stack: string, seq: number): Promise<void> };
  onOutcome: (channel: string, outcome: "delivered" | "retried" | "refused", error?: Error) => void;
}

/**
 * Tells others what the journals say, at least once, however often the service is restarted:
 *
 *   a journal grows → `notify-look` (one a stack) reads on from the cursor → one `notify-send` for each event and
 *   receiver → delivered, or tried again by the queue, later each time
 */
export class Notifier {
  private stopListening: () => void = () => undefined;

  constructor(private readonly options: NotifierOptions) {}

  async start(): Promise<void> {
    const { migrations, queue, cursors, onOutcome } = this.options;
    await queue.work<{ stack: string }>(LOOK, ({ stack }) => this.look(stack));
    await queue.work<{ channel: string; event: MigrationEvent }>(SEND, ({ channel, event }) => this.send(channel, event), { parallel: 4 });
    const wake = (stack: string) =>
      queue.send(LOOK, { stack }, { key: stack }).catch((error: Error) => onOutcome("queue", "retried", error));
    this.stopListening = migrations.onProgress(({ stack, entry, state, plan }) => {
      // Those that tell nobody anything need no job; they are looked over with the next one.
      if (eventOf(entry, state, plan) !== undefined) void wake(stack);
    });
    // What was journaled while nobody listened.
    for (const { stack } of await migrations.list(() => undefined)) {
      if ((await cursors.load(stack)) === undefined) await cursors.save(stack, oldNews(await migrations.journal(stack)));
      await wake(stack);
    }
  }

  stop(): void {
    this.stopListening();
  }

  private async look(stack: string): Promise<void> {
    const { migrations, queue, cursors, config } = this.options;
    const entries = await migrations.journal(stack);
    const { plan } = await migrations.get(stack);
    const last = entries.at(-1)?.seq ?? 0;
    const seen = (await cursors.load(stack)) ?? 0;
    let state: MigrationState | undefined;
    for (const entry of entries) {
      state = apply(state, entry, plan);
      if (entry.seq <= seen) continue;
      const event = eventOf(entry, state, plan);
      if (event === undefined) continue;
      for (const channel of config.notifications.filter((c) => wants(c, event)))
        await queue.send(SEND, { channel: channel.name, event }, { key: `${channel.name}/${event.id}`, ...TRIES });
    }
    await cursors.save(stack, last);
  }

  private async send(name: string, event: MigrationEvent): Promise<void> {
    const { config, onOutcome } = this.options;
    const channel = config.notifications.find((c) => c.name === name);
    if (channel === undefined) return;
    try {
      await deliver(channel, event, config);
      onOutcome(name, "delivered");
    } catch (error) {
      const passes = !(error instanceof Terminal);
      onOutcome(name, passes ? "retried" : "refused", error as Error);
      if (passes) throw error;
    }
  }
}

/** Number of the last entry that is no news where nobody was ever told. */
const oldNews = (entries: readonly Recorded[]): number =>
  entries.findLast((e) => Date.parse(e.recordedAt) < Date.now() - NEWS_MS)?.seq ?? 0;

const wants = (channel: NotificationConfig, event: MigrationEvent): boolean =>
  channel.events?.includes(event.type) !== false && isFor(channel, event);

import { pause } from "../client/connection.js";
import type { EventOptions, MigrationEvent } from "../client/events.js";

/** What comes within this time is news once. */
const TOGETHER_MS = 100;

/** Wakes a command that watches: when something happened to its stack, and when the stream of events opened or broke. */
export class News {
  private readonly ended = new AbortController();
  private heard = false;
  private wake: (() => void) | undefined;

  /** @param stack whose news it is. @default every stack's */
  constructor(
    private readonly events: (options: EventOptions) => AsyncIterable<MigrationEvent>,
    private readonly stack?: string,
  ) {
    void this.listen();
  }

  /** Resolves with the first news since it resolved last, and at the latest after `most` milliseconds. */
  async next(most: number): Promise<void> {
    if (!this.heard)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, most);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    if (this.heard) await pause(TOGETHER_MS);
    this.heard = false;
  }

  end(): void {
    this.ended.abort();
  }

  private async listen(): Promise<void> {
    const { signal } = this.ended;
    // What speaks against it the command hears from its own requests.
    for await (const { migration } of this.events({ signal, onState: () => this.tell(), outlastsRefusal: true }))
      if (this.stack === undefined || migration.stack === this.stack) this.tell();
  }

  private tell(): void {
    this.heard = true;
    this.wake?.();
  }
}

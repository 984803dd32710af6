import { randomUUID } from "node:crypto";
import PgBoss from "pg-boss";
import type { Database } from "./database.js";
import { openDatabase } from "./open.js";

/** How a job is sent. */
export interface SendOptions {
  /** Of jobs with the same key only one waits at a time. */
  key?: string;
  /** Further tries after a failure, each later than the one before. @default 5 */
  retryLimit?: number;
  /** Seconds before the first further try; they double. @default 5 */
  retryDelaySeconds?: number;
}

/**
 * Jobs that outlive the process: each is done at least once, by one of the service processes. What must happen at most
 * once belongs into the journal instead.
 */
export interface Queue {
  send(name: string, data: object, options?: SendOptions): Promise<void>;
  /** A handler that throws has its job tried again. `parallel` jobs at a time, one each second. @default 1 */
  work<T extends object>(name: string, handler: (data: T) => Promise<void>, options?: { parallel?: number }): Promise<void>;
  /** Sends a job at each time of a cron line (UTC), from one process only. */
  schedule(name: string, cron: string, data: object): Promise<void>;
  /** Jobs that wait, by name. */
  depths(): Promise<Record<string, number>>;
  /** Lets jobs that run finish. */
  close(): Promise<void>;
}

const SCHEMA = "cutover_queue";
const POLL_SECONDS = 1;
const CLOSE_MS = 10_000;

/**
 * pg-boss over a server or PGlite.
 * @param url as `DATABASE_URL`
 * @throws UserError, Transient as `openDatabase`
 */
export async function openQueue(url: string, onError: (error: Error) => void): Promise<Queue> {
  const database = await openDatabase(url, 4);
  const boss = new PgBoss({ schema: SCHEMA, db: { executeSql: async (text, values) => ({ rows: await database.query(text, values) }) } });
  boss.on("error", onError);
  try {
    await boss.start();
  } catch (error) {
    await database.close();
    throw error;
  }
  return new BossQueue(boss, database);
}

class BossQueue implements Queue {
  private readonly made = new Map<string, Promise<void>>();

  constructor(
    private readonly boss: PgBoss,
    private readonly database: Database,
  ) {}

  async send(name: string, data: object, { key = randomUUID(), retryLimit = 5, retryDelaySeconds = 5 }: SendOptions = {}): Promise<void> {
    await this.make(name);
    await this.boss.send(name, data, { singletonKey: key, retryLimit, retryDelay: retryDelaySeconds, retryBackoff: true });
  }

  async work<T extends object>(name: string, handler: (data: T) => Promise<void>, { parallel = 1 } = {}): Promise<void> {
    await this.make(name);
    for (let i = 0; i < parallel; i += 1)
      await this.boss.work<T>(name, { pollingIntervalSeconds: POLL_SECONDS }, async (jobs) => {
        for (const job of jobs) await handler(job.data);
      });
  }

  async schedule(name: string, cron: string, data: object): Promise<void> {
    await this.make(name);
    await this.boss.schedule(name, cron, data);
  }

  async depths(): Promise<Record<string, number>> {
    const queues = await this.boss.getQueues();
    const sizes = await Promise.all(queues.map(async ({ name }) => [name, await this.boss.getQueueSize(name)] as const));
    return Object.fromEntries(sizes);
  }

  async close(): Promise<void> {
    await this.boss.stop({ graceful: true, wait: true, timeout: CLOSE_MS });
    await this.database.close();
  }

  private make(name: string): Promise<void> {
    let made = this.made.get(name);
    if (made === undefined) {
      // "short": of the same key one waits, while another may run.
      made = this.boss.createQueue(name, { name, policy: "short" });
      this.made.set(name, made);
      made.catch(() => this.made.delete(name));
    }
    return made;
  }
}

import { randomUUID } from "node:crypto";
import { PgBoss } from "pg-boss";
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

/** Not that of versions up to 0.1.0: their pg-boss (10) and this one (12) cannot share a schema, and both run during a rolling update. */
const SCHEMA = "cutover_jobs";
const OLD_SCHEMA = "cutover_queue";
const POLL_SECONDS = 1;
const CLOSE_MS = 10_000;

/**
 * pg-boss over a server or PGlite.
 * @param url as `DATABASE_URL`
 * @throws UserError, Transient as `openDatabase`
 */
export async function openQueue(url: string, onError: (error: Error) => void): Promise<Queue> {
  const database = await openDatabase(url, 4);
  const boss = new PgBoss({
    schema: SCHEMA,
    backend: url.startsWith("pglite:") ? "pglite" : "postgres",
    // Nothing in here is shown to anybody: no statistics are kept.
    persistQueueStats: false,
    db: { executeSql: async (text: string, values?: unknown[]) => ({ rows: await database.query(text, values) }) },
  });
  boss.on("error", onError);
  try {
    await boss.start();
    const queue = new BossQueue(boss, database);
    await takeOver(database, queue);
    return queue;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Jobs that an earlier version's queue still holds are sent again here, once. Its schedules are made again by whoever needs them. */
async function takeOver(database: Database, queue: Queue): Promise<void> {
  const [{ there } = { there: null }] = await database.query<{ there: string | null }>("SELECT to_regclass($1)::text AS there", [
    `${OLD_SCHEMA}.job`,
  ]);
  if (there === null) return;
  const waiting = await database.query<{ name: string; data: object | null; singleton_key: string | null }>(
    `DELETE FROM ${OLD_SCHEMA}.job WHERE state < 'active' AND name NOT LIKE '\\_\\_%' RETURNING name, data, singleton_key`,
    [],
  );
  for (const job of waiting) await queue.send(job.name, job.data ?? {}, job.singleton_key === null ? {} : { key: job.singleton_key });
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
    // pg-boss's own counts are those of its last round of monitoring.
    const rows = await this.database.query<{ name: string; waiting: number }>(
      `SELECT q.name, count(j.id)::int AS waiting FROM ${SCHEMA}.queue q LEFT JOIN ${SCHEMA}.job j ON j.name = q.name AND j.state < 'active' GROUP BY q.name`,
      [],
    );
    return Object.fromEntries(rows.map(({ name, waiting }) => [name, waiting]));
  }

  async close(): Promise<void> {
    await this.boss.stop({ graceful: true, timeout: CLOSE_MS });
    await this.database.close();
  }

  private make(name: string): Promise<void> {
    let made = this.made.get(name);
    if (made === undefined) {
      // "short": of the same key one waits, while another may run.
      made = this.boss.createQueue(name, { policy: "short" });
      this.made.set(name, made);
      made.catch(() => this.made.delete(name));
    }
    return made;
  }
}

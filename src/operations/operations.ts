import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RequestHandler } from "express";
import type { Driver } from "../automation/engine/driver.js";
import type { Migrations, MigrationsOptions } from "../automation/migrations.js";
import type { Store } from "../automation/store/store.js";
import { openQueue, type Queue } from "../database/queue.js";
import type { OperationsConfig } from "./config.js";
import { lookForDriftOften } from "./drift.js";
import { configuredHooks } from "./hooks/configured.js";
import { type Logger, logMigrations, logRequests } from "./logs.js";
import { measuredDriver } from "./metrics/driver.js";
import { watchEngines } from "./metrics/engines.js";
import { measureRequests } from "./metrics/http.js";
import { watchMigrations } from "./metrics/journal.js";
import { Metrics } from "./metrics/metrics.js";
import { Notifier } from "./notifications/notifier.js";
import { Readiness } from "./readiness.js";
import type { Tracing } from "./tracing/tracing.js";

export interface OperationsOptions {
  config: OperationsConfig;
  logger: Logger;
  /** @default none */
  tracing?: Tracing | undefined;
}

/** What is attached to a service when it is made. */
export type Attached = Pick<Operations, "attached" | "driver">;

/** What the service is watched: its journals, its engines, where its queue would lie. */
export interface Watched {
  migrations: Migrations;
  store: Store;
  queueUrl: string;
}

/**
 * The service as its operators see it. Made before the service, which it is attached to; `watch` begins once the service
 * is there.
 */
export class Operations {
  readonly metrics = new Metrics();
  readonly logger: Logger;
  /** Options of the service. */
  readonly attached: Pick<MigrationsOptions, "hooks" | "around">;
  private readonly tracing: Tracing | undefined;
  private readonly config: OperationsConfig;
  private ready = new Readiness([]);
  private queue: Queue | undefined;
  private readonly stops: (() => void)[] = [];

  constructor({ config, logger, tracing }: OperationsOptions) {
    this.config = config;
    this.logger = logger;
    this.tracing = tracing;
    this.attached = {
      hooks: configuredHooks(config),
      ...(tracing === undefined ? {} : { around: (stack, decision, run) => tracing.around(stack, decision, run) }),
    };
  }

  get readiness(): Readiness {
    return this.ready;
  }

  /** The driver as the service is to use it. */
  driver(driver: Driver): Driver {
    const measured = measuredDriver(driver, this.metrics);
    return this.tracing?.driver(measured) ?? measured;
  }

  /** To be called with every request, before anything else. */
  requests(): RequestHandler[] {
    const traced = this.tracing === undefined ? [] : [this.tracing.requests()];
    return [...traced, measureRequests(this.metrics), logRequests(this.logger)];
  }

  async watch({ migrations, store, queueUrl }: Watched): Promise<void> {
    const { metrics, logger, config } = this;
    this.ready = new Readiness([
      { name: "store", check: () => store.answers().then(() => undefined) },
      { name: "journals", check: async () => (migrations.allRead ? undefined : "are being verified") },
      {
        name: "engine",
        check: async () => (existsSync(join(process.env.CUTOVER_ENGINE_BIN ?? "", "pulumi")) ? undefined : "is not found"),
      },
    ]);
    metrics.onCollect(async () => metrics.set("cutover_ready", [[{}, Object.keys(await this.ready.missing()).length === 0 ? 1 : 0]]));
    watchEngines(metrics);
    this.stops.push(watchMigrations(metrics, migrations), logMigrations(logger, migrations));
    if (this.tracing !== undefined) this.stops.push(this.tracing.watch(migrations));
    if (config.notifications.length === 0 && config.drift === undefined) return;
    const queue = await openQueue(queueUrl, (error) => logger.error({ err: error }, "the queue has a problem"));
    this.queue = queue;
    metrics.onCollect(async () => {
      const depths = await queue.depths().catch(() => ({}));
      metrics.set(
        "cutover_queue_jobs",
        Object.entries(depths).map(([name, n]) => [{ queue: name }, n]),
      );
    });
    if (config.drift !== undefined) await lookForDriftOften(config.drift.cron, migrations, queue);
    if (config.notifications.length > 0) await this.notify(migrations, store, queue);
  }

  private async notify(migrations: Migrations, store: Store, queue: Queue): Promise<void> {
    const notifier = new Notifier({
      config: this.config,
      migrations,
      queue,
      cursors: {
        load: async (stack) => {
          const text = await store.file(stack, CURSOR);
          return text === undefined ? undefined : Number(text);
        },
        save: async (stack, seq) => void (await store.keepFile(stack, CURSOR, String(seq))),
      },
      onOutcome: (channel, outcome, error) => {
        this.metrics.count("cutover_notifications_total", { channel, outcome });
        if (error !== undefined) this.logger.warn({ channel, outcome, reason: error.message }, "a notification was not delivered");
      },
    });
    await notifier.start();
    this.stops.push(() => notifier.stop());
  }

  async close(): Promise<void> {
    for (const stop of this.stops) stop();
    await this.queue?.close();
    await this.tracing?.close();
  }
}

/** Beside a journal's evidence: number of the last entry that notifications have looked at. */
const CURSOR = "notifications.cursor";

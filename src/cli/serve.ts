import { hostname } from "node:os";
import { join } from "node:path";
import { useEngine } from "../engine/engine.js";
import { unseenLocks } from "../engine/lockPlaces.js";
import { NO_OPERATIONS, readOperations } from "../operations/config.js";
import { createLogger } from "../operations/logs.js";
import { Operations, type Watched } from "../operations/operations.js";
import { openTracing } from "../operations/tracing/open.js";
import { type RunningServer, type ServerOptions, startServer } from "../server.js";
import { type OpenAccess, openAccess } from "../service/access.js";
import { keepHeapSmall } from "../service/heap.js";
import { openRealService } from "../service/real.js";
import { type CommandOptions, folderProject, rehearsalsIn } from "./project.js";
import { untilStopped } from "./stop.js";
import { withSandbox } from "./withSandbox.js";

export interface ServeOptions extends CommandOptions {
  host: string;
  port: number;
  /** File that says how real environments are reached; the sandbox is served without it. */
  targets?: string;
  /** File that says who may use it. */
  access?: string;
  /** File with notifications, hooks and the schedule of drift detection. */
  operations?: string;
  /** How long a running update may take to finish before it is handed over. */
  shutdownSeconds: number;
}

/** Serves the sandbox as it is, or real environments; migrations that were under way go on. */
export async function serve(options: ServeOptions): Promise<void> {
  keepHeapSmall();
  const { targets, operations: file } = options;
  const logger = createLogger();
  const operations = new Operations({
    config: file === undefined ? NO_OPERATIONS : await readOperations(file),
    logger,
    tracing: await openTracing(logger, `${hostname()}/${process.pid}`),
  });
  if (targets === undefined)
    await withSandbox({ ...options, operations }, ({ migrations, store, driver }) => {
      driver.warm();
      return serveMigrations(options, operations, { migrations, store, queueUrl: `pglite:${join(options.state, "queue")}` });
    });
  else await serveTargets({ ...options, targets }, operations);
  // What an engine was doing when its update was handed over must not keep the process.
  process.exit(0);
}

async function serveTargets(options: ServeOptions & { targets: string }, operations: Operations): Promise<void> {
  await useEngine();
  const unseen = unseenLocks(process.env.PULUMI_BACKEND_URL ?? "");
  if (unseen !== undefined) operations.logger.warn(unseen);
  const service = await openRealService({ ...options, operations, project: folderProject(options.stacks) });
  try {
    await serveMigrations(options, operations, service);
  } finally {
    await service.close();
  }
}

/** Serves until the first signal, then ends: what runs is finished in time, or handed over. */
export async function serveMigrations(
  options: Omit<ServeOptions, keyof CommandOptions> & Pick<CommandOptions, "state">,
  operations: Operations,
  service: Watched,
): Promise<void> {
  const { state, host, port, targets, access: file, shutdownSeconds } = options;
  const { migrations } = service;
  const opened = await openAccess({ state, host, file, namesPeople: targets === undefined });
  try {
    await operations.watch(service);
    const server = await listen(opened, { migrations, rehearsals: rehearsalsIn(state), operations, host, port });
    process.stdout.write(`${servingLines(server)}\n`);
    // Nobody waits for other stacks' journals to be verified; /readyz says when all are.
    migrations.resumeAll().catch((error: Error) => operations.logger.error({ err: error }, "the journals cannot be read"));
    await untilStopped();
    // Still answering, so that whoever balances the load sees that it is not ready any more.
    operations.readiness.stop();
    const ended = await migrations.close({ deadlineMs: shutdownSeconds * 1_000 });
    await server.close();
    if (!ended) process.exit(0);
  } finally {
    await operations.close();
    await opened.close();
  }
}

/** One that finds its port taken leaves the token of the service that has it alone. @throws UserError when it is taken */
export async function listen({ access, settings, announce }: OpenAccess, options: ServerOptions): Promise<RunningServer> {
  const server = await startServer({ ...options, access, settings });
  try {
    await announce();
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

/** What a person needs to get in. */
export const servingLines = ({ url, token }: RunningServer): string =>
  [`Serving ${url} until Ctrl-C.`, ...(token === undefined ? [] : [`Open ${url}/?token=${token}`])].join("\n");

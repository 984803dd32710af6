import type { Migrations } from "../automation/migrations.js";
import { useEngine } from "../engine/engine.js";
import { startServer } from "../server.js";
import { openRealService } from "../service/real.js";
import { type CommandOptions, folderProject } from "./project.js";
import { untilStopped } from "./stop.js";
import { withSandbox } from "./withSandbox.js";

export interface ServeOptions extends CommandOptions {
  host: string;
  port: number;
  /** File that says how real environments are reached; the sandbox is served without it. */
  targets?: string;
}

/** Serves the sandbox as it is, or real environments; migrations that were under way go on. */
export async function serve(options: ServeOptions): Promise<void> {
  const { targets } = options;
  if (targets === undefined) return withSandbox(options, ({ migrations }) => serveMigrations(options, migrations));
  await useEngine();
  const service = await openRealService({ ...options, targets, project: folderProject(options.stacks) });
  try {
    await serveMigrations(options, service.migrations);
  } finally {
    await service.close();
  }
}

async function serveMigrations({ host, port }: ServeOptions, migrations: Migrations): Promise<void> {
  await migrations.resumeAll();
  const server = await startServer({ migrations, host, port });
  process.stdout.write(`Serving ${server.url} until Ctrl-C.\n`);
  await untilStopped();
  await server.close();
}

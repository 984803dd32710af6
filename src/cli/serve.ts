import type { Migrations } from "../automation/migrations.js";
import { useEngine } from "../engine/engine.js";
import { type RunningServer, startServer } from "../server.js";
import { openAccess } from "../service/access.js";
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

async function serveMigrations(options: ServeOptions, migrations: Migrations): Promise<void> {
  const { state, host, port, targets, access: file } = options;
  const { access, settings, close } = await openAccess({ state, host, file, namesPeople: targets === undefined });
  try {
    await migrations.resumeAll();
    const server = await startServer({ migrations, rehearsals: rehearsalsIn(state), access, settings, host, port });
    process.stdout.write(`${servingLines(server)}\n`);
    await untilStopped();
    await server.close();
  } finally {
    await close();
  }
}

/** What a person needs to get in. */
export const servingLines = ({ url, token }: RunningServer): string =>
  [`Serving ${url} until Ctrl-C.`, ...(token === undefined ? [] : [`Open ${url}/?token=${token}`])].join("\n");

import { startServer } from "../server.js";
import { type CommandOptions, withSandbox } from "./project.js";
import { untilStopped } from "./stop.js";

export interface ServeOptions extends CommandOptions {
  host: string;
  port: number;
}

/** Serves the sandbox as it is; migrations that were under way go on. */
export function serve(options: ServeOptions): Promise<void> {
  return withSandbox(options, async ({ migrations }) => {
    await migrations.resumeAll();
    const server = await startServer({ migrations, host: options.host, port: options.port });
    process.stdout.write(`Serving ${server.url} until Ctrl-C.\n`);
    await untilStopped();
    await server.close();
  });
}

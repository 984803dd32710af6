import { join } from "node:path";
import { useEngine } from "../engine/engine.js";
import { openSandbox, prepareStacks } from "../sandbox/open.js";
import { startServer } from "../server.js";
import { folderProject } from "./project.js";
import { untilStopped } from "./stop.js";

export interface ServeOptions {
  root: string;
  stacks: string;
  state: string;
  host: string;
  port: number;
}

/** Serves the sandbox as it is; migrations that were under way go on. */
export async function serve(options: ServeOptions): Promise<void> {
  await useEngine();
  const open = await openSandbox({
    root: options.root,
    stacks: options.stacks,
    state: join(options.state, "sandbox"),
    project: folderProject(options.stacks),
  });
  try {
    await prepareStacks(open.project);
    await open.migrations.resumeAll();
    const server = await startServer({ migrations: open.migrations, host: options.host, port: options.port });
    process.stdout.write(`Serving ${server.url} until Ctrl-C.\n`);
    await untilStopped();
    await server.close();
  } finally {
    await open.close();
  }
}

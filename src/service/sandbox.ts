import { resolve } from "node:path";
import type { Migrations } from "../automation/migrations.js";
import { folderProject, sandboxFolder } from "../cli/project.js";
import { projectRoot, useEngine } from "../engine/engine.js";
import { openSandbox as openParts, prepareStacks } from "../sandbox/open.js";

export interface SandboxServiceOptions {
  /** Folder with stack configs and applications.csv, as `cutover init` makes it. @default "stacks" */
  stacks?: string;
  /** Folder for journals, the engine's state and the simulated world. @default ".cutover" */
  state?: string;
  /** Faults by stack. @default none @example { "web-api-production": ["errors@25%"] } */
  faults?: Record<string, string[]>;
}

export interface SandboxService {
  /** For `createCutoverRouter` of `cutover/server`. */
  migrations: Migrations;
  close(): Promise<void>;
}

/**
 * The service over the sandbox, for a portal of your own to be tried without an account: the real engine, program and
 * orchestrator; AWS, cluster, databases, DNS and the clock are simulated. What was under way goes on.
 * @example const { migrations } = await openSandbox({ stacks: "stacks" });
 * @throws UserError without an engine, or for a folder that is none
 */
export async function openSandbox({
  stacks = "stacks",
  state = ".cutover",
  faults = {},
}: SandboxServiceOptions = {}): Promise<SandboxService> {
  await useEngine();
  const folder = resolve(stacks);
  const open = await openParts({
    root: projectRoot(),
    stacks: folder,
    state: sandboxFolder(resolve(state)),
    project: folderProject(folder),
    faults,
  });
  try {
    await prepareStacks(open.project);
    await open.migrations.resumeAll();
  } catch (error) {
    await open.close();
    throw error;
  }
  return { migrations: open.migrations, close: () => open.close() };
}

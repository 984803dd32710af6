import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { RawConfig } from "../../src/config/stackFile.js";
import { projectRoot, useEngine } from "../../src/engine/engine.js";
import { createStack, openSandboxProject, provideSecrets, type SandboxProject } from "../../src/sandbox/project.js";
import { Client } from "./client.js";
import { type Helper, run, startHelper } from "./processes.js";
import type { Question, ServiceTask } from "./service.js";
import { writeProject } from "./stacks.js";

/** Stacks of a sandbox with their engine state, and a provider host over them. */
export interface World {
  state: string;
  project: SandboxProject;
  providers: Helper<Record<string, string>>;
  close(): Promise<void>;
}

/** How many engines run side by side while stacks are made; nothing of it is measured. */
const AT_ONCE = 2;

/** A new world whose stacks the engine knows and whose secrets are set. */
export async function makeWorld(folder: string, stacks: Record<string, RawConfig>, faults: Record<string, string[]> = {}): Promise<World> {
  await useEngine();
  const source = join(folder, "project");
  await mkdir(source, { recursive: true });
  await writeProject(source, stacks);
  const state = join(folder, "ours");
  const project = await openSandboxProject(projectRoot(), source, state);
  await cp(join(source, "applications.csv"), join(project.stacksFolder, "applications.csv"));
  const names = Object.keys(stacks);
  const one = async (): Promise<void> => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      await createStack(project, name);
      await provideSecrets(project, name);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return withProviders(state, project, faults);
}

/** The same world once more, for the raw CLI: stacks, engine state and simulated far side as they are now. */
export async function copyOf(world: World, folder: string): Promise<World> {
  const state = join(folder, "raw");
  await cp(world.state, state, { recursive: true });
  return withProviders(state, await openSandboxProject(projectRoot(), join(state, "stacks"), state));
}

async function withProviders(state: string, project: SandboxProject, faults: Record<string, string[]> = {}): Promise<World> {
  const providers = await startHelper<Record<string, string>>(new URL("./providers.js", import.meta.url), {
    state,
    stacksFolder: project.stacksFolder,
    faults,
  });
  return { state, project, providers, close: () => providers.close() };
}

export interface Service extends Client {
  pid: number;
  /** Takes a migration to where it is ready for a step. */
  drive(stack: string, to: string): Promise<void>;
  /** MiB of its own thread's heap that are alive; needs `--expose-gc`. */
  alive(): Promise<number>;
  close(): Promise<void>;
}

export async function startService(
  world: World,
  more: Omit<ServiceTask, "state" | "providers"> & { node?: string[] } = {},
): Promise<Service> {
  const { node = [], ...options } = more;
  const task: ServiceTask = { state: world.state, providers: world.providers.ready, ...options };
  const helper = await startHelper<{ url: string; token: string }>(new URL("./service.js", import.meta.url), task, {}, node);
  const client = await Client.open(helper.ready.url, helper.ready.token);
  return Object.assign(client, {
    pid: helper.pid,
    drive: async (stack: string, to: string) => {
      const { error } = await helper.ask<{ error?: string }>({ drive: stack, to } satisfies Question);
      if (error !== undefined) throw new Error(error);
    },
    alive: async () => (await helper.ask<{ mib: number }>("alive" satisfies Question)).mib,
    close: async () => {
      client.end();
      await helper.close();
    },
  });
}

/** The raw CLI in a world, as a person calls it. */
export const pulumi = (world: World, args: string[], onStart?: (pid: number) => void): Promise<string> =>
  run("pulumi", [...args, "--non-interactive"], {
    cwd: world.project.folder,
    env: { ...world.project.env, ...world.providers.ready },
    ...(onStart === undefined ? {} : { onStart }),
  });

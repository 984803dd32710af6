import { join } from "node:path";
import { aroundUpdates } from "../adapters/kubernetes/aroundUpdate.js";
import { PROVIDERS } from "../adapters/providers.js";
import { StackDriver } from "../automation/engine/driver.js";
import type { SlotOptions } from "../automation/engine/slots.js";
import { Migrations, type MigrationsOptions } from "../automation/migrations.js";
import type { ProjectPort } from "../automation/plan/step.js";
import { FolderStore } from "../automation/store/folderStore.js";
import type { Store } from "../automation/store/store.js";
import { StackFile } from "../config/stackFile.js";
import type { Attached } from "../operations/operations.js";
import { onCluster } from "./cluster.js";
import { targetOnCluster } from "./ports/onCluster.js";
import { openSandboxProject, provideSecrets, type SandboxProject } from "./project.js";
import { startProviderHost } from "./provider/host.js";
import { Sandbox } from "./sandbox.js";

export interface SandboxOptions {
  /** The checkout, with Pulumi.yaml. */
  root: string;
  /** Folder with the stack configs to rehearse. */
  stacks: string;
  /** Where the sandbox keeps everything: engine state, worlds, journals. */
  state: string;
  project: ProjectPort;
  /** Faults by stack, for example `{ "web-api-production": ["errors@25%"] }`. */
  faults?: Record<string, string[]>;
  seed?: number;
  /** Where the engine keeps its state, as PULUMI_BACKEND_URL. @default a folder in `state` */
  backend?: string;
  /** A kubeconfig: the Kubernetes resources are applied to that API server and seen there, and not only simulated. */
  kubeconfig?: string;
  /** Hooks, and what measures and traces. @default nothing */
  operations?: Attached;
  /** Engines side by side, and their memory. @default by cores and CUTOVER_ENGINE_MEMORY_MB */
  slots?: SlotOptions;
  /** The environment that leads an engine to a provider host of another process. @default one in this process */
  providers?: Record<string, string>;
  /** Where the journals lie; it is closed with the sandbox. @default a folder in `state` */
  store?: Store;
  /** What a service looks after by itself, and how often. @default nothing: time is the sandbox's */
  timers?: Pick<MigrationsOptions, "guardMs" | "sweepMs">;
}

/** The service's parts over the sandbox: the real engine, program and orchestrator; only the far side is simulated. */
export interface OpenSandbox {
  migrations: Migrations;
  driver: StackDriver;
  store: Store;
  sandbox: Sandbox;
  project: SandboxProject;
  /** The environment that a `pulumi` process needs to reach the sandbox. */
  env: Record<string, string>;
  close(): Promise<void>;
}

export async function openSandbox(options: SandboxOptions): Promise<OpenSandbox> {
  const store = options.store ?? (await FolderStore.open(join(options.state, "journal")));
  const project = await openSandboxProject(options.root, options.stacks, options.state, options.backend);
  const sandbox = await Sandbox.open({
    folder: options.state,
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.faults === undefined ? {} : { faults: options.faults }),
    config: async (stack) => (await StackFile.read(project.stacksFolder, stack)).config(),
  });
  const host = options.providers === undefined ? await startHost(sandbox, options.kubeconfig) : elsewhere(options.providers);
  const env = { ...project.env, ...host.env };
  const driver = new StackDriver({
    projectDir: project.folder,
    stacksFolder: project.stacksFolder,
    scratch: join(options.state, "scratch"),
    project: project.name,
    program: new URL("../program.js", import.meta.url).href,
    env: project.env,
    environment: {
      env: host.env,
      providers: PROVIDERS,
      findCreated: (stack, type, inputs) => sandbox.findCreated(stack, type, inputs),
      ...(options.kubeconfig === undefined ? {} : aroundUpdates(async () => ({ kubeconfig: options.kubeconfig }))),
    },
    ...(options.slots === undefined ? {} : { slots: options.slots }),
  });
  const migrations = new Migrations({
    store,
    driver: options.operations?.driver(driver) ?? driver,
    ...options.operations?.attached,
    openTarget: async (stack, config) => {
      const target = await sandbox.target(stack, config);
      return options.kubeconfig === undefined ? target : targetOnCluster(target, options.kubeconfig, config);
    },
    project: options.project,
    stacksFolder: project.stacksFolder,
    ...options.timers,
  });
  return {
    migrations,
    driver,
    store,
    sandbox,
    project,
    env,
    close: async () => {
      await migrations.close();
      await driver.close();
      await host.close();
      await store.close();
    },
  };
}

const startHost = (sandbox: Sandbox, kubeconfig: string | undefined) =>
  startProviderHost({
    open: async (stack) => {
      const world = await sandbox.open(stack);
      return kubeconfig === undefined ? world : onCluster(world, kubeconfig);
    },
    zone: (zoneId) => sandbox.zone(zoneId),
    nodeGroup: (id) => sandbox.nodeGroup(id),
    rule: (args) => sandbox.rule(args),
  });

const elsewhere = (env: Record<string, string>) => ({ env, close: async () => undefined });

/** Readies every stack of the sandbox for its first update. */
export async function prepareStacks(project: SandboxProject): Promise<string[]> {
  const stacks = await StackFile.list(project.stacksFolder);
  for (const stack of stacks) await provideSecrets(project, stack);
  return stacks;
}

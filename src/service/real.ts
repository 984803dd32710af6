import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { awsClients } from "../adapters/aws/clients.js";
import { findCreated } from "../adapters/aws/created.js";
import { aroundUpdates } from "../adapters/kubernetes/aroundUpdate.js";
import { PROVIDERS } from "../adapters/providers.js";
import { openRealTarget } from "../adapters/target.js";
import { StackDriver } from "../automation/engine/driver.js";
import { Migrations } from "../automation/migrations.js";
import type { ProjectPort } from "../automation/plan/step.js";
import type { Store } from "../automation/store/store.js";
import type { StackConfig } from "../config/schema.js";
import { StackFile, writeAtomically } from "../config/stackFile.js";
import { readTarget, type TargetConfig } from "../config/targets.js";
import { UserError } from "../errors.js";
import type { Attached } from "../operations/operations.js";
import { clusterAccess, clusterEnvironment } from "./clusterAccess.js";
import { secretOf } from "./secret.js";
import { GUARD_MS, openStore, SWEEP_MS } from "./store.js";

export interface RealServiceOptions {
  /** The checkout, with Pulumi.yaml. */
  root: string;
  /** Folder with the stack configs. */
  stacks: string;
  /** Folder for journals and progress. */
  state: string;
  /** File that says how each environment is reached. */
  targets: string;
  project: ProjectPort;
  /** Environment of the engine: its backend, its passphrase. @default this process's PULUMI_… variables */
  env?: Record<string, string>;
  /** Hooks, and what measures and traces. @default nothing */
  operations?: Attached;
  /** PostgreSQL for the journals, which several processes may share. @default DATABASE_URL, or a folder for one process */
  databaseUrl?: string;
}

export interface RealService {
  migrations: Migrations;
  driver: StackDriver;
  store: Store;
  /** Where the queue lies. */
  queueUrl: string;
  close(): Promise<void>;
}

/** The service over real accounts and clusters: the engine with its own backend and providers, and the real adapters. */
export async function openRealService(options: RealServiceOptions): Promise<RealService> {
  const { root, stacks, state, project, operations, databaseUrl, env = pulumiVariables() } = options;
  const definition = parse(await readFile(join(root, "Pulumi.yaml"), "utf8")) as { name: string };
  const { store, queueUrl } = await openStore(state, databaseUrl);
  const closing: (() => void)[] = [];
  const targetOf = async (stack: string, config: () => StackConfig) => {
    const opened = await openRealTarget({
      config,
      target: await targetFor(options, stack),
      region: await regionOf(stacks, stack),
      secret: (key) => secretOf({ root, env }, stack, key),
      progress: progressIn(join(state, "progress")),
    });
    closing.push(() => opened.close());
    return opened;
  };
  const driver = new StackDriver({
    projectDir: root,
    stacksFolder: stacks,
    scratch: join(state, "scratch"),
    project: definition.name,
    program: new URL("../program.js", import.meta.url).href,
    env,
    environment: {
      env: {},
      envOf: async (stack) => clusterEnvironment((await targetFor(options, stack)).cluster, join(state, "scratch")),
      ...aroundUpdates(async (stack) => (await targetFor(options, stack)).cluster),
      providers: PROVIDERS,
      findCreated: (stack, type, inputs) => lookForCreated(options, stack, type, inputs),
    },
  });
  driver.warm();
  const migrations = new Migrations({
    store,
    driver: operations?.driver(driver) ?? driver,
    ...operations?.attached,
    openTarget: targetOf,
    project,
    stacksFolder: stacks,
    guardMs: GUARD_MS,
    // Also where nobody shares the journals: what ended a run may have passed.
    sweepMs: SWEEP_MS,
  });
  return {
    migrations,
    driver,
    store,
    queueUrl,
    close: async () => {
      await migrations.close();
      await driver.close();
      for (const close of closing) close();
      await store.close();
    },
  };
}

const pulumiVariables = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (name.startsWith("PULUMI_") && value !== undefined ? [[name, value]] : [])),
  );

/** How a stack's far side is reached: its cluster is the engine's too. */
async function targetFor({ stacks, targets }: Pick<RealServiceOptions, "stacks" | "targets">, stack: string): Promise<TargetConfig> {
  const file = await StackFile.read(stacks, stack);
  const target = await readTarget(targets, file.config().application.environment);
  return { ...target, cluster: clusterAccess(file.raw(), target.cluster, file.path) };
}

/** @throws UserError when the stack's file names no region */
async function regionOf(stacks: string, stack: string): Promise<string> {
  const file = await StackFile.read(stacks, stack);
  const region = file.raw()["aws:region"];
  if (typeof region !== "string") throw new UserError({ path: `${file.path}: aws:region`, accepted: "a region, for example us-east-2" });
  return region;
}

function progressIn(folder: string) {
  const fileOf = (key: string) => join(folder, `${key.replaceAll(/[^A-Za-z0-9.-]/g, "_")}.json`);
  return {
    load: async (key: string): Promise<object | undefined> => {
      const text = await readFile(fileOf(key), "utf8").catch(() => undefined);
      return text === undefined ? undefined : (JSON.parse(text) as object);
    },
    save: async (key: string, progress: object): Promise<void> => {
      await mkdir(folder, { recursive: true });
      await writeAtomically(fileOf(key), JSON.stringify(progress));
    },
  };
}

/** @see EngineEnvironment.findCreated */
async function lookForCreated(
  { stacks, targets }: RealServiceOptions,
  stack: string,
  type: string,
  inputs: Record<string, unknown>,
): Promise<string | undefined> {
  // Objects of the cluster are created by applying: asking again takes them over.
  if (type.startsWith("kubernetes:")) return undefined;
  const config = (await StackFile.read(stacks, stack)).config();
  const { costTag: _, ...account } = (await readTarget(targets, config.application.environment)).aws;
  const clients = awsClients({
    region: await regionOf(stacks, stack),
    ...Object.fromEntries(Object.entries(account).filter(([, v]) => v !== undefined)),
  });
  try {
    return await findCreated(clients, stack, type, inputs);
  } finally {
    clients.close();
  }
}

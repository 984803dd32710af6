import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { PROVIDERS } from "../../src/adapters/providers.js";
import { StackDriver } from "../../src/automation/engine/driver.js";
import { Migrations } from "../../src/automation/migrations.js";
import { FolderStore } from "../../src/automation/store/folderStore.js";
import { folderProject } from "../../src/cli/project.js";
import { type RawConfig, StackFile } from "../../src/config/stackFile.js";
import { projectRoot, useEngine } from "../../src/engine/engine.js";
import { prepareStacks } from "../../src/sandbox/open.js";
import { openSandboxProject } from "../../src/sandbox/project.js";
import { startProviderHost } from "../../src/sandbox/provider/host.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { freePort } from "../../test/support/freePort.js";
import { writeProject } from "../harness/stacks.js";
import { type Kept, Orders } from "./orders.js";
import { Plane, type PlaneOptions } from "./plane.js";

export interface GroundOptions extends Omit<PlaneOptions, "folder" | "ports" | "zone" | "ordersUrl"> {
  folder: string;
  stacks: Record<string, RawConfig>;
  /** The stack that has the real parts; the others are simulated. */
  stack: string;
  /** Writes each order to a real PostgreSQL. @default false */
  keepsOrders?: boolean;
}

export interface Ground {
  migrations: Migrations;
  sandbox: Sandbox;
  plane: Plane;
  /** What became of these orders. */
  orders(accepted: readonly string[]): Promise<Kept>;
  close(): Promise<void>;
}

/** How often users are looked after between steps, in milliseconds: as the service does it, by the ground's pace. */
const GUARD_MS = 750;

/** cutover with its real engine, program and orchestrator over a sandbox, and real parts behind the sandbox. */
export async function openGround(options: GroundOptions): Promise<Ground> {
  await useEngine();
  const { folder, stacks, stack, zoneId } = options;
  const source = join(folder, "project");
  await mkdir(source, { recursive: true });
  await writeProject(source, stacks);
  const state = join(folder, "state");
  const store = await FolderStore.open(join(state, "journal"));
  const project = await openSandboxProject(projectRoot(), source, state);
  await cp(join(source, "applications.csv"), join(project.stacksFolder, "applications.csv"));
  await prepareStacks(project);
  const sandbox = await Sandbox.open({
    folder: state,
    config: async (name) => (await StackFile.read(project.stacksFolder, name)).config(),
  });
  const ports = { users: await freePort(), names: await freePort() };
  const orders = options.keepsOrders === true ? await Orders.start() : undefined;
  const kept = orders === undefined ? {} : { ordersUrl: orders.url };
  const plane = await Plane.open({ ...options, ...kept, ports, zone: () => sandbox.zone(zoneId) });
  const host = await startProviderHost({
    open: async (name) => {
      const world = await sandbox.open(name);
      return name === stack ? plane.wrap(world) : world;
    },
    zone: (id) => sandbox.zone(id),
    nodeGroup: (id) => sandbox.nodeGroup(id),
    rule: (args) => sandbox.rule(args),
  });
  const driver = new StackDriver({
    projectDir: project.folder,
    stacksFolder: project.stacksFolder,
    scratch: join(state, "scratch"),
    project: project.name,
    program: new URL("../../src/program.js", import.meta.url).href,
    env: project.env,
    environment: { env: host.env, providers: PROVIDERS, findCreated: (name, type, inputs) => sandbox.findCreated(name, type, inputs) },
  });
  const migrations = new Migrations({
    store,
    driver,
    openTarget: async (name, config) => {
      const target = await sandbox.target(name, config);
      return name === stack ? plane.target(target, config) : target;
    },
    project: folderProject(project.stacksFolder),
    stacksFolder: project.stacksFolder,
    guardMs: GUARD_MS,
  });
  return {
    migrations,
    sandbox,
    plane,
    orders: (accepted) => {
      if (orders === undefined) throw new Error("no orders are kept in this run");
      return orders.look(accepted);
    },
    close: async () => {
      await migrations.close();
      await driver.close();
      await host.close();
      await plane.close();
      await orders?.close();
      await store.close();
    },
  };
}

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { Migrations } from "../../src/automation/migrations.js";
import { type RunningServer, type ServerOptions, startServer } from "../../src/server.js";
import { ModelStore, ModelWorld, modelDriver, modelProject, modelTarget, RAW, STACK } from "../automation/model.js";
import { tempFolder } from "../support/tmp.js";

export interface ModelPortal {
  server: RunningServer;
  /** The link that signs a browser in. */
  entrance: string;
  migrations: Migrations;
  world: ModelWorld;
  /** Goes on, step by step, with two people, until the step is next or the migration stands at it. */
  goTo(step: string): Promise<void>;
  close(): Promise<void>;
}

/** The real service over the model of the far side: no engine, no time. */
export async function openModelPortal(options: Partial<ServerOptions> = {}): Promise<ModelPortal> {
  const folder = tempFolder("portal");
  await writeFile(join(folder, `Pulumi.${STACK}.yaml`), stringify({ config: RAW }));
  const world = new ModelWorld();
  const migrations = new Migrations({
    store: new ModelStore(world),
    driver: modelDriver(world, folder),
    openTarget: async () => modelTarget(world),
    project: modelProject,
    stacksFolder: folder,
    holder: "this service",
  });
  const server = await startServer({ ...options, migrations, port: options.port ?? 0, log: () => undefined });
  return {
    server,
    entrance: `${server.url}/?token=${server.token}`,
    migrations,
    world,
    goTo: async (wanted) => {
      await migrations.create(STACK, "ana");
      for (;;) {
        const state = await migrations.settled(STACK);
        const step = (await migrations.get(STACK)).plan[state.position];
        if (step === undefined || step.id === wanted) return;
        if (state.status === "approval") await migrations.command(STACK, { command: "approve", step: step.id }, "ben");
        else if (state.status === "ready") await migrations.command(STACK, { command: "advance", extent: "step" }, "ana");
        else throw new Error(`it is ${state.status} at ${step.id}: ${state.heldReason}`);
      }
    },
    close: async () => {
      await server.close();
      await migrations.close();
    },
  };
}

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { Migrations, type MigrationsOptions } from "../../src/automation/migrations.js";
import type { MigrationState } from "../../src/automation/state.js";
import { tempFolder } from "../support/tmp.js";
import { ModelStore, ModelWorld, modelDriver, modelPlan, modelProject, modelTarget, RAW, STACK } from "./model.js";

/** A world, its journals, and services over them, one after another. */
export function modelService(more: Partial<MigrationsOptions> = {}) {
  const folder = tempFolder("model");
  writeFileSync(join(folder, `Pulumi.${STACK}.yaml`), stringify({ config: RAW }));
  const world = new ModelWorld();
  const store = new ModelStore(world);
  const driver = modelDriver(world, folder);
  const start = () =>
    new Migrations({
      store,
      driver,
      openTarget: async () => modelTarget(world),
      project: modelProject,
      stacksFolder: folder,
      ...more,
    });
  return { world, store, driver, folder, start };
}

/** One thing that people do to get on: approve, advance or resume. @returns false at the end */
export async function act(service: Migrations): Promise<boolean> {
  const state = await service.settled(STACK);
  const step = modelPlan()[state.position];
  if (state.status === "completed" || state.status === "aborted") return false;
  if (state.status === "approval") await service.command(STACK, { command: "approve", step: step?.id ?? "" }, "bob");
  else if (state.status === "ready") await service.command(STACK, { command: "advance", extent: "end" }, "alice");
  else await service.command(STACK, { command: "resume" }, "alice");
  return true;
}

/** Gets on until the state is as wanted, or the migration is over. */
export async function until(service: Migrations, there: (state: MigrationState) => boolean): Promise<MigrationState> {
  for (let i = 0; i < 200; i += 1) {
    const state = await service.settled(STACK);
    if (there(state) || !(await act(service))) return state;
  }
  throw new Error("it does not get there");
}

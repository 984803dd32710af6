import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { ResourceChange } from "../../src/automation/journal/records.js";
import { Migrations, type MigrationsOptions } from "../../src/automation/migrations.js";
import type { MigrationState } from "../../src/automation/state/state.js";
import { type ConfigPatch, patched } from "../../src/config/stackFile.js";
import { tempFolder } from "../support/tmp.js";
import { ModelStore, ModelWorld, modelDriver, modelPlan, modelProject, modelTarget, RAW, STACK } from "./model.js";

/** A world, its journals, and services over them, one after another. Every test over the model begins here. */
export interface ModelParts {
  world: ModelWorld;
  store: ModelStore;
  driver: ReturnType<typeof modelDriver>;
  /** Where the stack's config file lies. */
  folder: string;
  /** @param other what this service has otherwise than the one before */
  start(other?: Partial<MigrationsOptions>): Migrations;
}

/** @param config what the stack config has otherwise than the model's */
export function modelService(more: Partial<MigrationsOptions> = {}, config: ConfigPatch = {}): ModelParts {
  const folder = tempFolder("model");
  writeFileSync(join(folder, `Pulumi.${STACK}.yaml`), stringify({ config: patched(RAW, config) }));
  const world = new ModelWorld();
  const store = new ModelStore(world);
  const driver = modelDriver(world, folder);
  const openTarget = async () => modelTarget(world);
  const start = (other: Partial<MigrationsOptions> = {}) =>
    new Migrations({ store, driver, openTarget, project: modelProject, stacksFolder: folder, ...more, ...other });
  return { world, store, driver, folder, start };
}

/** The engine plans more than the model does. @param planned what its previews show beside that */
export function planning(parts: ModelParts, planned: () => readonly ResourceChange[]): ModelParts {
  const driver: ModelParts["driver"] = {
    ...parts.driver,
    preview: async (...args) => {
      const preview = await parts.driver.preview(...args);
      const changes = [...preview.changes, ...planned()];
      return { ...preview, changes, digest: createHash("sha256").update(JSON.stringify(changes)).digest("hex") };
    },
  };
  return { ...parts, start: (other) => parts.start({ driver, ...other }) };
}

/** What promise 7 is about. */
export const REPLACED_DATABASE: ResourceChange = {
  urn: "urn:pulumi:web-api-production::cutover::aws:rds/instance:Instance::orders-db",
  type: "aws:rds/instance:Instance",
  name: "orders-db",
  op: "replace",
  diff: [{ path: "storageEncrypted", before: false, after: true, replaces: true }],
};

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

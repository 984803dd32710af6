import type { Driver } from "../../src/automation/engine/driver.js";
import { Migrations } from "../../src/automation/migrations.js";
import { FolderStore } from "../../src/automation/store/folderStore.js";
import { isLease } from "../../src/automation/store/store.js";
import { modelProject, STACK } from "../automation/model.js";
import { farObject, farTarget } from "./farWorld.js";

export interface MigrationSettings {
  journal: string;
  stacks: string;
  far: string;
}

const { journal, stacks, far } = JSON.parse(process.argv[2] ?? "{}") as MigrationSettings;
const points = farObject<{ at(point: string): Promise<void> }>(far, "points");
const store = await FolderStore.open(journal);
const append = store.append.bind(store);
store.append = async (stack, entry, at, by) => {
  const point = `append ${entry.type}${isLease(by) ? "" : " of a person"}`;
  await points.at(`before ${point}`);
  const recorded = await append(stack, entry, at, by);
  await points.at(`after ${point}`);
  return recorded;
};
const migrations = new Migrations({
  store,
  driver: farObject<Driver>(far, "driver"),
  openTarget: (stack, config) => farTarget(far, stack, config),
  project: modelProject,
  stacksFolder: stacks,
});
let failure: Error | undefined;
migrations.onFailure((_, error) => {
  failure = error;
});
await migrations.create(STACK, "alice");
await migrations.resumeAll();
for (;;) {
  const { status, position, heldReason } = await migrations.settled(STACK);
  if (failure !== undefined) throw failure;
  const step = (await migrations.get(STACK)).plan[position];
  if (status === "completed") break;
  if (status === "ready") await migrations.command(STACK, { command: "advance", extent: "end" }, "alice");
  else if (status === "approval" && step !== undefined) await migrations.command(STACK, { command: "approve", step: step.id }, "bob");
  else throw new Error(`stands still at ${step?.id}, ${status}: ${heldReason}`);
}
await migrations.close();
await store.close();

import { join } from "node:path";
import { FolderStore } from "../../src/automation/store/folderStore.js";
import { journalOf } from "./journals.js";
import { applicationNames, sealedConfig, stackConfig } from "./stacks.js";
import type { World } from "./world.js";

/** Sizes of a fleet that stands still beside what is measured: how many migrations, each with how many entries. */
export const fleets = (short: boolean): { sizes: number[]; entries: number } =>
  short ? { sizes: [2, 20], entries: 20 } : { sizes: [10, 500], entries: 200 };

/** Gives a world migrations with long journals, which stand still; those that are there already stay. @returns their stacks */
export async function fillJournals(world: Pick<World, "state">, migrations: number, entries: number): Promise<string[]> {
  const store = await FolderStore.open(join(world.state, "journal"));
  const names = applicationNames(migrations).map((n) => `old-${n}`);
  const there = new Set(await store.stacks());
  for (const name of names) {
    const stack = `${name}-production`;
    if (there.has(stack)) continue;
    await store.adopt(stack, journalOf(stack, sealedConfig(stackConfig(name, "production")), entries));
  }
  await store.close();
  return names.map((n) => `${n}-production`);
}

import { join } from "node:path";
import { FolderStore } from "../../src/automation/store.js";
import { journalOf } from "./journals.js";
import { applicationNames, sealedConfig, stackConfig } from "./stacks.js";
import type { World } from "./world.js";

/** Gives a world migrations with long journals, which stand still. @returns their stacks */
export async function fillJournals(world: Pick<World, "state">, migrations: number, entries: number): Promise<string[]> {
  const store = await FolderStore.open(join(world.state, "journal"));
  const names = applicationNames(migrations).map((n) => `old-${n}`);
  for (const name of names) {
    const stack = `${name}-production`;
    await store.adopt(stack, journalOf(stack, sealedConfig(stackConfig(name, "production")), entries));
  }
  await store.close();
  return names.map((n) => `${n}-production`);
}

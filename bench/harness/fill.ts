import { join } from "node:path";
import { FolderStore } from "../../src/automation/store/folderStore.js";
import type { Store } from "../../src/automation/store/store.js";
import { journalOf } from "./journals.js";
import { applicationNames, sealedConfig, stackConfig } from "./stacks.js";
import type { World } from "./world.js";

/** Sizes of a fleet that stands still beside what is measured: how many migrations, each with how many entries. */
export const fleets = (short: boolean): { sizes: number[]; entries: number } =>
  short ? { sizes: [2, 20], entries: 20 } : { sizes: [10, 500], entries: 200 };

/** Journals that are made side by side: while one is hashed here, the store writes another. */
const AT_ONCE = 3;

/** Gives a world migrations with long journals, which stand still; those that are there already stay. @returns their stacks */
export async function fillJournals(world: Pick<World, "state">, migrations: number, entries: number): Promise<string[]> {
  const store = await FolderStore.open(join(world.state, "journal"));
  try {
    return await fillStore(store, migrations, entries);
  } finally {
    await store.close();
  }
}

/** The same for any store. */
export async function fillStore(store: Store, migrations: number, entries: number): Promise<string[]> {
  const names = applicationNames(migrations).map((n) => `old-${n}`);
  const there = new Set(await store.stacks());
  const missing = names.filter((name) => !there.has(stackOf(name)));
  const one = async (): Promise<void> => {
    for (let name = missing.shift(); name !== undefined; name = missing.shift()) {
      const config = sealedConfig(stackConfig(name, "production"));
      await store.adopt(stackOf(name), journalOf(stackOf(name), config, entries));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return names.map(stackOf);
}

const stackOf = (application: string): string => `${application}-production`;

import { join } from "node:path";
import { verifyChain } from "../automation/journal/chain.js";
import { FolderStore } from "../automation/store/folderStore.js";
import type { Store } from "../automation/store/store.js";
import { Conflict, NotFound, PromiseViolation } from "../errors.js";
import { counted } from "../lib/plural.js";
import { openStore } from "../service/store.js";
import { type CommandOptions, sandboxFolder } from "./project.js";

export interface JournalOptions extends CommandOptions {
  /** The sandbox's journals instead of the real environments'. */
  sandbox?: boolean;
}

const out = (line: string): void => void process.stdout.write(`${line}\n`);

async function withStore<T>({ state, sandbox }: JournalOptions, use: (store: Store) => Promise<T>): Promise<T> {
  const store = sandbox === true ? await FolderStore.open(join(sandboxFolder(state), "journal")) : (await openStore(state)).store;
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

async function named(store: Store, stacks: string[]): Promise<string[]> {
  const all = await store.stacks();
  const missing = stacks.find((s) => !all.includes(s));
  if (missing !== undefined) throw new NotFound(`There is no journal of ${missing}.`, { next: `There are: ${all.join(", ") || "none"}.` });
  return stacks.length === 0 ? all : stacks;
}

/** Checks the hash chains. The head's hash, kept elsewhere, also shows whether the newest entries were cut off. */
export async function verifyJournals(stacks: string[], options: JournalOptions): Promise<void> {
  await withStore(options, async (store) => {
    let broken: PromiseViolation | undefined;
    for (const stack of await named(store, stacks)) {
      try {
        // Reading verifies already; what it finds is told for every stack, not only for the first.
        const entries = await store.entries(stack);
        const [fault] = verifyChain(entries);
        if (fault !== undefined) throw new PromiseViolation(9, `the journal of ${stack}: entry ${fault.seq} ${fault.what}`);
        out(`${stack}: intact, ${counted(entries.length, "entry", "entries")}, head ${entries.at(-1)?.hash}`);
      } catch (error) {
        if (!(error instanceof PromiseViolation)) throw error;
        broken ??= error;
        out(`${stack}: BROKEN, ${error.message}`);
      }
    }
    if (broken !== undefined) throw broken;
  });
}

/** Copies journals and evidence into a folder, which is a store of its own. */
export async function exportJournals(folder: string, stacks: string[], options: JournalOptions): Promise<void> {
  await withStore(options, async (store) => {
    const to = await FolderStore.open(folder);
    await copy(store, to, await named(store, stacks)).finally(() => to.close());
  });
}

/** Takes over journals and evidence from such a folder; a journal that is there already stops it before anything is written. */
export async function importJournals(folder: string, stacks: string[], options: JournalOptions): Promise<void> {
  await withStore(options, async (store) => {
    const from = await FolderStore.open(folder);
    await copy(from, store, await named(from, stacks)).finally(() => from.close());
  });
}

async function copy(from: Store, to: Store, stacks: string[]): Promise<void> {
  const there = new Set(await to.stacks());
  const twice = stacks.find((s) => there.has(s));
  if (twice !== undefined)
    throw new Conflict(`There is a journal of ${twice} at the destination already; nothing was copied.`, {
      next: "Name the stacks that are to be copied, or another destination.",
    });
  for (const stack of stacks) {
    const entries = await from.entries(stack);
    await to.adopt(stack, entries);
    const files = await from.files(stack);
    for (const name of files) await to.keepFile(stack, name, (await from.file(stack, name)) ?? "");
    out(`${stack}: ${counted(entries.length, "entry", "entries")} and ${counted(files.length, "file")}, head ${entries.at(-1)?.hash}`);
  }
}

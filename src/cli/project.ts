import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ProjectPort } from "../automation/types.js";
import { useEngine } from "../engine/engine.js";
import { NotFound } from "../errors.js";
import { parseInventory } from "../inventory/csv.js";
import { type OpenSandbox, openSandbox, prepareStacks } from "../sandbox/open.js";

/** What every command needs. */
export interface CommandOptions {
  /** The checkout, with Pulumi.yaml. */
  root: string;
  /** Folder with the stack configs. */
  stacks: string;
  /** Folder for journals, the sandbox and reports. */
  state: string;
}

/** Where the sandbox of a state folder keeps everything. */
export const sandboxFolder = (state: string): string => join(state, "sandbox");

/** Opens the sandbox with every stack ready for its first update, and closes it whatever happens. */
export async function withSandbox<T>(
  options: CommandOptions & { faults?: Record<string, string[]>; say?: (line: string) => void },
  run: (open: OpenSandbox, stacks: string[]) => Promise<T>,
): Promise<T> {
  const { root, stacks, state, faults = {}, say } = options;
  await useEngine(say);
  const open = await openSandbox({ root, stacks, state: sandboxFolder(state), project: folderProject(stacks), faults });
  try {
    return await run(open, await prepareStacks(open.project));
  } finally {
    await open.close();
  }
}

/** The user's project on disk: the inventory and its supplement lie beside the stack configs. */
export function folderProject(stacks: string): ProjectPort {
  return {
    inventory: async () => {
      const file = join(stacks, "applications.csv");
      const text = await readFile(file).catch((cause) => {
        throw new NotFound(`There is no inventory ${file}.`, {
          cause,
          next: "Write applications.csv with the columns Application,Technology,Dependencies,Traffic,Data Store,Critical,Owner.",
        });
      });
      return parseInventory(text, file);
    },
    dependencySupplement: () => readFile(join(stacks, "dependencies.yaml"), "utf8").catch(() => undefined),
  };
}

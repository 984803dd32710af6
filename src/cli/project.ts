import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ProjectPort } from "../automation/types.js";
import { NotFound } from "../errors.js";
import { parseInventory } from "../inventory/csv.js";

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

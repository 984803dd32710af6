import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ProjectPort } from "../automation/plan/step.js";
import { lintDockerfile } from "../containerize/check.js";
import { readSources } from "../containerize/readSources.js";
import { verifyImage } from "../containerize/verify.js";
import { NotFound } from "../errors.js";
import { parseInventory } from "../inventory/csv.js";

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

/** Where a state folder keeps its rehearsals. */
export const rehearsalsIn = (state: string): string => join(state, "rehearsals");

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
    readSources,
    lintDockerfile,
    verifyImage,
  };
}

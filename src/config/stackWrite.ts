import { readFile } from "node:fs/promises";
import { CutoverError } from "../errors.js";
import { keepingEdits } from "./edits.js";
import { type RawConfig, StackFile, withSecretsOf, writeAtomically } from "./stackFile.js";

/** What an update leaves in the stack's file. Plain values: it goes to the thread that runs the program. */
export interface StackWrite {
  folder: string;
  stack: string;
  /** What is applied. */
  config: RawConfig;
  /** Configs that cutover wrote or was about to write, newest first: what differs from all of them is somebody's edit. */
  known: RawConfig[];
}

/** Somebody who writes at the same moment is read again so often. */
const MOST_READS = 20;

/**
 * Writes an applied config into the stack's file, while the engine's lock is held: rotated secrets and what somebody edited
 * stay, and what was written meanwhile is read again. A file that cannot be read is left as it is.
 */
export async function writeStack({ folder, stack, config, known }: StackWrite): Promise<void> {
  const path = StackFile.pathOf(folder, stack);
  for (let read = 0; read < MOST_READS; read += 1) {
    const before = await textOf(path);
    const file = before === undefined ? undefined : parsed(path, stack, before);
    if (file === undefined) return;
    const raw = file.raw();
    const after = file.replace(withSecretsOf(keepingEdits(config, raw, known), raw)).text();
    if (after === before) return;
    if ((await textOf(path)) !== before) continue;
    await writeAtomically(path, after);
    return;
  }
}

const textOf = (path: string): Promise<string | undefined> => readFile(path, "utf8").catch(() => undefined);

function parsed(path: string, stack: string, text: string): StackFile | undefined {
  try {
    return StackFile.parse(path, stack, text);
  } catch (error) {
    if (error instanceof CutoverError) return undefined;
    throw error;
  }
}

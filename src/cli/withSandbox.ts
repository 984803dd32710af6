import { useEngine } from "../engine/engine.js";
import type { Attached } from "../operations/operations.js";
import { type OpenSandbox, openSandbox, prepareStacks } from "../sandbox/open.js";
import { type CommandOptions, folderProject, sandboxFolder } from "./project.js";

/** Opens the sandbox with every stack ready for its first update, and closes it whatever happens. */
export async function withSandbox<T>(
  options: CommandOptions & { faults?: Record<string, string[]>; say?: (line: string) => void; operations?: Attached },
  run: (open: OpenSandbox, stacks: string[]) => Promise<T>,
): Promise<T> {
  const { root, stacks, state, faults = {}, say, operations } = options;
  await useEngine(say);
  const open = await openSandbox({
    root,
    stacks,
    state: sandboxFolder(state),
    project: folderProject(stacks),
    faults,
    ...(operations === undefined ? {} : { operations }),
  });
  try {
    return await run(open, await prepareStacks(open.project));
  } finally {
    await open.close();
  }
}

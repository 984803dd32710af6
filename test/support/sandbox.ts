import { join } from "node:path";
import { folderProject } from "../../src/cli/project.js";
import { projectRoot, useEngine } from "../../src/engine/engine.js";
import { type OpenSandbox, openSandbox, prepareStacks, type SandboxOptions } from "../../src/sandbox/open.js";
import { requirePart } from "./parts.js";
import { tempFolder } from "./tmp.js";

/** Makes the rest of the test or hook need the Pulumi engine. */
export async function requireEngine(context: Mocha.Context): Promise<void> {
  const engine = await useEngine().catch(() => undefined);
  requirePart(context, "the Pulumi engine", engine !== undefined, "npm start makes one");
}

/** Opens the sandbox over the sample stacks in a folder of its own, on the real engine, for the length of `run`. */
export async function inSandbox(
  context: Mocha.Context,
  name: string,
  run: (open: OpenSandbox) => Promise<void>,
  more: Partial<Pick<SandboxOptions, "state" | "stacks" | "faults" | "kubeconfig" | "backend" | "providers">> = {},
): Promise<void> {
  await requireEngine(context);
  const root = projectRoot();
  const open = await openSandbox({
    root,
    stacks: join(root, "stacks"),
    state: more.state ?? tempFolder(name),
    project: folderProject(join(root, "stacks")),
    ...more,
  });
  try {
    await prepareStacks(open.project);
    await run(open);
  } finally {
    await open.close();
  }
}

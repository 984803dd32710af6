import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../../src/config/stackFile.js";
import type { World } from "./world.js";

/** More stacks of the raw CLI, each with the config, state and history of one that is there: making each by itself would take minutes. */
export async function copyStack({ project, state }: World, stack: string, names: readonly string[]): Promise<void> {
  const engine = join(state, "engine", ".pulumi");
  const stacks = join(engine, "stacks", project.name);
  const history = join(engine, "history", project.name);
  const text = await readFile(join(stacks, `${stack}.json`), "utf8");
  const updates = (await readdir(join(history, stack))).filter((f) => f.endsWith(".json"));
  for (const name of names) {
    await cp(join(project.stacksFolder, `Pulumi.${stack}.yaml`), join(project.stacksFolder, `Pulumi.${name}.yaml`));
    await writeFile(join(stacks, `${name}.json`), text.replaceAll(stack, name));
    await mkdir(join(history, name));
    for (const file of updates)
      await writeAtomically(join(history, name, file.replace(stack, name)), await readFile(join(history, stack, file), "utf8"));
  }
}

import { join } from "node:path";
import { LocalWorkspace, Stack } from "@pulumi/pulumi/automation/index.js";
import { type ConfigPatch, patched, StackFile } from "../../src/config/stackFile.js";
import { program } from "../../src/program.js";

export interface ScriptTask {
  folder: string;
  stacksFolder: string;
  env: Record<string, string>;
}

export interface ScriptQuestion {
  stacks: string[];
  changes: ConfigPatch[];
}

/** What a user would write over the Automation API: each change of each stack is previewed and applied, in one process. */
const { folder, stacksFolder, env } = JSON.parse(process.argv[2] ?? "{}") as ScriptTask;
const workspace = await LocalWorkspace.create({ workDir: folder, program, envVars: env });

async function walk(name: string, changes: ConfigPatch[]): Promise<void> {
  const stack = await Stack.select(name, workspace);
  const configFile = join(stacksFolder, `Pulumi.${name}.yaml`);
  for (const change of changes) {
    const file = await StackFile.read(stacksFolder, name);
    await file.replace(patched(file.raw(), change)).write();
    await stack.preview({ configFile });
    await stack.up({ configFile });
  }
}

process.on("message", ({ stacks, changes }: ScriptQuestion) => {
  Promise.all(stacks.map((name) => walk(name, changes))).then(
    () => process.send?.({}),
    (error: Error) => process.send?.({ error: error.stack }),
  );
});
process.once("SIGTERM", () => process.exit());
process.send?.({});

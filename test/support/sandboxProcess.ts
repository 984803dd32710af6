// A service over the sandbox in a process of its own, for tests that kill it: advances one stack as far as it goes.
import { join } from "node:path";
import { folderProject } from "../../src/cli/project.js";
import { projectRoot, useEngine } from "../../src/engine/engine.js";
import { rehearse } from "../../src/rehearsal/rehearse.js";
import { openSandbox, prepareStacks } from "../../src/sandbox/open.js";

const [state = "", backend = "", stack = ""] = process.argv.slice(2);
await useEngine();
const root = projectRoot();
const stacks = join(root, "stacks");
const open = await openSandbox({ root, stacks, state, backend, project: folderProject(stacks) });
await prepareStacks(open.project);
open.migrations.onProgress(({ entry }) => entry.type === "update.intended" && process.stdout.write("updating\n"));
await rehearse(open.migrations, [{ number: 1, applications: [stack.replace(/-[^-]*$/, "")] }], [stack]);
await open.close();

import { join } from "node:path";
import { PROVIDERS } from "../../src/adapters/providers.js";
import { StackDriver } from "../../src/automation/engine/driver.js";
import { Migrations } from "../../src/automation/migrations.js";
import { SqlStore } from "../../src/automation/store/sqlStore.js";
import { folderProject } from "../../src/cli/project.js";
import { serveMigrations } from "../../src/cli/serve.js";
import { StackFile } from "../../src/config/stackFile.js";
import { projectRoot, useEngine } from "../../src/engine/engine.js";
import { NO_OPERATIONS } from "../../src/operations/config.js";
import { createLogger } from "../../src/operations/logs.js";
import { Operations } from "../../src/operations/operations.js";
import { prepareStacks } from "../../src/sandbox/open.js";
import { openSandboxProject } from "../../src/sandbox/project.js";
import { startProviderHost } from "../../src/sandbox/provider/host.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";

const [state = "", seconds = ""] = process.argv.slice(2);
const url = process.env.DATABASE_URL ?? "";

await useEngine();
const root = projectRoot();
const project = await openSandboxProject(root, join(root, "stacks"), state);
await prepareStacks(project);
const sandbox = await Sandbox.open({
  folder: state,
  config: async (stack) => (await StackFile.read(project.stacksFolder, stack)).config(),
});
const host = await startProviderHost({
  open: (stack) => sandbox.open(stack),
  zone: (zoneId) => sandbox.zone(zoneId),
  rule: (args) => sandbox.rule(args),
  nodeGroup: (id) => sandbox.nodeGroup(id),
});
const driver = new StackDriver({
  projectDir: project.folder,
  stacksFolder: project.stacksFolder,
  scratch: join(state, "scratch"),
  project: project.name,
  program: new URL("./heldProgram.js", import.meta.url).href,
  env: project.env,
  environment: { env: host.env, providers: PROVIDERS, findCreated: (stack, type, inputs) => sandbox.findCreated(stack, type, inputs) },
});
const store = await SqlStore.open(url, { leaseSeconds: 6 });
const operations = new Operations({ config: NO_OPERATIONS, logger: createLogger("info") });
const migrations = new Migrations({
  store,
  driver: operations.driver(driver),
  openTarget: (stack, config) => sandbox.target(stack, config),
  project: folderProject(join(root, "stacks")),
  stacksFolder: project.stacksFolder,
  sweepMs: 500,
});
await serveMigrations(
  { state: join(state, String(process.pid)), host: "127.0.0.1", port: 0, shutdownSeconds: Number(seconds) },
  operations,
  { migrations, store, queueUrl: url },
);
await host.close();
await store.close();
process.exit(0);

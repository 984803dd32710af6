import { PROVIDERS } from "../../src/adapters/providers.js";
import { StackDriver } from "../../src/automation/engine/driver.js";
import { Migrations } from "../../src/automation/migrations.js";
import { SqlStore } from "../../src/automation/store/sqlStore.js";
import { folderProject } from "../../src/cli/project.js";
import { useEngine } from "../../src/engine/engine.js";
import type { SandboxProject } from "../../src/sandbox/project.js";
import { startServer } from "../../src/server.js";
import { farTarget } from "./farWorld.js";

export interface ServiceSettings {
  project: SandboxProject;
  providers: Record<string, string>;
  scratch: string;
  databaseUrl: string;
  far: string;
  inventory: string;
  leaseSeconds: number;
}

const settings = JSON.parse(process.argv[2] ?? "{}") as ServiceSettings;
const { project, providers, scratch, databaseUrl, far, inventory, leaseSeconds } = settings;
await useEngine();
const store = await SqlStore.open(databaseUrl, { leaseSeconds });
const driver = new StackDriver({
  projectDir: project.folder,
  stacksFolder: project.stacksFolder,
  scratch,
  project: project.name,
  program: new URL("../../src/program.js", import.meta.url).href,
  env: project.env,
  environment: { env: providers, providers: PROVIDERS, findCreated: async () => undefined },
  slots: { parallel: 1 },
});
const migrations = new Migrations({
  store,
  driver,
  openTarget: (stack, config) => farTarget(far, stack, config),
  project: folderProject(inventory),
  stacksFolder: project.stacksFolder,
  sweepMs: (leaseSeconds * 1_000) / 2,
});
migrations.onFailure((stack, error) => process.stderr.write(`${stack}: ${error.stack}\n`));
await migrations.resumeAll();
const server = await startServer({ migrations, port: 0 });
process.stdout.write(`${server.url} ${server.token}\n`);

import type { ChildProcess } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { StackFile } from "../../src/config/stackFile.js";
import { projectRoot } from "../../src/engine/engine.js";
import { openSandboxProject, provideSecrets } from "../../src/sandbox/project.js";
import { startProviderHost } from "../../src/sandbox/provider/host.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { serveFarWorld } from "./farWorld.js";
import { type Postgres, urlOf } from "./postgres.js";
import { spawnForTest } from "./processes.js";
import type { ServiceSettings } from "./serviceProcess.js";

/** A service in a process of its own. */
export interface Service {
  child: ChildProcess;
  url: string;
  token: string;
  /** The last it said on stderr. */
  errors: () => string;
}

const PROCESS = fileURLToPath(new URL("./serviceProcess.js", import.meta.url));

/** @param program another version's service. @default this one's */
export async function startService(settings: ServiceSettings, program = PROCESS): Promise<Service> {
  const child = spawnForTest(process.execPath, [program, JSON.stringify(settings)], { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr?.on("data", (data) => {
    errors = `${errors}${data}`.slice(-4_000);
  });
  const [url = "", token = ""] = await new Promise<string[]>((resolve, reject) => {
    child.stdout?.once("data", (data) => resolve(String(data).trim().split(" ")));
    child.once("exit", (code, signal) => (signal === null ? reject(new Error(`ended with ${code}: ${errors}`)) : resolve([])));
  });
  return { child, url, token, errors: () => errors };
}

export const as = (token: string, who = "alice") => ({ authorization: `Bearer ${token}`, "x-cutover-user": who });

/** @returns the answer's status; undefined when the process died over it */
export async function post({ url, token }: Service, path: string, body: object, who?: string): Promise<number | undefined> {
  const answer = await fetch(`${url}/v1/migrations${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...as(token, who) },
    body: JSON.stringify(body),
  }).catch(() => undefined);
  return answer?.status;
}

/** Asked again as long as the service says that it was asked too often. */
export async function read<T>({ url, token }: Service, path: string): Promise<{ status: number; body: T }> {
  for (;;) {
    const answer = await fetch(`${url}/v1/migrations${path}`, { headers: as(token) });
    if (answer.status !== 429) return { status: answer.status, body: (await answer.json()) as T };
    const seconds = Number(answer.headers.get("retry-after") ?? 1);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  }
}

export interface MigrationView {
  status: string;
  /** The step that is next or under way. */
  step?: { id: string };
  heldReason?: string;
}
export const view = async (service: Service, stack: string): Promise<MigrationView> =>
  (await read<MigrationView>(service, `/${stack}`)).body;

/** What services over one PostgreSQL share: the project with its stacks, the engine's providers, the far side. */
export async function sharedParts(server: Postgres, folder: string, names: string[], { leaseSeconds = 4, more = {} } = {}) {
  const given = join(folder, "given");
  const stacks = await stacksFor(given, names, more);
  const project = await openSandboxProject(projectRoot(), given, folder);
  for (const stack of stacks) await provideSecrets(project, stack);
  const sandbox = await Sandbox.open({
    folder,
    config: async (stack) => (await StackFile.read(project.stacksFolder, stack)).config(),
  });
  const providers = await startProviderHost({ open: (stack) => sandbox.open(stack) });
  const far = await serveFarWorld((stack, config) => sandbox.target(stack, config));
  return {
    stacks,
    sandbox,
    /** @param name of the process, for its scratch folder */
    settings: (name: string): ServiceSettings => ({
      project,
      providers: providers.env,
      scratch: join(folder, name),
      databaseUrl: urlOf(server),
      far: far.url,
      inventory: given,
      leaseSeconds,
    }),
    close: async (): Promise<void> => {
      await far.close();
      await providers.close();
    },
  };
}

/** @param more what the stack configs have beside what they need, by section */
async function stacksFor(folder: string, names: string[], more: Record<string, unknown>): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const rows = names.map((n) => `${n},Node.js 20,,100 users,None,Low,Team`);
  await writeFile(
    join(folder, "applications.csv"),
    `Application,Technology,Dependencies,Traffic,Data Store,Critical,Owner\n${rows.join("\n")}\n`,
  );
  for (const name of names) {
    const config = {
      "aws:region": "us-east-2",
      "aws-native:region": "us-east-2",
      "cutover:application": { name, environment: "staging", criticality: "low" },
      "cutover:cluster": { name: "staging" },
      "cutover:workload": { image: `ghcr.io/your-org/${name}:1.0.0`, replicas: 1 },
      "cutover:strategy": { kind: "rolling", image: `ghcr.io/your-org/${name}:1.1.0` },
      ...more,
    };
    await writeFile(join(folder, `Pulumi.${name}-staging.yaml`), stringify({ config }));
  }
  return names.map((n) => `${n}-staging`);
}

import type { ChildProcess } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { stringify } from "yaml";
import { verifyChain } from "../../src/automation/journal/chain.js";
import { SqlStore } from "../../src/automation/store/sqlStore.js";
import { StackFile } from "../../src/config/stackFile.js";
import { projectRoot } from "../../src/engine/engine.js";
import { openSandboxProject, provideSecrets } from "../../src/sandbox/project.js";
import { startProviderHost } from "../../src/sandbox/provider/host.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { serveFarWorld } from "../support/farWorld.js";
import { type Finding, recordFinding } from "../support/findings.js";
import { type Postgres, postgresForSuite, urlOf } from "../support/postgres.js";
import { signalGroup, spawnForTest } from "../support/processes.js";
import { requireEngine } from "../support/sandbox.js";
import type { ServiceSettings } from "../support/serviceProcess.js";
import { tempFolder } from "../support/tmp.js";

/** 40 in the nightly tier: about as many minutes of two cores as there are tens of them. */
const MIGRATIONS = Number(process.env.CUTOVER_MIGRATIONS ?? 6);
const MINUTES = 60_000;
/** Between two looks at a migration: the service allows one caller so many requests a minute. */
const LOOK_MS = Math.max(300, MIGRATIONS * 100);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("several service processes over one PostgreSQL", function () {
  this.timeout((10 + 2 * MIGRATIONS) * MINUTES);
  const postgres = postgresForSuite();

  it(`promises 6 and 8: two processes and a third that is killed again and again bring ${MIGRATIONS} migrations to their right end`, async function () {
    await requireEngine(this);
    const server = await postgres.primary("processes");
    const folder = tempFolder("processes");
    const names = Array.from({ length: MIGRATIONS }, (_, i) => `app-${String(i).padStart(2, "0")}`);
    const stacks = await stacksFor(join(folder, "given"), names);
    const project = await openSandboxProject(projectRoot(), join(folder, "given"), folder);
    for (const stack of stacks) await provideSecrets(project, stack);
    const sandbox = await Sandbox.open({
      folder,
      config: async (stack) => (await StackFile.read(project.stacksFolder, stack)).config(),
    });
    const providers = await startProviderHost({ open: (stack) => sandbox.open(stack) });
    const far = await serveFarWorld((stack, config) => sandbox.target(stack, config));
    const settings = (name: string): ServiceSettings => ({
      project,
      providers: providers.env,
      scratch: join(folder, name),
      databaseUrl: urlOf(server),
      far: far.url,
      inventory: join(folder, "given"),
      leaseSeconds: 4,
    });
    const kills: Finding = { fault: "SIGKILL of one of three service processes", where: "at random moments", tried: 0, outcome: "" };
    let over = false;
    try {
      const [one, two] = await Promise.all([start(settings("one")), start(settings("two"))]);
      let third = await start(settings("three"));
      const killing = (async () => {
        while (!over) {
          // Killed while it has something to lose, at any moment of that.
          while (!over && !(await runsSomething(server, third.child))) await pause(20);
          await pause(Math.random() * 2_500);
          signalGroup(third.child, "SIGKILL");
          kills.tried += 1;
          third = await start(settings("three"));
        }
      })();
      const anyone = () => [one, two, third][Math.floor(Math.random() * 3)] ?? one;
      const advance = (stack: string) => post(anyone(), `/${stack}/advance`, { extent: "step" });
      const deadline = Date.now() + (6 + MIGRATIONS) * MINUTES;
      await inParallel(stacks, async (stack) => {
        expect(await post(one, "", { stack })).to.equal(201);
        for (;;) {
          const { status, heldReason } = await view(two, stack);
          if (status === "completed") break;
          expect(status, `${stack}: ${heldReason} ${one.errors()} ${two.errors()}`).to.be.oneOf(["ready", "running"]);
          expect(Date.now(), `${stack} takes too long`).to.be.below(deadline);
          // Refused while something runs, and lost with a process that dies: then it is asked for again.
          if (status === "ready") expect(await advance(stack)).to.be.oneOf([202, 409, 429, undefined]);
          await pause(LOOK_MS);
        }
        // What one process says, the other says too.
        expect((await view(one, stack)).status).to.equal("completed");
      });
      over = true;
      await killing;
      for (const stack of stacks) {
        const verified = (await (await fetch(`${one.url}/v1/migrations/${stack}/verify`, { headers: as(one.token) })).json()) as {
          intact: boolean;
          faults: string[];
        };
        expect(verified.faults, stack).to.deep.equal([]);
        expect(await sandbox.violations(stack)).to.deep.equal([]);
        const effects = await sandbox.effects(stack);
        expect(effects.filter((e) => e.kind === "kubernetes:Deployment:Create")).to.have.length(1);
        expect(new Set(effects.flatMap((e) => e.key ?? [])).size).to.equal(effects.filter((e) => e.key !== undefined).length);
      }
    } finally {
      over = true;
      await far.close();
      await providers.close();
    }
    const store = await SqlStore.open(urlOf(server));
    try {
      let takenOver = 0;
      for (const stack of stacks) {
        const entries = await store.entries(stack);
        expect(verifyChain(entries)).to.deep.equal([]);
        const fences = entries.map((e) => e.fence).filter((f) => f > 0);
        expect(fences, `the tokens of ${stack} only grow`).to.deep.equal([...fences].sort((a, b) => a - b));
        if (entries.some((e) => e.type === "runner.recovered")) takenOver += 1;
      }
      kills.outcome = `all ${MIGRATIONS} migrations completed, each effect once, every journal intact; ${takenOver} of them were in the middle of an effect`;
      await recordFinding(kills);
    } finally {
      await store.close();
    }
    expect(kills.tried).to.be.at.least(1);
    expect(await readdir(join(folder, "engine", ".pulumi", "locks"), { recursive: true })).to.satisfy((left: string[]) =>
      left.every((f) => !f.endsWith(".json")),
    );
  });

  it("[people-25] a second process takes its share of what the first one has, between steps, and both work", async function () {
    await requireEngine(this);
    const server = await postgres.primary("shares");
    const folder = tempFolder("shares");
    const stacks = await stacksFor(join(folder, "given"), ["east", "west", "north", "south"]);
    const project = await openSandboxProject(projectRoot(), join(folder, "given"), folder);
    for (const stack of stacks) await provideSecrets(project, stack);
    const sandbox = await Sandbox.open({
      folder,
      config: async (stack) => (await StackFile.read(project.stacksFolder, stack)).config(),
    });
    const providers = await startProviderHost({ open: (stack) => sandbox.open(stack) });
    const far = await serveFarWorld((stack, config) => sandbox.target(stack, config));
    const settings = (name: string): ServiceSettings => ({
      project,
      providers: providers.env,
      scratch: join(folder, name),
      databaseUrl: urlOf(server),
      far: far.url,
      inventory: join(folder, "given"),
      leaseSeconds: 3,
    });
    /** Which process had which fencing token of a stack. */
    const holders = new Map<string, string>();
    let most = 0;
    try {
      const [one, two] = await Promise.all([start(settings("one")), start(settings("two"))]);
      // Everything is asked of the first one, which takes all of it.
      for (const stack of stacks) {
        expect(await post(one, "", { stack })).to.equal(201);
        expect(await post(one, `/${stack}/advance`, { extent: "end" })).to.equal(202);
      }
      const nameOf = (holder: string): string => (holder.endsWith(`process ${two.child.pid}`) ? "two" : "one");
      for (const deadline = Date.now() + 8 * MINUTES; ; await pause(50)) {
        expect(Date.now(), `takes too long: ${one.errors()} ${two.errors()}`).to.be.below(deadline);
        const rows = await server.sql((s) =>
          s.rows<{ stack: string; fence: number; holder: string; released: boolean }>(
            "SELECT stack, fence, holder, released FROM cutover.lease",
          ),
        );
        for (const { stack, fence, holder } of rows) holders.set(`${stack} ${fence}`, nameOf(holder));
        most = Math.max(most, rows.filter((r) => !r.released && nameOf(r.holder) === "two").length);
        const views = await Promise.all(stacks.map((stack) => view(two, stack)));
        for (const { status, heldReason } of views) expect(status, heldReason).to.be.oneOf(["running", "completed"]);
        if (views.every((v) => v.status === "completed")) break;
        await pause(400);
      }
      for (const stack of stacks) {
        expect(await sandbox.violations(stack)).to.deep.equal([]);
        const keys = (await sandbox.effects(stack)).flatMap((e) => e.key ?? []);
        expect(new Set(keys).size, "each effect once").to.equal(keys.length);
      }
    } finally {
      await far.close();
      await providers.close();
    }
    expect(most, "leases of the second process at once").to.be.within(1, 2);
    const store = await SqlStore.open(urlOf(server));
    const steps = { one: 0, two: 0 };
    try {
      for (const stack of stacks)
        for (const entry of await store.entries(stack)) {
          // What was handed over had nothing under way.
          expect(entry.type).to.not.equal("runner.recovered");
          if (entry.type === "step.completed") steps[holders.get(`${stack} ${entry.fence}`) === "two" ? "two" : "one"] += 1;
        }
    } finally {
      await store.close();
    }
    expect(steps.two, `steps of the two processes: ${JSON.stringify(steps)}`).to.be.at.least(2);
  });
});

const inParallel = async (stacks: string[], run: (stack: string) => Promise<void>): Promise<void> =>
  void (await Promise.all(stacks.map(run)));

interface Service {
  child: ChildProcess;
  url: string;
  token: string;
  errors: () => string;
}

/** @returns the answer's status; undefined when the process died over it */
async function post({ url, token }: Service, path: string, body: object): Promise<number | undefined> {
  const answer = await fetch(`${url}/v1/migrations${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...as(token) },
    body: JSON.stringify(body),
  }).catch(() => undefined);
  return answer?.status;
}

const as = (token: string) => ({ authorization: `Bearer ${token}`, "x-cutover-user": "alice" });

async function view({ url, token }: Service, stack: string): Promise<{ status: string; heldReason?: string }> {
  for (;;) {
    const answer = await fetch(`${url}/v1/migrations/${stack}`, { headers: as(token) });
    if (answer.status !== 429) return (await answer.json()) as { status: string; heldReason?: string };
    await pause(Number(answer.headers.get("retry-after") ?? 1) * 1_000);
  }
}

/** Whether a process holds a lease now. */
const runsSomething = ({ sql }: Postgres, { pid }: ChildProcess): Promise<boolean> =>
  sql(async (s) => {
    const held = "SELECT count(*)::int FROM cutover.lease WHERE NOT released AND holder LIKE '%process ' || $1";
    return (await s.value<number>(held, [String(pid)])) > 0;
  });

async function stacksFor(folder: string, names: string[]): Promise<string[]> {
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
    };
    await writeFile(join(folder, `Pulumi.${name}-staging.yaml`), stringify({ config }));
  }
  return names.map((n) => `${n}-staging`);
}

const PROCESS = fileURLToPath(new URL("../support/serviceProcess.js", import.meta.url));

async function start(settings: ServiceSettings): Promise<Service> {
  const child = spawnForTest(process.execPath, [PROCESS, JSON.stringify(settings)], { stdio: ["ignore", "pipe", "pipe"] });
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

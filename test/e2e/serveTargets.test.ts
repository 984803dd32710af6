import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { expect } from "chai";
import { StackFile } from "../../src/config/stackFile.js";
import { projectRoot } from "../../src/engine/engine.js";
import { type ProviderHost, startProviderHost } from "../../src/sandbox/provider/host.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { clusterForSuite, realProvider } from "../support/cluster.js";
import { command } from "../support/consumer.js";
import { freePort } from "../support/freePort.js";
import { motoForSuite } from "../support/moto.js";
import { type Postgres, postgresForSuite, urlOf } from "../support/postgres.js";
import { signalGroup, spawnForTest } from "../support/processes.js";
import { requireEngine } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";

const STACK = "batch-processor-staging";

interface Kubeconfig {
  clusters: object[];
  contexts: object[];
}

/** The service as the image has it: what was built beside its packages, with the stack configs in a folder that all share. */
function install(): string {
  const root = tempFolder("installed");
  const checkout = projectRoot();
  for (const name of ["node_modules", "scripts", "src", "package.json", "Pulumi.yaml"]) symlinkSync(join(checkout, name), join(root, name));
  mkdirSync(join(root, "dist"));
  cpSync(join(checkout, "dist", "src"), join(root, "dist", "src"), { recursive: true });
  cpSync(join(checkout, "stacks"), join(root, "stacks"), { recursive: true });
  return root;
}

describe("cutover serve --targets: two processes on one PostgreSQL, the engine's state in a bucket", function () {
  this.timeout(600_000);
  const moto = motoForSuite();
  const cluster = clusterForSuite();
  const postgres = postgresForSuite();
  let server: Postgres;
  let host: ProviderHost;
  let root: string;
  let env: NodeJS.ProcessEnv;

  before("a bucket, a cluster with namespaces, a database, and the service installed", async function () {
    await requireEngine(this);
    const { s3 } = moto.clients();
    await s3.send(new CreateBucketCommand({ Bucket: "state", CreateBucketConfiguration: { LocationConstraint: "us-east-2" } }));
    await cluster.request("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "staging" } });
    server = await postgres.primary("journals");
    root = install();
    // The sandbox's host stands in for AWS; Kubernetes is the engine's own provider's.
    const provider = await realProvider(this);
    const sandbox = await Sandbox.open({
      folder: tempFolder("providers"),
      config: async (stack) => (await StackFile.read(join(root, "stacks"), stack)).config(),
    });
    host = await startProviderHost({ open: (stack) => sandbox.open(stack), packages: ["aws", "aws-native"] });
    // As on people's machines: the current context is another cluster, which is gone.
    const kubeconfig = join(tempFolder("kubeconfig"), "config");
    const known = JSON.parse(readFileSync(cluster.kubeconfig(), "utf8")) as Kubeconfig;
    known.clusters.push({ name: "gone", cluster: { server: "https://127.0.0.1:1" } });
    known.contexts.push({ name: "gone", context: { cluster: "gone", user: "admin" } });
    writeFileSync(kubeconfig, JSON.stringify({ ...known, "current-context": "gone" }), { mode: 0o600 });
    writeFileSync(
      join(root, "targets.yaml"),
      JSON.stringify({
        staging: {
          aws: { endpoint: moto.endpoint() },
          cluster: { kubeconfig, context: "local" },
          prometheus: { url: "http://127.0.0.1:1" },
        },
      }),
    );
    env = {
      ...process.env,
      ...host.env,
      PATH: `${provider}${delimiter}${process.env.PATH}`,
      KUBECONFIG: kubeconfig,
      DATABASE_URL: urlOf(server),
      PULUMI_BACKEND_URL: `s3://state?region=us-east-2&endpoint=${moto.endpoint()}&s3ForcePathStyle=true`,
      PULUMI_CONFIG_PASSPHRASE: "made up for a test",
      PULUMI_HOME: tempFolder("pulumi"),
    };
    const made = await command("pulumi", ["stack", "init", STACK], { cwd: root, env });
    expect(made.code, made.output).to.equal(0);
  });
  after("end the provider host", () => host?.close());

  const cutover = (...args: string[]) =>
    command(process.execPath, [join(root, "dist", "src", "cli", "main.js"), ...args], { cwd: root, env });
  async function tokenOf(name: string, role: string): Promise<string> {
    const { code, output, stdout } = await cutover("token", "create", name, "--role", role);
    expect(code, output).to.equal(0);
    return stdout.trim().split(/\s+/).at(-1) ?? "";
  }

  /** One process of the service. */
  async function serve(name: string) {
    const port = await freePort();
    const args = [join(root, "dist", "src", "cli", "main.js"), "--stacks", join(root, "stacks"), "--state", tempFolder(name)];
    const child = spawnForTest(process.execPath, [...args, "serve", "--targets", join(root, "targets.yaml"), "--port", String(port)], {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (data) => {
        said += data;
      });
    for (let tries = 0; !said.includes("Serving"); tries += 1) {
      if (child.exitCode !== null || tries > 600) throw new Error(`the service did not start: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const ask = async (method: string, path: string, token: string, body?: object) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by path
      return { status: answer.status, body: (await answer.json()) as any };
    };
    return { ask, kill: () => signalGroup(child, "SIGKILL"), said: () => said };
  }

  it("[providers-19] take a stack to its end over HTTP, though the process that runs it is killed in the middle of an update", async () => {
    const [alice, bob] = [await tokenOf("alice", "operator"), await tokenOf("bob", "approver")];
    const [first, second] = [await serve("first"), await serve("second")];
    const path = `/v1/migrations/${STACK}`;
    expect((await first.ask("POST", "/v1/migrations", alice, { stack: STACK })).status).to.equal(201);
    expect((await first.ask("POST", `${path}/advance`, "a guess", { extent: "end" })).status).to.equal(401);
    await first.ask("POST", `${path}/advance`, alice, { extent: "end" });

    /** Approves what waits, until a condition holds; through the second process. */
    const until = async (right: (entries: { type: string; step?: string }[], status: string) => boolean) => {
      for (let tries = 0; ; tries += 1) {
        const { body } = await second.ask("GET", path, alice);
        const journal = (await second.ask("GET", `${path}/journal?limit=1000`, alice)).body.entries as { type: string; step?: string }[];
        if (right(journal, body.status)) return { body, journal };
        if (body.status === "approval") await second.ask("POST", `${path}/approve`, bob, { step: body.position?.step ?? body.next?.id });
        if (body.status === "held" || tries > 900)
          throw new Error(`${body.status} at ${body.step?.id}: ${JSON.stringify(journal.slice(-8))}`);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    };
    await until((journal) => journal.some((e) => e.type === "update.intended"));
    first.kill();

    const { journal } = await until((_, status) => status === "completed");
    expect(journal.filter((e) => e.type === "runner.recovered").length, "taken over").to.be.at.least(1);
    for (const type of ["update.intended", "action.intended"]) {
      const steps = journal.filter((e) => e.type === type).map((e) => e.step);
      expect(new Set(steps).size, `${type} once a step`).to.equal(steps.length);
    }
    expect((await second.ask("GET", `${path}/verify`, alice)).body.faults ?? []).to.deep.equal([]);
    // What the cluster and a shell have to say of it.
    const deployment = await cluster.request("GET", "/apis/apps/v1/namespaces/staging/deployments/batch-processor");
    expect(deployment.body.spec.template.spec.containers[0].image).to.equal("ghcr.io/your-org/batch-processor:1.1.0");
    expect(deployment.body.status.readyReplicas).to.equal(1);
    const jobs = (await cluster.request("GET", "/apis/batch/v1/namespaces/staging/jobs")).body.items as { metadata: { name: string } }[];
    expect(jobs.map((j) => j.metadata.name.replace(/-\w+$/, "")).sort()).to.deep.equal(["integration-tests", "smoke-test"]);
    const there = { ...env, KUBECONFIG: cluster.kubeconfig() };
    const shell = await command("pulumi", ["preview", "--expect-no-changes", "--stack", STACK], { cwd: root, env: there });
    expect(shell.code, shell.output).to.equal(0);
  });
});

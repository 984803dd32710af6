import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { projectRoot } from "../../src/engine/engine.js";
import { afterThisTest } from "../support/cleanup.js";
import { makeConsumer } from "../support/consumer.js";
import { requireEngine } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";

const STACK = "batch-processor-staging";

/** What it prints once it listens. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (data) => {
        output += data;
        const url = /(http:\/\/127\.0\.0\.1:\d+)\/cutover\//.exec(output)?.[1];
        if (url !== undefined) resolve(url);
      });
    child.once("exit", (code) => reject(new Error(`ended with ${code}: ${output}`)));
  });
}

function started(args: string[], cwd: string): ChildProcess {
  const child = spawn(process.execPath, args, { cwd, env: { ...process.env, PORT: "0" }, stdio: ["ignore", "pipe", "pipe"] });
  afterThisTest(async () => {
    if (child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  });
  return child;
}

describe("the router over the sandbox", function () {
  this.timeout(600_000);

  it("[people-10] is tried in the documented lines, by the package alone: a migration begins, and takes a step on the real engine", async function () {
    await requireEngine(this);
    const folder = tempFolder("router");
    await makeConsumer(folder);
    await mkdir(join(folder, "stacks"));
    const sample = join(projectRoot(), "stacks");
    for (const name of ["applications.csv", "dependencies.yaml", `Pulumi.${STACK}.yaml`])
      await cp(join(sample, name), join(folder, "stacks", name));
    const page = await readFile(join(projectRoot(), "docs", "embedding.md"), "utf8");
    const code = /```js\n([\s\S]*?openSandbox[\s\S]*?)```/.exec(page)?.[1] ?? "";
    expect(code.split("\n").filter((l) => l.trim() !== "").length).to.be.at.most(10);
    await writeFile(join(folder, "try.js"), code);
    const url = await addressOf(started(["try.js"], folder));
    const call = async (method: string, path: string, body?: object) => {
      const headers = { "content-type": "application/json" };
      const answer = await fetch(`${url}/cutover/v1/migrations${path}`, {
        method,
        ...(body === undefined ? {} : { headers, body: JSON.stringify(body) }),
      });
      return { status: answer.status, json: (await answer.json()) as { stack?: string; done?: number } };
    };
    expect((await call("POST", "", { stack: STACK })).status).to.equal(201);
    expect((await call("POST", `/${STACK}/advance`, { extent: "step" })).status).to.equal(202);
    for (;;) {
      const { json } = await call("GET", `/${STACK}`);
      if ((json.done ?? 0) > 0) break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  });

  it("[people-10] the portal in Node.js runs by one command, and lets its own people in", async function () {
    await requireEngine(this);
    const { scripts } = JSON.parse(await readFile(join(projectRoot(), "package.json"), "utf8")) as { scripts: Record<string, string> };
    expect(scripts.example).to.contain("scripts/example.mjs");
    const url = await addressOf(started([join(projectRoot(), "scripts", "example.mjs")], projectRoot()));
    expect((await fetch(`${url}/cutover/v1/migrations`)).status).to.equal(401);
    const authorization = `Basic ${Buffer.from("ana:ana's secret").toString("base64")}`;
    expect((await fetch(`${url}/cutover/v1/migrations`, { headers: { authorization } })).status).to.equal(200);
  });
});

import { readFile, writeFile } from "node:fs/promises";
import { getPriority } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { EngineThread } from "../../../src/automation/engine/thread.js";
import { Terminal, Transient } from "../../../src/errors.js";
import { requireEngine } from "../../support/sandbox.js";
import { tempFolder } from "../../support/tmp.js";

const STACK = "first";

/** A project of its own with an inline program that needs no provider. */
async function project(program: string) {
  const folder = tempFolder("thread");
  await writeFile(join(folder, "Pulumi.yaml"), "name: thread\nruntime: nodejs\n");
  const configFile = join(folder, `Pulumi.${STACK}.yaml`);
  await writeFile(configFile, "config: {}\n");
  const module = join(folder, "program.mjs");
  await writeFile(module, program);
  const env = {
    PULUMI_BACKEND_URL: `file://${folder}`,
    PULUMI_CONFIG_PASSPHRASE: "a test",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
  return { configFile, thread: new EngineThread({ projectDir: folder, program: new URL(`file://${module}`).href, env }) };
}

const failure = (call: Promise<unknown>): Promise<unknown> => call.then(() => undefined).catch((error: unknown) => error);

describe("the engine's thread", function () {
  this.timeout(120_000);

  it("makes a stack that the engine does not know, and answers what an update changed from its events", async function () {
    await requireEngine(this);
    const { thread, configFile } = await project("export const program = async () => ({ answer: 42 });");
    try {
      expect(await thread.up(STACK, { configFile, message: "the first" })).to.deep.equal({ version: 0, changes: { create: 1 } });
      expect(await thread.up(STACK, { configFile, message: "the second" })).to.deep.equal({ version: 0, changes: { same: 1 } });
      expect((await thread.history(STACK, 10)).map((u) => [u.message, u.result])).to.deep.equal([
        ["the second", "succeeded"],
        ["the first", "succeeded"],
      ]);
    } finally {
      await thread.close();
    }
  });

  it("ends both connections of a run to its engine, which would keep all that the run made", async function () {
    await requireEngine(this);
    const { thread, configFile } = await project(`
      import { createRequire } from "node:module";
      const { getEngine, getMonitor } = createRequire(${JSON.stringify(import.meta.url)})("@pulumi/pulumi/runtime");
      const ended = 4;
      const runs = [];
      export const program = async () => {
        for (const c of runs) if (c.getChannel().getConnectivityState(false) !== ended) throw new Error("still connected");
        runs.push(getMonitor(), getEngine());
      };`);
    try {
      await thread.up(STACK, { configFile, message: "the first" });
      await thread.preview(STACK, configFile);
      await thread.up(STACK, { configFile, message: "the second" });
    } finally {
      await thread.close();
    }
  });

  it("[safety-3] lets the thread that answers people go first, also before the engines that it starts", async function () {
    await requireEngine(this);
    if (process.platform !== "linux") return this.skip();
    const own = getPriority();
    const { thread, configFile } = await project(`
      import { readdirSync, readFileSync, writeFileSync } from "node:fs";
      import { getPriority } from "node:os";
      export const program = async () => {
        const children = readdirSync("/proc/self/task").flatMap((t) => readFileSync("/proc/self/task/" + t + "/children", "utf8").split(" "));
        const engines = children.filter((pid) => pid !== "").map(Number);
        writeFileSync(new URL("./priorities.json", import.meta.url), JSON.stringify([getPriority(), ...engines.map((pid) => getPriority(pid))]));
      };`);
    try {
      await thread.up(STACK, { configFile, message: "the first" });
      const found = JSON.parse(await readFile(join(dirname(configFile), "priorities.json"), "utf8")) as number[];
      expect(found).to.have.length.above(1);
      expect(found.every((priority) => priority > own)).to.equal(true, found.join());
      expect(getPriority()).to.equal(own);
    } finally {
      await thread.close();
    }
  });

  it("keeps the kind of an error on its way between threads", async function () {
    await requireEngine(this);
    const { thread, configFile } = await project('export const program = async () => { throw new Error("no such luck"); };');
    try {
      const error = await failure(thread.preview(STACK, configFile));
      expect(error).to.be.instanceOf(Terminal);
      expect((error as Error).message)
        .to.contain(`The preview of ${STACK} failed`)
        .and.to.contain("no such luck");
    } finally {
      await thread.close();
    }
  });

  it("fails what was under way as passing when the program ends its thread, and goes on with a new one", async function () {
    await requireEngine(this);
    const { thread, configFile } = await project(
      "export const program = async () => { if (globalThis.calls === undefined) process.exit(1); return {}; }; globalThis.calls = process.env.CALLS;",
    );
    try {
      const error = await failure(thread.preview(STACK, configFile));
      expect(error).to.be.instanceOf(Transient);
      process.env.CALLS = "2";
      expect(await thread.history(STACK, 1)).to.deep.equal([]);
      expect((await thread.preview(STACK, configFile)).changes).to.deep.equal([]);
    } finally {
      delete process.env.CALLS;
      await thread.close();
    }
  });

  it("answers nothing any more once it is closed", async () => {
    const { thread } = await project("export const program = async () => ({});");
    await thread.close();
    expect(await failure(thread.history(STACK, 1))).to.be.instanceOf(Transient);
  });
});

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { PROVIDERS } from "../../../src/adapters/providers.js";
import { StackDriver } from "../../../src/automation/engine/driver.js";
import { StackFile } from "../../../src/config/stackFile.js";
import { Conflict } from "../../../src/errors.js";
import { afterThisTest } from "../../support/cleanup.js";
import { requireEngine } from "../../support/sandbox.js";
import { tempFolder } from "../../support/tmp.js";

const STACK = "first";

describe("the stack driver and the stack's file", function () {
  this.timeout(240_000);

  it("[safety-7] leaves no changed file where somebody else's lock refuses an update, and writes it where none does", async function () {
    await requireEngine(this);
    const folder = tempFolder("driver");
    await writeFile(join(folder, "Pulumi.yaml"), "name: thread\nruntime: nodejs\n");
    const file = StackFile.pathOf(folder, STACK);
    await writeFile(file, "config:\n  thread:value: a\n");
    await writeFile(join(folder, "program.mjs"), "export const program = async () => ({});\n");
    const driver = new StackDriver({
      ...{ projectDir: folder, stacksFolder: folder, scratch: join(folder, "scratch"), project: "thread" },
      program: new URL(`file://${join(folder, "program.mjs")}`).href,
      environment: { env: {}, providers: PROVIDERS, findCreated: async () => undefined } as never,
      env: {
        PULUMI_BACKEND_URL: `file://${folder}`,
        PULUMI_CONFIG_PASSPHRASE: "a test",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      },
    });
    afterThisTest(() => driver.close());
    await driver.update(STACK, { "thread:value": "b" }, "one");
    expect((await StackFile.read(folder, STACK)).raw()).to.deep.equal({ "thread:value": "b" });

    const locks = join(folder, ".pulumi", "locks", "organization", "thread", STACK);
    await mkdir(locks, { recursive: true });
    const lock = { pid: process.pid, username: "somebody", hostname: `another-than-${hostname()}`, timestamp: new Date().toISOString() };
    await writeFile(join(locks, "held.json"), JSON.stringify(lock));
    const refused = await driver.update(STACK, { "thread:value": "c" }, "two").catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(Conflict);
    expect((await StackFile.read(folder, STACK)).raw()).to.deep.equal({ "thread:value": "b" });
    expect(await readFile(file, "utf8")).to.contain("thread:value: b");

    await rm(join(locks, "held.json"));
    await driver.update(STACK, { "thread:value": "c" }, "three");
    expect((await StackFile.read(folder, STACK)).raw()).to.deep.equal({ "thread:value": "c" });

    // What somebody edits while the engine has its lock is theirs, and stays: nothing applied it.
    const edited = (await readFile(file, "utf8")).replace("config:", "# ours\nconfig:\n  thread:extra: theirs");
    await writeFile(file, edited);
    await driver.update(STACK, { "thread:value": "d" }, "four", { known: [{ "thread:value": "c" }] });
    expect((await StackFile.read(folder, STACK)).raw()).to.deep.equal({ "thread:value": "d", "thread:extra": "theirs" });
    expect(await readFile(file, "utf8")).to.contain("# ours");
    const [applied] = await driver.history(STACK);
    expect(Object.keys(applied?.config ?? {}), "what the engine applied").to.deep.equal(["thread:value"]);
    // A file that cannot be read, or is gone, is in nobody's way.
    await writeFile(file, "config: [broken");
    const { notes = [] } = await driver.update(STACK, { "thread:value": "e" }, "five");
    expect(notes.join(" ")).to.match(/Pulumi\.first\.yaml.*left as it is/s);
    expect(await readFile(file, "utf8"), "a file that somebody is writing").to.equal("config: [broken");
    await rm(file);
    await rm(join(folder, "scratch"), { recursive: true });
    await driver.update(STACK, { "thread:value": "f" }, "six");
    expect((await driver.history(STACK))[0]?.config["thread:value"]?.value).to.equal("f");
  });
});

import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { openAccess } from "../../src/service/access.js";
import { spawnForTest } from "../support/processes.js";
import { requireEngine } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";
import { cutover, MAIN } from "./service.js";

describe("cutover serve", function () {
  this.timeout(120_000);

  it("says when it starts that stale locks are a person's to clear, where the backend is one that it cannot look into", async function () {
    await requireEngine(this);
    const state = tempFolder("serve");
    const args = [MAIN, "--state", state, "serve", "--targets", join(state, "targets.yaml"), "--port", "0"];
    const env = { ...process.env, PULUMI_BACKEND_URL: "gs://state", DATABASE_URL: "" };
    const child = spawnForTest(process.execPath, args, { env, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr?.on("data", (data) => {
        said += data;
        if (said.includes("pulumi cancel")) resolve();
      });
      child.once("exit", () => reject(new Error(said)));
    });
    expect(said).to.contain("gs:// backends");
  });

  it("[people-14] leaves the running service of a folder alone: a second one there is refused, and its users keep their way in", async () => {
    const state = tempFolder("service");
    const running = await openAccess({ state, host: "127.0.0.1", namesPeople: true });
    await running.announce();
    const token = await readFile(join(state, "token"), "utf8");
    // Another process than this one.
    const script = `const { openAccess } = await import(${JSON.stringify(import.meta.resolve("../../src/service/access.js"))});
      await openAccess({ state: ${JSON.stringify(state)}, host: "127.0.0.1", namesPeople: true }).catch((e) => console.log(e.message));`;
    const said = await new Promise<string>((resolve) =>
      execFile(process.execPath, ["--input-type=module", "-e", script], (_, stdout) => resolve(stdout)),
    );
    expect(said).to.match(new RegExp(`^The local token in ${state}/service is written by process ${process.pid} on `));
    expect(await readFile(join(state, "token"), "utf8")).to.equal(token);
    await running.close();
    const next = await openAccess({ state, host: "127.0.0.1", namesPeople: true });
    await next.close();
  });

  it("[people-4] npm start looks whether its port is free before it rehearses anything", async function () {
    await requireEngine(this);
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as AddressInfo;
    const state = tempFolder("start");
    const { code, stdout, stderr } = await cutover(["--state", state, "start", "--port", String(port)]);
    await new Promise((resolve) => taken.close(resolve));
    expect([code, stderr]).to.deep.equal([2, `cutover: --port: got ${port} (EADDRINUSE); accepted: a free port; 0 takes any\n`]);
    expect(stdout).to.equal("");
    expect(await readdir(state), "nothing was begun").to.deep.equal([]);
  });
});

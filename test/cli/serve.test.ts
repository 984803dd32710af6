import { join } from "node:path";
import { expect } from "chai";
import { spawnForTest } from "../support/processes.js";
import { requireEngine } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";
import { MAIN } from "./service.js";

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
});

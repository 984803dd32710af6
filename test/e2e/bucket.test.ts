import { spawn } from "node:child_process";
import { join } from "node:path";
import { CreateBucketCommand, paginateListObjectsV2 } from "@aws-sdk/client-s3";
import { expect } from "chai";
import { type EngineLock, engineLocks } from "../../src/automation/engine/locks.js";
import { folderProject } from "../../src/cli/project.js";
import { projectRoot } from "../../src/engine/engine.js";
import { lockPlace } from "../../src/engine/lockPlaces.js";
import type { LockPlace } from "../../src/ports/providers.js";
import { rehearse } from "../../src/rehearsal/rehearse.js";
import { openSandbox } from "../../src/sandbox/open.js";
import { motoForSuite } from "../support/moto.js";
import { inSandbox, requireEngine } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";

const STACK = "web-api-staging";

describe("the real engine with its state in an S3 bucket", function () {
  this.timeout(300_000);
  const moto = motoForSuite();

  async function bucket(name: string): Promise<string> {
    await moto.clients().s3.send(new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration: { LocationConstraint: "us-east-2" } }));
    return `s3://${name}?region=us-east-2&endpoint=${moto.endpoint()}&s3ForcePathStyle=true`;
  }
  /** The first lock of the stack that appears. */
  async function locked(backend: string): Promise<EngineLock> {
    for (;;) {
      const [lock] = await engineLocks(lockPlace(backend) as LockPlace, "cutover", STACK);
      if (lock !== undefined) return lock;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  it("takes a stack to its end, though its engine is killed in the middle of an update", async function () {
    const backend = await bucket("killed-engine");
    await inSandbox(
      this,
      "bucket",
      async ({ migrations }) => {
        const going = rehearse(migrations, [{ number: 1, applications: ["web-api"] }], [STACK]);
        const { pid } = await locked(backend);
        process.kill(pid, "SIGKILL");
        await going;
        expect((await migrations.get(STACK)).state.status).to.equal("completed");
        expect(await engineLocks(lockPlace(backend) as LockPlace, "cutover", STACK)).to.deep.equal([]);
        const keys: string[] = [];
        for await (const page of paginateListObjectsV2({ client: moto.clients().s3 }, { Bucket: "killed-engine" }))
          keys.push(...(page.Contents ?? []).flatMap((c) => c.Key ?? []));
        expect(keys).to.include(`.pulumi/stacks/cutover/${STACK}.json`);
      },
      { backend },
    );
  });

  it("has the lock of a killed service's engine proven dead and cleared by the next one, which goes on", async function () {
    await requireEngine(this);
    const backend = await bucket("killed-service");
    const state = tempFolder("killed-service");
    const root = projectRoot();
    const script = join(root, "dist", "test", "support", "sandboxProcess.js");
    const service = spawn(process.execPath, [script, state, backend, STACK], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise((resolve) => service.once("exit", resolve));
    await new Promise((resolve) => service.stdout.once("data", resolve));
    const { pid } = await locked(backend);
    service.kill("SIGKILL");
    process.kill(pid, "SIGKILL");
    await ended;
    expect((await engineLocks(lockPlace(backend) as LockPlace, "cutover", STACK)).map((l) => l.pid)).to.deep.equal([pid]);

    const stacks = join(root, "stacks");
    const open = await openSandbox({ root, stacks, state, backend, project: folderProject(stacks) });
    try {
      await rehearse(open.migrations, [{ number: 1, applications: ["web-api"] }], [STACK]);
      expect((await open.migrations.get(STACK)).state.status).to.equal("completed");
      expect(await engineLocks(lockPlace(backend) as LockPlace, "cutover", STACK)).to.deep.equal([]);
      const journal = await open.migrations.journal(STACK);
      const cleared = `Cleared the engine lock of process ${pid}, which has ended.`;
      expect(journal.filter((e) => e.type === "runner.recovered" && e.note.includes(cleared))).to.have.length(1);
      const intents = journal.filter((e) => e.type === "update.intended");
      expect(new Set(intents.map((e) => e.revision)).size, "each update once").to.equal(intents.length);
      expect(await open.migrations.verify(STACK)).to.deep.equal([]);
      expect(await open.sandbox.violations(STACK)).to.deep.equal([]);
    } finally {
      await open.close();
    }
  });
});

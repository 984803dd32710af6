import { spawn } from "node:child_process";
import { expect } from "chai";
import type { RawConfig } from "../../src/config/stackFile.js";
import { patched, StackFile } from "../../src/config/stackFile.js";
import type { OpenSandbox } from "../../src/sandbox/open.js";
import { inSandbox } from "../support/sandbox.js";

const STACK = "web-api-production";

describe("pulumi from a shell", function () {
  this.timeout(240_000);

  /** `pulumi` in the sandbox's project, as `npm run sandbox -- pulumi …` runs it. */
  function pulumi(open: OpenSandbox, ...args: string[]): Promise<{ code: number | null; output: string }> {
    const child = spawn("pulumi", [...args, "--stack", STACK, "--non-interactive"], {
      cwd: open.project.folder,
      env: { ...process.env, ...open.env },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data) => {
        output += data;
      });
    return new Promise((resolve) => child.once("close", (code) => resolve({ code, output })));
  }

  /** Until the first step that creates what holds data. */
  async function containerized({ migrations }: OpenSandbox): Promise<void> {
    await migrations.create(STACK, "alice");
    for (;;) {
      const { plan, state } = await migrations.get(STACK);
      const step = plan[state.position];
      if (step?.id === "database.create-replica") return;
      const approving = state.status === "approval";
      await migrations.command(
        STACK,
        approving ? { command: "approve", step: step?.id ?? "" } : { command: "advance", extent: "step" },
        "alice",
      );
      await migrations.settled(STACK);
    }
  }

  it("[safety-7] is noticed during a migration, shown, and looked at by a person before the next step", function () {
    return inSandbox(this, "shell-by-hand", async (open) => {
      const { migrations, project } = open;
      await containerized(open);
      // The same values change nothing: that it ran is told, and nobody is stopped.
      expect((await pulumi(open, "up", "--yes", "--skip-preview")).code).to.equal(0);
      await migrations.command(STACK, { command: "advance", extent: "step" }, "alice");
      const before = await migrations.settled(STACK);
      expect([before.status, before.heldReason]).to.deep.equal(["ready", undefined]);
      const told = await migrations.journal(STACK);
      expect(told.findLast((e) => e.type === "runner.recovered")).to.have.property("byHand");

      const file = await StackFile.read(project.stacksFolder, STACK);
      await file.replace(patched(file.raw(), { "workload.replicas": 4 })).write();
      const { code, output } = await pulumi(open, "up", "--yes", "--skip-preview");
      expect(code, output).to.equal(0);
      await migrations.command(STACK, { command: "advance", extent: "step" }, "alice");
      const held = await migrations.settled(STACK);
      expect(held.status).to.equal("held");
      expect(held.heldReason).to.match(/past cutover at .*, with other values than revision \d+ for cutover:workload/);
      // Taken as a revision, it is what the migration goes on from.
      await migrations.takeEdit(STACK, { why: "more load" }, "alice");
      const taken = await migrations.settled(STACK);
      expect(taken.revisions.at(-1), `${taken.status} ${taken.heldReason}`).to.include({ refines: before.revision });
      expect((await migrations.editInFile(STACK)).changes).to.deep.equal([]);
      await migrations.command(STACK, { command: "resume" }, "alice");
      const after = await migrations.settled(STACK);
      expect([after.status, after.heldReason]).to.deep.equal(["ready", undefined]);
      expect((await StackFile.read(project.stacksFolder, STACK)).config().workload.replicas).to.equal(4);
    });
  });

  it("previews the same change as the service, from the same config", function () {
    return inSandbox(this, "shell", async (open) => {
      const { migrations, project } = open;
      await containerized(open);
      const { step, preview } = await migrations.previewNext(STACK);
      expect(step?.id).to.equal("database.create-replica");
      const file = await StackFile.read(project.stacksFolder, STACK);
      await file.replace(step?.kind === "config" ? patched(file.raw(), step.change(file.config())) : file.raw()).write();

      const shell = await pulumi(open, "preview", "--json");
      expect(shell.code, shell.output).to.equal(0);
      const { steps } = JSON.parse(shell.output.slice(shell.output.indexOf("{"))) as { steps: { op: string; urn: string }[] };
      const changes = steps.filter((s) => s.op !== "same" && s.op !== "read").map((s) => `${s.op} ${s.urn}`);
      expect(changes.sort()).to.deep.equal(preview?.changes.map((c) => `${c.op} ${c.urn}`).sort());
    });
  });

  it("refuses to replicate a database without encryption, in one sentence", function () {
    return inSandbox(this, "shell-plain", async (open) => {
      const file = await StackFile.read(open.project.stacksFolder, STACK);
      const raw: RawConfig = patched(file.raw(), { "database.source.identifier": "plain-db", "database.role": "replica" });
      await file.replace(raw).write();
      const { code, output } = await pulumi(open, "preview");
      expect(code).to.not.equal(0);
      expect(output).to.contain(
        "ReplicaDatabase(web-api).sourceIdentifier: got plain-db, whose storage is not encrypted; accepted: an encrypted database.",
      );
      expect(output, "a stack trace").to.not.match(/\n\s+at .*\.[jt]s:\d+/);
    });
  });

  it("[people-11] says what to do where a fresh checkout's stack deploys nothing yet, and nothing where it does", function () {
    return inSandbox(this, "shell-fresh", async (open) => {
      const file = await StackFile.read(open.project.stacksFolder, STACK);
      const fresh = await pulumi(open, "preview");
      expect(fresh.code, fresh.output).to.equal(0);
      expect(fresh.output).to.contain(`${STACK} deploys no workload yet`).and.to.contain(`cutover advance ${STACK}`);
      await file.replace(patched(file.raw(), { "workload.deployed": true })).write();
      const deployed = await pulumi(open, "preview");
      expect(deployed.code, deployed.output).to.equal(0);
      expect(deployed.output).to.contain("kubernetes:apps/v1:Deployment").and.to.not.contain("deploys no workload yet");
    });
  });
});

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

  it("previews the same change as the service, from the same config", function () {
    return inSandbox(this, "shell", async (open) => {
      const { migrations, project } = open;
      await migrations.create(STACK, "alice");
      for (;;) {
        const { plan, state } = await migrations.get(STACK);
        const step = plan[state.position];
        if (step?.id === "database.create-replica") break;
        const approving = state.status === "approval";
        await migrations.command(
          STACK,
          approving ? { command: "approve", step: step?.id ?? "" } : { command: "advance", extent: "step" },
          "alice",
        );
        await migrations.settled(STACK);
      }
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
});

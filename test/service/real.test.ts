import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { folderProject } from "../../src/cli/project.js";
import { projectRoot } from "../../src/engine/engine.js";
import type { SandboxProject } from "../../src/sandbox/project.js";
import { openRealService } from "../../src/service/real.js";
import { motoForSuite } from "../support/moto.js";
import { inSandbox } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";

const STACK = "web-api-production";

describe("the service over real environments", function () {
  this.timeout(180_000);
  const moto = motoForSuite();

  /** A service's options over moto, with its journals in a folder, and how its environment is reached. */
  function prepared(project: SandboxProject, env: Record<string, string>) {
    const state = tempFolder("service");
    const targets = join(state, "targets.yaml");
    const reach = { production: { aws: { endpoint: moto.endpoint() }, prometheus: { url: "http://127.0.0.1:1" } } };
    writeFileSync(targets, JSON.stringify(reach));
    cpSync(join(projectRoot(), "stacks"), project.stacksFolder, { recursive: true, filter: (from) => !from.endsWith("production.yaml") });
    const { folder: root, stacksFolder: stacks } = project;
    return { options: { root, stacks, state, targets, project: folderProject(stacks), env }, targets, reach };
  }

  it("gets on by itself with what passing trouble ended, also where one process has the journals in a folder", function () {
    return inSandbox(this, "sweeping", async ({ env, project }) => {
      const { options, targets, reach } = prepared(project, env);
      const first = await openRealService(options);
      await first.migrations.create(STACK, "alice");
      // Advanced by a process that ended before it began.
      const after = (await first.migrations.get(STACK)).state.lastSeq;
      await first.store.append(STACK, { type: "command", who: "alice", command: "advance", extent: "step" }, Date.now(), { after });
      await first.close();

      writeFileSync(targets, JSON.stringify({}));
      const { migrations, close } = await openRealService(options);
      try {
        await migrations.resumeAll();
        expect((await migrations.get(STACK)).state.lastSeq).to.equal(after + 1);
        writeFileSync(targets, JSON.stringify(reach));
        const begun = new Promise((resolve) => migrations.onProgress(resolve));
        await begun;
        expect((await migrations.settled(STACK)).position).to.equal(1);
      } finally {
        await close();
      }
    });
  });

  it("begins a migration, discovers the account, keeps its documents, and previews on the engine", function () {
    // The sandbox lends the engine its backend, secrets and providers: the real ones cannot be had here.
    return inSandbox(this, "real", async ({ env, project }) => {
      moto.clients();
      const service = await openRealService(prepared(project, env).options);
      try {
        const { migrations } = service;
        await migrations.create(STACK, "alice");
        await migrations.command(STACK, { command: "advance", extent: "phase" }, "alice");
        let state = await migrations.settled(STACK);
        expect(state.status, state.heldReason).to.equal("approval");
        expect(state.steps["assess.compute"]?.evidence).to.equal("0 instances found");
        expect(await migrations.file(STACK, "assess.dependencies.dependency-map.md")).to.contain("# Application Dependency Map");
        await migrations.command(STACK, { command: "approve", step: "assess.accept" }, "bob");
        for (const step of ["dockerfile", "build"]) {
          await migrations.settled(STACK);
          await migrations.command(STACK, { command: "advance", extent: "step" }, "alice");
          state = await migrations.settled(STACK);
          expect(state.steps[`containerize.${step}`]?.status, state.heldReason).to.equal("done");
        }
        const { step, preview } = await migrations.previewNext(STACK);
        expect(step?.id).to.equal("containerize.deploy");
        expect(preview?.changes.length).to.be.greaterThan(8);
        expect(await migrations.verify(STACK)).to.deep.equal([]);
      } finally {
        await service.close();
      }
    });
  });
});

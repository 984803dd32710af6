import { LocalWorkspace } from "@pulumi/pulumi/automation/index.js";
import { expect } from "chai";
import { StackFile } from "../../src/config/stackFile.js";
import type { OpenSandbox } from "../../src/sandbox/open.js";
import { peopleOf } from "../support/people.js";
import { inSandbox } from "../support/sandbox.js";

const STACK = "web-api-production";

/** Makes the engine believe that the replica is not encrypted: the program, which asks for encryption, then plans another one. */
async function forgetEncryption(open: OpenSandbox): Promise<void> {
  const workspace = await LocalWorkspace.create({ workDir: open.project.folder, envVars: open.env });
  const state = await workspace.exportStack(STACK);
  const { resources } = state.deployment as { resources: { type: string; inputs: Record<string, unknown> }[] };
  const database = resources.find((r) => r.type === "aws:rds/instance:Instance");
  expect(database?.inputs.storageEncrypted).to.equal(true);
  (database as { inputs: Record<string, unknown> }).inputs.storageEncrypted = false;
  await workspace.importStack(STACK, state);
}

describe("a replacement of the database on the real engine", function () {
  this.timeout(300_000);

  const ofDatabase = async (open: OpenSandbox) =>
    (await open.sandbox.effects(STACK)).filter((e) => e.kind.startsWith("rds:") && e.id === "prod-db-replica").map((e) => e.kind);

  it("promise 7: holds the migration with the database's name, and goes on only when it was approved by that name", function () {
    return inSandbox(this, "stateful", async (open) => {
      const { say, standBefore } = peopleOf(open.migrations, STACK);
      await standBefore("database.lower-ttl");
      await forgetEncryption(open);
      const held = await say({ command: "advance", extent: "step" });
      expect(held.status).to.equal("held");
      expect(held.heldReason).to.equal("promise 7: database.lower-ttl would replace web-api (aws:rds/instance:Instance)");
      expect(await ofDatabase(open)).to.deep.equal(["rds:CreateDBInstanceReadReplica"]);

      const still = await say({ command: "approve", step: "database.lower-ttl", resources: ["another"] });
      expect(still.status).to.equal("held");
      expect(await ofDatabase(open)).to.deep.equal(["rds:CreateDBInstanceReadReplica"]);

      const done = await say({ command: "approve", step: "database.lower-ttl", resources: ["web-api"] });
      expect(done.status, done.heldReason).to.equal("ready");
      expect(await ofDatabase(open)).to.deep.equal([
        "rds:CreateDBInstanceReadReplica",
        "rds:Instance:Delete",
        "rds:CreateDBInstanceReadReplica",
      ]);
    });
  });

  it("promise 7: inside the maintenance window it goes back automatically, for users are waiting", function () {
    return inSandbox(this, "window", async (open) => {
      const { say, standBefore } = peopleOf(open.migrations, STACK);
      await standBefore("database.promote");
      await forgetEncryption(open);
      const back = await say({ command: "advance", extent: "step" });
      expect(back.status).to.equal("held");
      const started = (await open.migrations.journal(STACK)).find((e) => e.type === "rollback.started");
      expect(started).to.deep.include({ automatic: true });
      expect(started?.type === "rollback.started" && started.why).to.contain("promise 7: database.promote would replace web-api");
      expect(await ofDatabase(open)).to.deep.equal(["rds:CreateDBInstanceReadReplica"]);
      const { effects } = { effects: await open.sandbox.effects(STACK) };
      expect(effects.slice(-2).map((e) => e.kind)).to.deep.equal(["data:AllowWrites", "fleet:MaintenanceOff"]);
      expect(await open.sandbox.violations(STACK)).to.deep.equal([]);
    });
  });
});

describe("a changed secret on the real engine", function () {
  this.timeout(300_000);
  const STAGING = "web-api-staging";

  it("[providers-15] is an update of the Secret and of the pods that read it, and a program whose provider would replace it refuses", function () {
    return inSandbox(this, "secret", async ({ migrations, driver, project, env }) => {
      const { say, standBefore } = peopleOf(migrations, STAGING);
      await standBefore("containerize.deploy");
      await say({ command: "advance", extent: "step" });
      const workspace = await LocalWorkspace.create({ workDir: project.folder, envVars: env });
      const raw = (await StackFile.read(project.stacksFolder, STAGING)).raw();
      const key = Object.keys(raw["cutover:secrets"] as object)[0];
      await workspace.setConfig(STAGING, `cutover:secrets.${key}`, { value: "another one", secret: true }, true);
      const changed = (await StackFile.read(project.stacksFolder, STAGING)).raw();
      const { changes } = await driver.preview(STAGING, changed);
      expect(changes.map((c) => [c.type, c.op])).to.deep.equal([
        ["kubernetes:core/v1:Secret", "update"],
        ["kubernetes:apps/v1:Deployment", "update"],
      ]);

      for (const value of ["false", "yes"]) {
        const refused = await driver.preview(STAGING, { ...changed, "kubernetes:enableSecretMutable": value }).then(
          () => "",
          (error: Error) => error.message,
        );
        expect(refused).to.contain(`kubernetes:enableSecretMutable: got ${value}; accepted: true`);
      }
      // The stack's file may say the same as the project's, and is no secret for it.
      expect((await driver.preview(STAGING, { ...changed, "kubernetes:enableSecretMutable": "true" })).changes).to.have.length(2);
    });
  });
});

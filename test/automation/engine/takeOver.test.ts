import { readdir, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { PROVIDERS } from "../../../src/adapters/providers.js";
import { engineStart } from "../../../src/automation/engine/system.js";
import { takeOver } from "../../../src/automation/engine/takeOver.js";
import { EngineThread } from "../../../src/automation/engine/thread.js";
import { type RawConfig, StackFile } from "../../../src/config/stackFile.js";
import type { OpenSandbox } from "../../../src/sandbox/open.js";
import { inSandbox } from "../../support/sandbox.js";

const STACK = "web-api-production";
const KEY = "database.create-replica#1";
const INSTANCE = "aws:rds/instance:Instance";

interface State {
  resources: { urn: string; type: string; dependencies?: string[]; propertyDependencies?: Record<string, string[]> }[];
  pending_operations?: unknown[];
}

/** Updates the stack to a running workload with a replica, and answers that config. */
async function updated({ driver, project }: OpenSandbox): Promise<RawConfig> {
  const raw = (await StackFile.read(project.stacksFolder, STACK)).raw();
  const section = (name: string) => raw[name] as object;
  const config = {
    ...raw,
    "cutover:database": { ...section("cutover:database"), role: "replica" },
    "cutover:workload": { ...section("cutover:workload"), deployed: true },
  };
  await driver.update(STACK, config, KEY);
  return config;
}

/** Makes the engine forget resources, as one does that takes their creates for failed: it has no pending operation either. */
async function forget({ project, env }: OpenSandbox, types: RegExp): Promise<void> {
  const engine = new EngineThread({ projectDir: project.folder, program: import.meta.resolve("../../../src/program.js"), env });
  const state = await engine.exportState(STACK);
  const deployment = state.deployment as State;
  const gone = new Set(deployment.resources.filter((r) => types.test(r.type)).map((r) => r.urn));
  const left = (urns: string[] = []) => urns.filter((u) => !gone.has(u));
  deployment.resources = deployment.resources
    .filter((r) => !gone.has(r.urn))
    .map((r) => ({
      ...r,
      dependencies: left(r.dependencies),
      propertyDependencies: Object.fromEntries(Object.entries(r.propertyDependencies ?? {}).map(([k, urns]) => [k, left(urns)])),
    }));
  expect([gone.size > 0, deployment.pending_operations ?? []]).to.deep.equal([true, []]);
  await engine.importState(STACK, state);
  await engine.close();
}

const created = async ({ sandbox }: OpenSandbox) => (await sandbox.effects(STACK)).filter((e) => /:Create/.test(e.kind)).map((e) => e.kind);

describe("the recovery of an update whose end is not known", function () {
  this.timeout(240_000);

  it("promise 6: mends the state of an engine that was killed while it wrote it, which stops every later call", function () {
    return inSandbox(this, "cut-off", async (open) => {
      const begun = engineStart();
      const config = await updated(open);
      const root = fileURLToPath(open.env.PULUMI_BACKEND_URL ?? "");
      const attributes = `.pulumi/stacks/cutover/${STACK}.json.attrs`;
      await truncate(join(root, attributes));
      expect(await open.driver.preview(STACK, config).catch((error: Error) => error.message)).to.contain("EOF");
      expect(await open.driver.clearDeadLocks(STACK, begun)).to.deep.equal([
        `Removed ${attributes}, which an engine that was killed had left empty.`,
      ]);
      expect((await open.driver.preview(STACK, config)).changes).to.deep.equal([]);
      const updates = join(root, ".pulumi", "history", "cutover", STACK);
      const newest =
        (await readdir(updates))
          .filter((name) => name.endsWith(".history.json.attrs"))
          .sort()
          .at(-1) ?? "";
      await truncate(join(updates, newest));
      expect(await open.driver.clearDeadLocks(STACK, begun)).to.have.length(1);
      expect(await open.driver.findUpdate(STACK, config, KEY)).to.include({ engineVersion: 0 });
      expect(await open.driver.clearDeadLocks(STACK, begun)).to.deep.equal([]);
    });
  });

  it("promise 6: takes over what exists though the engine knows nothing of it, and the update goes through with each create once", function () {
    return inSandbox(this, "taken-over", async (open) => {
      const config = await updated(open);
      const before = await created(open);
      await forget(open, /:(Instance|Alarm|Secret)$/);
      expect(await open.driver.recover(STACK, config)).to.have.members([
        "web-api had been created as prod-db-replica; it was taken over.",
        "web-api-replica-lag had been created as prod-db-replica-lag; it was taken over.",
        "web-api had been created as production/web-api-secrets; it was taken over.",
      ]);
      const { changes } = await open.driver.update(STACK, config, KEY);
      expect(changes.create ?? 0).to.equal(0);
      expect(await created(open)).to.deep.equal(before);
      expect(before.filter((kind) => kind === "rds:CreateDBInstanceReadReplica")).to.have.length(1);
      expect(await open.driver.inSync(STACK)).to.equal(true);
      // Nobody knew the secret's value when it was taken over; it was read, and stays sealed.
      const world = await readFile(join(open.project.folder, "worlds", `${STACK}.json`), "utf8");
      const password = /postgresql:\/\/[^:]+:([^@]+)@/.exec(world)?.[1] ?? "";
      expect(password).to.have.length.greaterThan(10);
      const state = await readFile(join(open.project.folder, "engine", ".pulumi", "stacks", "cutover", `${STACK}.json`), "utf8");
      expect(state).to.contain("web-api-secrets").and.not.to.contain(password);
    });
  });

  it("leaves a resource of the same name alone that another program made", function () {
    return inSandbox(this, "foreign", async (open) => {
      const config = await updated(open);
      await forget(open, /:Instance$/);
      const world = await open.sandbox.open(STACK);
      const ours = await world.read({ urn: "", type: INSTANCE }, "prod-db-replica");
      const foreign = { ...ours?.inputs, tags: { Name: "prod-db-replica", owner: "another team" } };
      await world.update({ urn: "", type: INSTANCE }, "prod-db-replica", {}, foreign);
      expect(await open.driver.recover(STACK, config)).to.deep.equal([]);
      const error = await open.driver.update(STACK, config, KEY).catch((e: Error) => e);
      expect(error).to.be.instanceOf(Error).with.property("message").that.contains("DBInstanceAlreadyExists");
      expect((await world.read({ urn: "", type: INSTANCE }, "prod-db-replica"))?.inputs).to.deep.equal(foreign);
    });
  });

  it("changes nothing where the update left nothing open, nor in a stack that was never updated", function () {
    return inSandbox(this, "nothing-open", async (open) => {
      const raw = (await StackFile.read(open.project.stacksFolder, STACK)).raw();
      expect(await open.driver.recover(STACK, raw)).to.deep.equal([]);
      const config = await updated(open);
      expect(await open.driver.recover(STACK, config)).to.deep.equal([]);
      expect(await open.driver.recover(STACK, config, { dnsOnly: true })).to.deep.equal([]);
      expect(await open.driver.inSync(STACK)).to.equal(true);
    });
  });

  it("asks for no resource whose parent or provider the engine has not recorded: its create cannot have begun", async () => {
    const asked: string[] = [];
    const planned = (name: string, parent: string, provider: string) => ({ urn: name, type: name, parent, provider, inputs: {} });
    const state = {
      version: 3,
      deployment: {
        resources: [
          { urn: "app", type: "app" },
          { urn: "aws", type: "pulumi:providers:aws", id: "1" },
        ],
      },
    };
    const plans = [planned("orphan", "elsewhere", "aws::1"), planned("strange", "app", "aws::2"), planned("own", "app", "aws::1")];
    await takeOver(state, plans, async (type) => void asked.push(type), PROVIDERS);
    expect(asked).to.deep.equal(["own"]);
  });
});

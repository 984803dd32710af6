import { join } from "node:path";
import { expect } from "chai";
import { buildPlan } from "../../../src/automation/plan/plan.js";
import { patched, type RawConfig, readConfig, StackFile } from "../../../src/config/stackFile.js";
import type { Target } from "../../../src/ports/target.js";
import type { OpenSandbox } from "../../../src/sandbox/open.js";
import { startProviderHost } from "../../../src/sandbox/provider/host.js";
import { Sandbox } from "../../../src/sandbox/sandbox.js";
import { inSandbox } from "../../support/sandbox.js";
import { tempFolder } from "../../support/tmp.js";

const WEB = "web-api-production";
const BATCH = "batch-processor-production";
const NODES = "production:batch-processor-spot";
const EFFECT = { key: "a/test#1", fence: 1 };

const rawOf = async ({ project }: OpenSandbox, stack: string): Promise<RawConfig> =>
  (await StackFile.read(project.stacksFolder, stack)).raw();

describe("what an update asks and tells the far side", function () {
  this.timeout(240_000);

  it("[providers-14] of the weighted records alone asks nothing but Route 53, and leaves all else as it was", async function () {
    const state = tempFolder("records-only");
    const sandbox = await Sandbox.open({
      folder: state,
      config: async (stack) => (await StackFile.read(join(state, "stacks"), stack)).config(),
    });
    const asked: string[] = [];
    const host = await startProviderHost({
      open: (stack) => sandbox.open(stack),
      zone: (zoneId) => sandbox.zone(zoneId),
      onCall: (token) => asked.push(token),
    });
    const run = async (open: OpenSandbox): Promise<void> => {
      const raw = patched(await rawOf(open, WEB), {
        "workload.deployed": true,
        "database.role": "replica",
        "alerts.enabled": true,
        "dns.records": "both",
        "dns.weights": { old: 50, new: 50 },
      });
      const target = await sandbox.target(WEB, () => readConfig(raw, WEB, WEB));
      await target.cloud.adoptRecord(EFFECT);
      await open.driver.update(WEB, raw, "a/users#1");
      expect(asked).to.include.members(["aws:lb/getLoadBalancer:getLoadBalancer", "aws:rds/getInstance:getInstance"]);
      asked.length = 0;
      const back = patched(raw, { "dns.weights": { old: 100, new: 0 } });
      await open.driver.update(WEB, back, "a/back#1", { dnsOnly: true, back: true });
      // The zone of a region's load balancers is a table of the provider's: it asks nobody.
      expect([...new Set(asked)].sort()).to.deep.equal(["aws:lb/getHostedZoneId:getHostedZoneId", "aws:route53/getRecords:getRecords"]);
      expect((await open.driver.preview(WEB, back)).changes).to.deep.equal([]);
    };
    try {
      await inSandbox(this, "records-only", run, { state, providers: host.env });
    } finally {
      await host.close();
    }
  });

  it("[providers-9] of a node group's limits sends the number of nodes that the autoscaler decided, within the new limits", function () {
    return inSandbox(this, "spot", async (open) => {
      const raw = patched(await rawOf(open, BATCH), { "spot.enabled": true });
      await open.driver.update(BATCH, raw, "a/spot#1");
      const world = await open.sandbox.open(BATCH);
      const type = "aws:eks/nodeGroup:NodeGroup";
      const sizes = async () => (await world.read({ urn: "", type }, NODES))?.outputs.scalingConfig;
      const begun = (await sizes()) as { minSize: number; maxSize: number; desiredSize: number };
      const scaled = { ...begun, desiredSize: begun.desiredSize + 1 };
      const inputs = (await world.read({ urn: "", type }, NODES))?.inputs ?? {};
      await world.update({ urn: "", type }, NODES, {}, { ...inputs, scalingConfig: scaled });

      expect((await open.driver.preview(BATCH, raw)).changes, "the autoscaler's own").to.deep.equal([]);
      const wider = patched(raw, { "spot.maxSize": begun.maxSize + 4 });
      await open.driver.update(BATCH, wider, "a/spot#2");
      expect(await sizes()).to.deep.equal({ ...scaled, maxSize: begun.maxSize + 4 });
      // EKS refuses a least number above the desired one.
      const more = patched(wider, { "spot.minSize": scaled.desiredSize + 1, "spot.desiredSize": scaled.desiredSize + 1 });
      await open.driver.update(BATCH, more, "a/spot#3");
      expect(await sizes()).to.include({ minSize: scaled.desiredSize + 1, desiredSize: scaled.desiredSize + 1 });
      expect((await open.driver.preview(BATCH, more)).changes).to.deep.equal([]);
    });
  });

  it("[providers-6] of a stack that moves no name lets go of the old side's groups before they are deleted, or no later one succeeds", function () {
    return inSandbox(this, "no-names", async (open) => {
      const { "cutover:dns": _, ...nameless } = await rawOf(open, WEB);
      const raw = patched(nameless, { "database.role": "primary", "database.active": "new", "old.users": "none" });
      const config = readConfig(raw, WEB, WEB);
      const plan = buildPlan(config);
      const [close, remove] = ["cleanup.close-old-side", "cleanup.delete-security-groups"].map((id) => plan.findIndex((s) => s.id === id));
      expect(close).to.be.above(plan.findIndex((s) => s.id === "cleanup.stop-reverse-replication"));
      expect(close).to.be.below(remove as number);
      const step = plan[close as number];
      const closed = step?.kind === "config" ? patched(raw, step.change(config)) : raw;

      const replica = patched(raw, { "database.role": "replica", "database.active": "old" });
      await open.driver.update(WEB, replica, "a/replica#1");
      let now = readConfig(replica, WEB, WEB);
      const target: Target = await open.sandbox.target(WEB, () => now);
      await target.data.setWrites("old", false, EFFECT);
      await target.clock.sleepUntil(target.clock.now() + 3_600_000);
      await open.driver.update(WEB, raw, "a/promote#1");
      now = config;
      await open.driver.update(WEB, closed, "a/closed#1");
      await target.cloud.deleteSecurityGroups({ ...EFFECT, key: "a/groups#1" });
      const refreshed = await open.driver.preview(WEB, closed, { refresh: true });
      expect(refreshed.changes.filter((c) => c.type.includes("securityGroup"))).to.deep.equal([]);
      await open.driver.update(WEB, closed, "a/later#1");
      // What was: the rule is still asked for.
      const error = await open.driver.update(WEB, raw, "a/still#1").catch((e: Error) => e);
      expect(error).to.be.instanceOf(Error).with.property("message").that.contains("InvalidGroup.NotFound");
    });
  });
});

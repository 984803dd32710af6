import { spawnSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { gateNamed } from "../../src/automation/gates/catalogue.js";
import { judge } from "../../src/automation/gates/gate.js";
import { buildPlan } from "../../src/automation/plan/plan.js";
import { patched, readConfig } from "../../src/config/stackFile.js";
import { Conflict, UserError } from "../../src/errors.js";
import { parseFault } from "../../src/sandbox/faults.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { newShare } from "../../src/sandbox/world/share.js";
import { newWorld, noise } from "../../src/sandbox/world/state.js";
import { modelProject, RAW, STACK, WITH_WEB_ONCE } from "../automation/model.js";
import { tempFolder } from "../support/tmp.js";

const CONFIG = readConfig(RAW, "test", STACK);
const { database = missing() } = CONFIG;
const INSTANCE = { type: "aws:rds/instance:Instance", urn: "urn:db" };
const RECORD = { type: "aws:route53/record:Record", urn: "urn:record" };
const replica = { identifier: "prod-db-replica", instanceClass: "db.r6g.large", replicateSourceDb: "prod-db" };
const primary = { identifier: "prod-db-replica", instanceClass: "db.r6g.large" };
const weighted = (setIdentifier: string, weight: number) => ({
  zoneId: "Z1",
  name: "api.example.com",
  type: "A",
  setIdentifier,
  weightedRoutingPolicies: [{ weight }],
  ttl: 60,
  records: ["1.2.3.4"],
});
const effect = (key: string, fence = 1) => ({ key, fence });

const sandboxIn = (folder: string, faults: string[] = [], seed = 1) =>
  Sandbox.open({ folder, seed, faults: { [STACK]: faults }, config: async () => CONFIG });
const refusal = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "was accepted",
    (error: Error) => error.message,
  );

function missing(): never {
  throw new Error("the test's stack has no database");
}

describe("the sandbox's world", () => {
  it("promise 1: refuses a promotion while the old database accepts writes or the replica lags", async () => {
    const sandbox = await sandboxIn(tempFolder());
    const backend = await sandbox.open(STACK);
    const { data, clock } = await sandbox.target(STACK, () => CONFIG);
    await backend.create(INSTANCE, replica);
    const promote = () => backend.update(INSTANCE, "prod-db-replica", replica, primary);
    expect(await refusal(promote())).to.contain("source still accepts writes");
    await data.setWrites("old", false, effect("stop"));
    expect(await refusal(promote())).to.match(/lags [\d.]+ s behind/);
    await clock.sleepUntil(clock.now() + 10_000);
    await promote();
    expect((await sandbox.effects(STACK)).filter((e) => e.kind === "rds:PromoteReadReplica")).to.have.length(1);
  });

  it("[postgresql-21] takes the time that the database's size says to compare it, ahead of the pause, and little in it", async () => {
    const large = { ...CONFIG, database: { ...database, source: { ...database.source, sizeGb: 500 } } };
    const sandbox = await sandboxIn(tempFolder());
    const backend = await sandbox.open(STACK);
    const { data, clock, observer } = await sandbox.target(STACK, () => large);
    await backend.create(INSTANCE, replica);
    const hours = async (use: () => Promise<unknown>) => {
      const began = clock.now();
      await use();
      return (clock.now() - began) / 3_600_000;
    };
    const left = async () => {
      const { reading } = await observer.observe("comparison-pause", undefined, 0);
      return reading.known ? reading.value : reading.reason;
    };
    // All of it, as long as nothing was compared ahead.
    expect(await left()).to.be.greaterThan(3_600);
    const compared = { seconds: 0 };
    expect(await hours(async () => Object.assign(compared, await data.compareAhead(effect("ahead"))))).to.be.greaterThan(2);
    expect(compared.seconds).to.be.within(1, 20);
    expect(await left()).to.equal(compared.seconds);
    expect(await hours(() => data.compare(effect("in the pause")))).to.equal(compared.seconds / 3_600);
  });

  it("[postgresql-21] refuses the night, before its approval, where comparing everything does not fit the pause", async () => {
    const sandbox = await sandboxIn(tempFolder(), ["no-change-log@verify"]);
    const backend = await sandbox.open(STACK);
    const target = await sandbox.target(STACK, () => CONFIG);
    await backend.create(INSTANCE, replica);
    const plan = buildPlan(CONFIG);
    const at = (id: string) => plan.findIndex((s) => s.id === id);
    expect(at("database.compare-ahead")).to.be.within(1, at("database.approve"));
    const step = plan[at("database.compare-ahead")];
    const run = async (config: typeof CONFIG) => {
      if (step?.kind !== "action") throw new Error("no action");
      return step.run({
        target,
        config,
        effect: effect(`${config.database?.writePauseSeconds}`),
        project: modelProject,
        otherStacks: async () => [],
        marks: {},
      });
    };
    expect(await refusal(run(CONFIG))).to.match(/with writes stopped would take about \d+ s, and may take 45 s of the pause of 60 s/);
    const go = plan[at("database.go")];
    expect(go !== undefined && "gates" in go && go.gates.map((g) => g.gate)).to.include("comparison-fits");
    const judged = async (config: typeof CONFIG) =>
      judge(
        gateNamed("comparison-fits"),
        { gate: "comparison-fits", holdSeconds: 0 },
        await target.observer.observe("comparison-pause", undefined, 0),
        config,
        target.clock.now(),
      );
    expect(await judged(CONFIG)).to.equal("pending");
    // A pause that users bear lets it pass.
    const patient = { ...CONFIG, database: { ...database, writePauseSeconds: 80_000 } };
    expect(await judged(patient)).to.equal("pass");
    expect((await run(patient)).summary).to.contain("With writes stopped all of it is read");
  });

  it("compares the sides: a new side that is slower than the old one fails that, though it is within its own limit", async () => {
    const sandbox = await sandboxIn(tempFolder(), ["slower@50%"]);
    const backend = await sandbox.open(STACK);
    const { cloud, observer, clock } = await sandbox.target(STACK, () => CONFIG);
    await cloud.adoptRecord(effect("adopt"));
    await backend.create(RECORD, weighted("new-infra", 0));
    const judged = async (key: string, weight: number) => {
      await cloud.setWeights({ old: 100 - weight, new: weight }, effect(key));
      await clock.sleepUntil(clock.now() + 600_000);
      const verdicts = (["latency-p95", "latency-over-old", "error-rate-over-old"] as const).map(async (name) => {
        const gate = gateNamed(name);
        const observation = await observer.observe(gate.observation, gate.side, CONFIG.gates.windowSeconds);
        return judge(gate, { gate: name, holdSeconds: 0 }, observation, CONFIG, clock.now());
      });
      return Promise.all(verdicts);
    };
    expect(await judged("quarter", 25)).to.deep.equal(["pass", "pass", "pass"]);
    expect(await judged("half", 50)).to.deep.equal(["pass", "fail", "pass"]);
    // Nobody is left on the old side: there is nothing to compare with.
    expect(await judged("all", 100)).to.deep.equal(["pass", "unknown", "unknown"]);
  });

  it("refuses a weighted record beside the plain one until it was taken over, and a plain one beside weighted ones", async () => {
    const sandbox = await sandboxIn(tempFolder());
    const backend = await sandbox.open(STACK);
    expect(await refusal(backend.create(RECORD, weighted("new-infra", 0)))).to.contain("InvalidChangeBatch");
    await (await sandbox.target(STACK, () => CONFIG)).cloud.adoptRecord(effect("adopt"));
    await backend.create(RECORD, weighted("new-infra", 0));
    const { setIdentifier: _, weightedRoutingPolicies: __, ...plain } = weighted("x", 0);
    expect(await refusal(backend.create(RECORD, plain))).to.contain("InvalidChangeBatch");
  });

  it("refuses a name that is taken, a missing namespace and a missing secret key", async () => {
    const backend = await (await sandboxIn(tempFolder())).open(STACK);
    await backend.create(INSTANCE, replica);
    expect(await refusal(backend.create(INSTANCE, replica))).to.contain("DBInstanceAlreadyExists");
    const service = { type: "kubernetes:core/v1:Service", urn: "u" };
    expect(await refusal(backend.create(service, { metadata: { name: "a", namespace: "nowhere" } }))).to.equal(
      'namespaces "nowhere" not found',
    );
    const pods = {
      metadata: { name: "a", namespace: "production" },
      spec: { template: { spec: { containers: [{ env: [{ valueFrom: { secretKeyRef: { name: "s", key: "k" } } }] }] } } },
    };
    expect(await refusal(backend.create({ type: "kubernetes:apps/v1:Deployment", urn: "u" }, pods))).to.contain(
      "couldn't find key k in Secret production/s",
    );
  });

  it("[applications-14] promise 12: a web process that may run only once answers where it runs and nowhere else, and never on both sides", async () => {
    const config = readConfig(patched(WITH_WEB_ONCE, { "workload.deployed": true, "application.criticality": "low" }), "test", STACK);
    const sandbox = await Sandbox.open({ folder: tempFolder(), seed: 1, faults: {}, config: async () => config });
    const backend = await sandbox.open(STACK);
    const { fleet, cluster, observer, clock } = await sandbox.target(STACK, () => config);
    const ref = { type: "kubernetes:apps/v1:Deployment", urn: "urn:web" };
    const web = (replicas: number) => ({ metadata: { name: "web-api", namespace: "production" }, spec: { replicas, template: {} } });
    const seen = async (name: "pods-ready" | "once-ready" | "old-once-running" | "new-once-running", side?: "old" | "new") => {
      const { reading } = await observer.observe(name, side, 300);
      return reading.known ? reading.value : reading.reason;
    };
    const errors = async (side: "old" | "new") => {
      const { reading } = await observer.observe("error-rate", side, 300);
      return reading.known ? reading.value : reading.reason;
    };
    await backend.create(ref, web(0));
    expect(await seen("pods-ready")).to.equal(0);
    expect(await seen("new-once-running")).to.equal(0);
    expect(await errors("old")).to.be.below(0.1);
    expect(await refusal(cluster.smokeTest(effect("smoke")))).to.contain("are not ready");
    expect((await observer.observe("targets-healthy", undefined, 300)).reading.known).to.equal(false);
    await fleet.stopOnce(effect("stop"));
    // Users are still sent there, and nobody answers.
    expect(await errors("old")).to.equal(1);
    expect(await seen("old-once-running")).to.equal(1);
    await clock.sleepUntil(clock.now() + 31_000);
    expect(await seen("old-once-running")).to.equal(0);
    const began = clock.now();
    await backend.update(ref, "production/web-api", web(0), web(1));
    expect(clock.now() - began, "a pod takes its time to start").to.be.at.least(30_000);
    expect(await seen("new-once-running")).to.be.at.least(1);
    expect(await sandbox.violations(STACK)).to.deep.equal([]);
    await cluster.stopOnce(effect("stop here"));
    await backend.update(ref, "production/web-api", web(1), web(0));
    await fleet.startOnce([], effect("start"));
    expect(await errors("old")).to.be.below(0.1);
    expect(await sandbox.violations(STACK)).to.deep.equal([]);
    // Whoever starts it here now has two of it.
    await backend.update(ref, "production/web-api", web(0), web(1));
    expect(await sandbox.violations(STACK)).to.deep.equal(["promise 12: ran twice: web, on both sides at once"]);
  });

  it("promise 6: does an effect once a key, and answers the same again", async () => {
    const folder = tempFolder();
    const first = (await (await sandboxIn(folder)).target(STACK, () => CONFIG)).fleet;
    const answer = await first.setMaintenance(true, effect("k"));
    // Another process over the same world.
    const sandbox = await sandboxIn(folder);
    expect(await (await sandbox.target(STACK, () => CONFIG)).fleet.setMaintenance(true, effect("k"))).to.deep.equal(answer);
    expect((await sandbox.effects(STACK)).map((e) => e.kind)).to.deep.equal(["fleet:MaintenanceOn"]);
  });

  it("promise 6: refuses a runner whose lease was lost", async () => {
    const { fleet } = await (await sandboxIn(tempFolder())).target(STACK, () => CONFIG);
    await fleet.setMaintenance(true, effect("a", 2));
    expect(await fleet.setMaintenance(false, effect("b", 1)).catch((e) => e)).to.be.instanceOf(Conflict);
  });

  it("promise 10: measures nothing where there is nothing to measure", async () => {
    const { observer } = await (await sandboxIn(tempFolder())).target(STACK, () => CONFIG);
    expect((await observer.observe("replica-lag", undefined, 300)).reading).to.deep.equal({ known: false, reason: "there is no replica" });
    expect((await observer.observe("error-rate", "new", 300)).reading).to.deep.equal({ known: false, reason: "no requests in the window" });
    expect((await observer.observe("targets-healthy", undefined, 300)).reading).to.deep.equal({
      known: false,
      reason: "there is no load balancer",
    });
  });

  it("promise 11: shows a weight at the name servers only after it has propagated", async () => {
    const sandbox = await sandboxIn(tempFolder());
    const backend = await sandbox.open(STACK);
    const { cloud, clock, observer } = await sandbox.target(STACK, () => CONFIG);
    await cloud.adoptRecord(effect("adopt"));
    const { id } = await backend.create(RECORD, weighted("new-infra", 0));
    await clock.sleepUntil(clock.now() + 600_000);
    await backend.update(RECORD, id, {}, weighted("new-infra", 25));
    expect((await observer.observe("dns-weight-new", undefined, 300)).reading).to.deep.equal({ known: true, value: 0 });
    await clock.sleepUntil(clock.now() + 61_000);
    expect((await observer.observe("dns-weight-new", undefined, 300)).reading).to.deep.equal({ known: true, value: 25 });
  });

  it("walks a canary through its weights, and lets its pauses be ended and the whole be aborted", async () => {
    const raw = { ...RAW, "cutover:strategy": { kind: "canary", image: "example.org/web-api:1.1.0" } };
    const config = readConfig(raw, "test", STACK);
    const sandbox = await Sandbox.open({ folder: tempFolder(), config: async () => config });
    const backend = await sandbox.open(STACK);
    const { cluster, clock, observer } = await sandbox.target(STACK, () => config);
    const weight = async () => (await observer.observe("rollout-weight", undefined, 300)).reading;
    const ref = { type: "kubernetes:argoproj.io/v1alpha1:Rollout", urn: "urn:rollout" };
    const rollout = (image: string) => ({
      metadata: { name: "web-api", namespace: "production" },
      spec: {
        strategy: { canary: { steps: [20, 40].flatMap((setWeight) => [{ setWeight }, { pause: { duration: "300s" } }]) } },
        template: { spec: { containers: [{ name: "web-api", image }] } },
      },
    });
    const { id } = await backend.create(ref, rollout("a:1"));
    expect(await weight()).to.deep.include({ value: 100 });
    expect(await refusal(cluster.rolloutPromote(effect("too early")))).to.contain("No canary is in a pause");
    await clock.sleepUntil(clock.now() + 1_000);
    await backend.update(ref, id, rollout("a:1"), rollout("a:2"));
    expect(await weight()).to.deep.include({ value: 20 });
    expect((await cluster.rolloutPromote(effect("first"))).summary).to.equal("The pause at 20 % was ended.");
    expect(await weight()).to.deep.include({ value: 40 });
    // The same key again changes nothing more.
    await cluster.rolloutPromote(effect("first"));
    expect(await weight()).to.deep.include({ value: 40 });
    await cluster.rolloutAbort(effect("abort"));
    expect(await weight()).to.deep.include({ value: 0 });
    await backend.update(ref, id, rollout("a:2"), rollout("a:3"));
    await clock.sleepUntil(clock.now() + 300_000);
    expect(await weight()).to.deep.include({ value: 40 });
    await clock.sleepUntil(clock.now() + 300_000);
    expect(await weight()).to.deep.include({ value: 100 });
  });

  it("is the same for the same seed, and another for another", async () => {
    const readings = async (seed: number) => {
      const { observer, clock } = await (await sandboxIn(tempFolder(), [], seed)).target(STACK, () => CONFIG);
      const found: unknown[] = [];
      for (let i = 0; i < 5; i += 1) {
        await clock.sleepUntil(clock.now() + 60_000);
        found.push((await observer.observe("latency-p95", "old", 300)).reading);
      }
      return found;
    };
    expect(await readings(7)).to.deep.equal(await readings(7));
    expect(await readings(7)).to.not.deep.equal(await readings(8));
  });

  it("keeps shares between 0 and 1 and moves them towards the weights", () => {
    const changes = fc.array(fc.record({ after: fc.integer({ min: 1, max: 7_200_000 }), value: fc.nat(100) }), { maxLength: 8 });
    fc.assert(
      fc.property(changes, fc.nat(7_200_000), (list, later) => {
        const state = newWorld(STACK, CONFIG, 1, []);
        let at = state.now;
        for (const c of list) {
          at += c.after;
          state.dns.push({ at, value: c.value });
        }
        const share = newShare(state, at + later);
        expect(share).to.be.within(0, 1);
        const last = list.at(-1);
        if (last !== undefined) expect(newShare(state, at + 36_000_000)).to.be.closeTo(last.value / 100, 0.001);
      }),
    );
    expect(noise(1, "a", 2)).to.be.within(0, 1);
  });

  it("promise 6: is not held by a process that was killed in the middle of a change", async () => {
    const folder = tempFolder();
    await mkdir(join(folder, "worlds"));
    const gone = spawnSync(process.execPath, ["--version"]).pid;
    await symlink(String(gone), join(folder, "worlds", `${STACK}.json.lock`));
    expect(await (await sandboxIn(folder)).effects(STACK)).to.deep.equal([]);
  });

  it("tells a world file that is damaged, and a folder that cannot be written", async () => {
    const folder = tempFolder();
    const sandbox = await sandboxIn(folder);
    await (await sandbox.target(STACK, () => CONFIG)).fleet.setMaintenance(true, effect("k"));
    await writeFile(join(folder, "worlds", `${STACK}.json`), "{");
    expect(await refusal((await sandboxIn(folder)).effects(STACK))).to.contain("no readable world");
    await writeFile(join(folder, "file"), "");
    expect(await refusal((await sandboxIn(join(folder, "file"))).effects(STACK))).to.match(/ENOTDIR|EEXIST/);
  });
});

describe("a fault", () => {
  it("is read by name and moment", () => {
    expect(parseFault("errors@25%")).to.deep.equal({ name: "errors", percent: 25, always: false, state: "waiting" });
    expect(parseFault("latency@green-50%*")).to.deep.equal({ name: "latency", percent: 50, of: "green", always: true, state: "waiting" });
    expect(parseFault("lag-spike@promotion").moment).to.equal("promotion");
  });
  for (const wrong of ["errors", "errors@", "errors@0%", "errors@101%", "errors@promotion", "lag-spike@25%", "gremlins@25%", ""]) {
    it(`refuses ${JSON.stringify(wrong)} and lists what there is`, () =>
      expect(() => parseFault(wrong)).to.throw(UserError, /accepted: errors@NN%/));
  }
});

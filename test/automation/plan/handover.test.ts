import { expect } from "chai";
import { configViolations } from "../../../src/automation/decide/promises.js";
import type { Migrations } from "../../../src/automation/migrations.js";
import { buildPlan } from "../../../src/automation/plan/plan.js";
import { ambiguousRuns, missedRuns, quietMoment } from "../../../src/automation/plan/quiet.js";
import { type ConfigPatch, patched, readConfig } from "../../../src/config/stackFile.js";
import { UserError } from "../../../src/errors.js";
import { known, type Reading, unknown } from "../../../src/ports/observations.js";
import { stateAfter } from "../history.js";
import { NO_FAULTS, RAW, STACK, WITH_PROCESSES, WITH_WEB_ONCE } from "../model.js";
import { type ModelParts, modelService } from "../modelService.js";

const PATCH: ConfigPatch = {
  processes: WITH_PROCESSES["cutover:processes"],
  handover: WITH_PROCESSES["cutover:handover"],
};
const config = (patch: ConfigPatch = {}) => readConfig(patched(WITH_PROCESSES, patch), "test", STACK);
const stepsOf = (patch: ConfigPatch = {}) => buildPlan(config(patch)).map((s) => s.id);

/** Lets people approve and go on until a step is done, or until nothing goes on any more. */
async function untilDone(service: Migrations, step: string): Promise<string> {
  for (let i = 0; i < 150; i += 1) {
    const state = await service.settled(STACK);
    const { plan } = await service.get(STACK);
    const at = plan[state.position]?.id ?? "";
    if (state.steps[step]?.status === "done" || state.status === "completed") return state.status;
    if (state.status === "approval") await service.command(STACK, { command: "approve", step: at }, "bob");
    else if (state.status === "ready") await service.command(STACK, { command: "advance", extent: "step" }, "alice");
    else return `${state.status} at ${at}: ${state.heldReason}`;
  }
  throw new Error(`${step} is not reached`);
}

const HANDED = /^(workers|once|catch)/;
/** What happened of the handover, in order. */
const handed = ({ world }: ModelParts) => world.effects.filter((e) => HANDED.test(e));

async function begun(): Promise<{ parts: ModelParts; service: Migrations }> {
  const parts = modelService({}, PATCH);
  const service = parts.start();
  await service.create(STACK, "alice");
  return { parts, service };
}

describe("the handover", () => {
  it("[applications-14] comes once users are on the new side, by share and then once, and not where there is no old side", () => {
    const all = stepsOf();
    expect(all.slice(all.indexOf("traffic.dns-100") + 1, all.indexOf("optimize.alerts"))).to.deep.equal([
      "traffic.workers-50",
      "traffic.old-workers-50",
      "traffic.workers-100",
      "traffic.old-workers-100",
      "traffic.workers-alone",
      "traffic.once-stop",
      "traffic.once-stopped",
      "traffic.once-start",
      "traffic.once-catch-up",
    ]);
    expect(all).to.include("rollout.release-migrate");
    const without = buildPlan(
      readConfig(patched(WITH_PROCESSES, { old: undefined, dns: undefined, database: undefined, "workload.secretEnv": {} }), "t", STACK),
    );
    expect(without.map((s) => s.id).filter((id) => /workers|once/.test(id))).to.deep.equal([]);
    // Nothing measures the queues: a person says so.
    const unmeasured = buildPlan(config({ "handover.queues": [] })).find((s) => s.id === "traffic.workers-alone");
    expect(unmeasured?.kind).to.equal("approval");
    expect(stepsOf({ processes: {}, handover: {} }).filter((id) => /workers|once|release/.test(id))).to.deep.equal([]);
  });

  it("[applications-14] promise 12: more here before there is less there; stopped, seen to be stopped, then started; and back as in a mirror", async () => {
    const { parts, service } = await begun();
    const before = await untilDone(service, "traffic.once-catch-up");
    expect(before).to.equal("ready");
    expect(handed(parts)).to.deep.equal(["workers 50", "workers 0", "once stops on old", "catch up"]);
    expect(parts.world).to.include({ onceOld: false, onceNew: true, oldWorkers: 0 });

    const { state, plan } = await service.get(STACK);
    const target = state.revisions.findLast(
      (r) => plan.findIndex((s) => s.id === r.step) < plan.findIndex((s) => s.id === "traffic.workers-50"),
    );
    await service.command(STACK, { command: "rollback", revision: target?.number ?? 0, why: "a test" }, "alice");
    await service.settled(STACK);
    expect(handed(parts).slice(4)).to.deep.equal([
      "once stops on new",
      "once stops on new",
      "once starts on old",
      "workers 50",
      "workers 100",
    ]);
    expect(parts.world).to.include({ onceOld: true, onceNew: false, oldWorkers: 100 });
    expect(parts.world.applied.handover).to.include({ once: "old", workers: 0 });
    expect(parts.world.violations).to.deep.equal([]);
    await service.close();
  });

  it("[applications-14] promise 12: an emergency sends users back first, and then goes the same way", async () => {
    const { parts, service } = await begun();
    await untilDone(service, "traffic.once-catch-up");
    const from = parts.world.effects.length;
    await service.command(STACK, { command: "emergency", why: "a test" }, "alice");
    await service.settled(STACK);
    const after = parts.world.effects.slice(from);
    expect(after[0]).to.equal("weights");
    expect(after.filter((e) => HANDED.test(e)).slice(-3)).to.deep.equal(["once starts on old", "workers 50", "workers 100"]);
    expect(parts.world).to.include({ onceOld: true, onceNew: false, oldWorkers: 100 });
    expect(parts.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    expect(parts.world.violations).to.deep.equal([]);
    await service.close();
  });

  const reading = (name: string, value: Reading) => ({
    ...NO_FAULTS,
    reading: (n: string) => (n === name ? value : undefined),
  });

  it("[applications-14] promise 12: what does not end on the old side is not started on the new one, and runs on the old one again", async () => {
    const { parts, service } = await begun();
    expect(await untilDone(service, "traffic.workers-alone")).to.equal("ready");
    parts.world.faults = reading("old-once-running", known(1));
    await untilDone(service, "traffic.once-start");
    expect(handed(parts)).to.not.include("catch up");
    expect(handed(parts).slice(-2)).to.deep.equal(["once stops on new", "once starts on old"]);
    expect(parts.world).to.include({ onceOld: true, onceNew: false });
    await service.close();
  });

  it("[applications-14] promise 12: nothing starts on the old side again while nobody knows whether the new side stands still", async () => {
    const { parts, service } = await begun();
    await untilDone(service, "traffic.once-catch-up");
    parts.world.faults = reading("new-once-running", unknown("the cluster does not answer"));
    await service.command(STACK, { command: "emergency", why: "a test" }, "alice");
    const { status, heldReason } = await service.settled(STACK);
    expect(status).to.equal("held");
    expect(heldReason).to.contain("may still run on the new side: the cluster does not answer");
    expect(parts.world).to.include({ onceOld: false });
    // Users wait for none of it.
    expect(parts.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    parts.world.faults = NO_FAULTS;
    await service.command(STACK, { command: "resume" }, "alice");
    await service.settled(STACK);
    expect(parts.world).to.include({ onceOld: true, onceNew: false, oldWorkers: 100 });
    await service.close();
  });

  it("[applications-14] a queue that ages, or dead letters, end the step that brought them: the new side's workers go", async () => {
    const { parts, service } = await begun();
    await untilDone(service, "traffic.dns-100");
    parts.world.faults = reading("dead-letters", known(7));
    await untilDone(service, "traffic.old-workers-50");
    expect(parts.world.applied.handover.workers).to.equal(0);
    expect(parts.world.oldWorkers).to.equal(100);
    await service.close();
  });

  it("waits for a moment without a schedule near it, and says which runs are due or in doubt", async () => {
    const quarterly = config();
    let now = Date.parse("2026-01-05T10:14:30Z");
    const clock = {
      now: () => now,
      sleepUntil: async (until: number) => {
        now = Math.max(now, until);
      },
    };
    expect(new Date(await quietMoment(clock, quarterly)).toISOString()).to.equal("2026-01-05T10:16:00.001Z");
    // Every minute: a quarter of it is all the distance there is.
    const minutely = config({ "processes.reports.schedule": "* * * * *" });
    now = Date.parse("2026-01-05T10:14:50Z");
    const quiet = await quietMoment(clock, minutely);
    expect(new Date(quiet).toISOString()).to.equal("2026-01-05T10:15:15.001Z");
    expect(ambiguousRuns(minutely, quiet, quiet + 20_000)).to.deep.equal([]);
    expect(ambiguousRuns(minutely, quiet, quiet + 50_000)).to.have.length(1);
    expect(
      missedRuns(quarterly, Date.parse("2026-01-05T10:16Z"), Date.parse("2026-01-05T10:50Z")).map((m) => new Date(m.at).toISOString()),
    ).to.deep.equal(["2026-01-05T10:30:00.000Z", "2026-01-05T10:45:00.000Z"]);
  });
});

describe("a web process that may run only once", () => {
  const WEB: ConfigPatch = {
    ...PATCH,
    workload: WITH_WEB_ONCE["cutover:workload"],
    strategy: WITH_WEB_ONCE["cutover:strategy"],
    dns: WITH_WEB_ONCE["cutover:dns"],
  };
  const plan = () => buildPlan(readConfig(WITH_WEB_ONCE, "test", STACK));
  const MOVED = /^(once|weights|update)/;

  async function at(step: string): Promise<{ parts: ModelParts; service: Migrations }> {
    const parts = modelService({}, WEB);
    const service = parts.start();
    await service.create(STACK, "alice");
    expect(await untilDone(service, step)).to.equal("ready");
    return { parts, service };
  }

  it("[applications-14] moves with its users in one step of the same window, with no weight in between", () => {
    const ids = plan().map((s) => s.id);
    expect(ids.slice(ids.indexOf("traffic.emergency-exit") + 1, ids.indexOf("optimize.alerts"))).to.deep.equal([
      "traffic.once-stop",
      "traffic.once-stopped",
      "traffic.once-start",
      "traffic.once-catch-up",
      "traffic.workers-50",
      "traffic.old-workers-50",
      "traffic.workers-100",
      "traffic.old-workers-100",
      "traffic.workers-alone",
    ]);
    const start = plan().find((s) => s.id === "traffic.once-start");
    const current = readConfig(WITH_WEB_ONCE, "test", STACK);
    expect(start?.kind === "config" && start.change(current)).to.deep.equal({
      "handover.once": "new",
      "dns.weights": { old: 0, new: 100 },
    });
    expect(start).to.include({ undoFrom: "traffic.once-stop" });
    // Nothing answers before it has moved: nothing is asked, and nothing of it is scaled after.
    expect(ids).to.not.include.members(["traffic.probe", "rollout.smoke", "rollout.synthetic-on", "database.smoke", "optimize.hpa"]);
    expect(buildPlan(readConfig(RAW, "test", STACK)).map((s) => s.id)).to.include.members([
      "traffic.probe",
      "rollout.smoke",
      "optimize.hpa",
    ]);
    const early = plan().slice(0, ids.indexOf("traffic.once-stop"));
    expect(early.flatMap((s) => ("gates" in s ? s.gates.map((g) => g.gate) : []))).to.not.include("targets-healthy");
    // Staging has no other side: there it is as always.
    const staging = buildPlan(
      readConfig(patched(WITH_WEB_ONCE, { old: undefined, dns: undefined, database: undefined, "workload.secretEnv": {} }), "t", STACK),
    ).map((s) => s.id);
    expect(staging).to.include("rollout.smoke");
    expect(staging.filter((id) => /once/.test(id))).to.deep.equal([]);
  });

  it("[applications-14] promise 12: going back from the new side is the mirror image: the weights, stopped here, then started there", async () => {
    const { parts, service } = await at("traffic.once-catch-up");
    expect(parts.world).to.include({ onceOld: false, onceNew: true });
    expect(parts.world.applied.dns?.weights).to.deep.equal({ old: 0, new: 100 });
    const { state } = await service.get(STACK);
    const from = parts.world.effects.length;
    const before = state.revisions.findLast((r) => r.step === "traffic.new-record");
    await service.command(STACK, { command: "rollback", revision: before?.number ?? 0, why: "a test" }, "alice");
    await service.settled(STACK);
    expect(parts.world.effects.slice(from).filter((e) => MOVED.test(e))).to.deep.equal([
      "weights",
      "once stops on new",
      "once stops on new",
      "once starts on old",
    ]);
    expect(parts.world).to.include({ onceOld: true, onceNew: false });
    expect(parts.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    expect(parts.world.violations).to.deep.equal([]);
    await service.close();
  });

  it("[applications-14] promise 12: an emergency, with users on neither side's process, starts it on the old one again", async () => {
    for (const step of ["traffic.once-stopped", "traffic.once-start"]) {
      const { parts, service } = await at(step);
      await service.command(STACK, { command: "emergency", why: "a test", insist: true }, "alice");
      await service.settled(STACK);
      expect(parts.world, step).to.include({ onceOld: true, onceNew: false });
      expect(parts.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
      expect(parts.world.violations).to.deep.equal([]);
      await service.close();
    }
  });

  it("[applications-14] promise 12: users who see errors after they moved are back at a process that runs, by itself", async () => {
    const { parts, service } = await at("traffic.once-stopped");
    parts.world.faults = { ...NO_FAULTS, reading: (name) => (name === "error-rate" ? known(0.5) : undefined) };
    // Both sides answer errors, the old one because it is stopped: that is no reason to stay.
    await service.command(STACK, { command: "advance", extent: "step" }, "alice");
    await service.settled(STACK);
    const { state } = await service.get(STACK);
    expect(state.steps["traffic.once-start"]?.status).to.equal("undone");
    expect(state.steps["traffic.once-stop"]?.status).to.equal("undone");
    expect(parts.world).to.include({ onceOld: true, onceNew: false });
    expect(parts.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    expect(parts.world.violations).to.deep.equal([]);
    await service.close();
  });

  it("[applications-14] moves in one step too where users keep the load balancer that they have", () => {
    const lb = "arn:aws:elasticloadbalancing:us-east-2:123456789012";
    const groups = readConfig(
      patched(WITH_WEB_ONCE, {
        dns: undefined,
        traffic: {
          kind: "target-groups",
          listenerArn: `${lb}:listener/app/old-web-api/50dc6c495c0c9188/f2f7dc8efc522ab2`,
          priority: 10,
          oldTargetGroupArn: `${lb}:targetgroup/old-web-api/73e2d6bc24d8a067`,
          steps: [100],
        },
      }),
      "test",
      STACK,
    );
    const steps = buildPlan(groups);
    const ids = steps.map((s) => s.id);
    expect(ids.slice(ids.indexOf("traffic.rule"), ids.indexOf("traffic.once-catch-up"))).to.deep.equal([
      "traffic.rule",
      "traffic.new-group",
      "traffic.emergency-exit",
      "traffic.once-stop",
      "traffic.once-stopped",
      "traffic.once-start",
    ]);
    const start = steps.find((s) => s.id === "traffic.once-start");
    expect(start?.kind === "config" && start.change(groups)).to.deep.equal({
      "handover.once": "new",
      "traffic.weights": { old: 0, new: 100 },
    });
    expect(start?.kind === "config" && start.gates.map((g) => g.gate)).to.include.members([
      "once-ready",
      "group-weight",
      "targets-healthy",
    ]);
  });

  it("[applications-14] has no ramp that could be tuned", async () => {
    const { service } = await at("traffic.new-record");
    const tune = { command: "tune", changes: { "dns.steps": [25, 100] }, why: "a test" } as const;
    const error = await service.command(STACK, tune, "alice").catch((e: unknown) => e);
    expect(error).to.be.instanceOf(UserError);
    expect((error as UserError).issues[0]).to.include({ path: "changes.dns.steps", got: "a path that cannot be tuned" });
    await service.close();
  });

  it("[applications-14] promise 12: users and their process are not parted by a step of either kind", () => {
    const before = readConfig(
      patched(WITH_WEB_ONCE, { "workload.deployed": true, "dns.records": "both", "dns.weights": { old: 100, new: 0 } }),
      "test",
      STACK,
    );
    const parted = (patch: ConfigPatch) =>
      configViolations(
        stateAfter(WITH_WEB_ONCE, "containerize.deploy"),
        before,
        readConfig(patched(WITH_WEB_ONCE, { "workload.deployed": true, "dns.records": "both", ...patch }), "test", STACK),
        plan().find((s) => s.id === "traffic.once-start"),
      )
        .filter((v) => /move in one step/.test(v.what))
        .map((v) => v.promise);
    expect(parted({ "dns.weights": { old: 0, new: 100 } })).to.deep.equal([12]);
    expect(parted({ "handover.once": "new", "dns.weights": { old: 100, new: 0 } })).to.deep.equal([12]);
    expect(parted({ "handover.once": "new", "dns.weights": { old: 0, new: 100 } })).to.deep.equal([]);
  });
});

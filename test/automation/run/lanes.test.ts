import { expect } from "chai";
import { PROVIDERS } from "../../../src/adapters/providers.js";
import { StackDriver } from "../../../src/automation/engine/driver.js";
import type { Recorded } from "../../../src/automation/journal/entries.js";
import { type Weights, weightsOf } from "../../../src/automation/run/sendBack.js";
import { Conflict } from "../../../src/errors.js";
import { known } from "../../../src/ports/observations.js";
import { afterThisTest } from "../../support/cleanup.js";
import { foreignLock } from "../../support/foreignLock.js";
import { peopleOf } from "../../support/people.js";
import { tempFolder } from "../../support/tmp.js";
import { STACK } from "../model.js";
import { modelService } from "../modelService.js";

const OLD = { old: 100, new: 0 };
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for a condition; the test's own deadline ends it. */
async function until(there: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await there())) await pause(10);
}

/** The real driver's look at locks, over a backend of the engine. */
const locksOf = (backend: string) =>
  new StackDriver({
    projectDir: ".",
    stacksFolder: ".",
    scratch: ".",
    project: "cutover",
    program: "",
    environment: { env: {}, providers: PROVIDERS, findCreated: async () => undefined },
    env: { PULUMI_BACKEND_URL: backend },
    lockPatienceMs: 20,
  });

/** A folder of the engine in which another host holds the stack's lock. */
async function locked(): Promise<{ backend: string; free: () => Promise<void> }> {
  const root = tempFolder("backend");
  return { backend: `file://${root}`, free: await foreignLock(root, STACK) };
}

describe("the lane of what leads back", function () {
  this.timeout(120_000);

  /** Users are on both sides, and the next step is the last weight. */
  async function withUsers() {
    const parts = modelService();
    let locks: StackDriver | undefined;
    const driver: typeof parts.driver = {
      ...parts.driver,
      clearDeadLocks: async (...args) => (locks === undefined ? [] : locks.clearDeadLocks(...args)),
      cancel: (stack) => locks?.cancel(stack),
    };
    const service = parts.start({ driver, sweepMs: 20 });
    afterThisTest(() => service.close().then(() => undefined));
    const people = peopleOf(service, STACK);
    await people.standBefore("traffic.dns-100");
    const entries = async <T extends Recorded["type"]>(type: T) =>
      (await parts.store.entries(STACK)).filter((e): e is Extract<Recorded, { type: T }> => e.type === type);
    const state = async () => (await service.get(STACK)).state;
    const use = (backend: string): void => {
      locks = locksOf(backend);
    };
    return { ...parts, driver, service, ...people, entries, state, use };
  }

  it("[safety-1] an emergency sets the weights while another host holds the engine's lock, and ends once that is gone", async () => {
    const { world, service, state, entries, use } = await withUsers();
    const { backend, free } = await locked();
    use(backend);
    expect(world.applied.dns?.weights).to.deep.equal({ old: 75, new: 25 });
    await service.command(STACK, { command: "emergency", why: "errors" }, "alice");
    expect(world.applied.dns?.weights).to.deep.equal(OLD);
    // More often than a failure may be tried.
    await until(async () => (await entries("update.failed")).filter((e) => e.conflict === true).length > 6);
    expect(await state()).to.include({ status: "returning" });
    expect((await entries("update.failed")).at(-1)?.error).to.contain("is locked by process 7 of ops on a-laptop");
    expect(world.applied.dns?.weights).to.deep.equal(OLD);
    await free();
    await until(async () => (await state()).status === "held");
    expect((await state()).heldReason).to.contain("Went back to revision");
    expect(world.violations).to.deep.equal([]);
  });

  it("[safety-1] an emergency sets the weights while the engine's bucket cannot be reached", async () => {
    const { world, service, state, entries, use } = await withUsers();
    use("s3://state?region=us-east-2&endpoint=127.0.0.1:1&disableSSL=true&s3ForcePathStyle=true");
    const before = [process.env.AWS_ACCESS_KEY_ID, process.env.AWS_SECRET_ACCESS_KEY];
    process.env.AWS_ACCESS_KEY_ID = process.env.AWS_SECRET_ACCESS_KEY = "testing";
    try {
      await service.command(STACK, { command: "emergency", why: "errors" }, "alice");
      expect(world.applied.dns?.weights).to.deep.equal(OLD);
      // It spends no try of the way back, however long that takes, and says what is waited for.
      await until(async () => (await entries("update.failed")).filter((e) => e.conflict === true).length > 6);
      expect((await state()).status).to.equal("returning");
      expect((await state()).blocked?.why).to.contain("could not be listed");
      expect(world.applied.dns?.weights).to.deep.equal(OLD);
      use(`file://${tempFolder("reached-again")}`);
      await until(async () => (await state()).status === "held");
      expect((await state()).heldReason).to.contain("Went back to revision");
    } finally {
      for (const [i, name] of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].entries())
        if (before[i] === undefined) delete process.env[name];
        else process.env[name] = before[i];
    }
  });

  it("[safety-2] an automatic way back sends users back at once and outlasts a foreign lock: it spends no try", async () => {
    const { world, service, state, entries, use } = await withUsers();
    const { backend, free } = await locked();
    // The lock comes while the weights are watched.
    world.faults = {
      ...world.faults,
      reading: (name, side) => {
        if (name !== "error-rate" || side === "old") return undefined;
        use(backend);
        return known(0.6);
      },
    };
    await service.command(STACK, { command: "advance", extent: "step" }, "alice");
    await until(async () => (await entries("update.failed")).filter((e) => e.conflict === true).length > 6);
    expect((await entries("rollback.started")).at(-1)).to.include({ automatic: true });
    expect(world.applied.dns?.weights).to.deep.equal({ old: 75, new: 25 });
    expect(await state()).to.include({ status: "returning" });
    await free();
    await until(async () => (await state()).status === "held");
    expect((await state()).heldReason).to.contain("Went back to revision");
    expect(world.violations).to.deep.equal([]);
  });

  it("[safety-3] an alarm sends users back at once, past the update that is under way, which it interrupts", async () => {
    const { world, service, driver, state, entries } = await withUsers();
    let end = (): void => undefined;
    const under = new Promise<void>((resolve) => {
      end = resolve;
    });
    const { update } = driver;
    driver.update = async (...args) => {
      if (args[3]?.back !== true) await under;
      return update(...args);
    };
    driver.cancel = () => end();
    await service.command(STACK, { command: "advance", extent: "step" }, "alice");
    await until(async () => (await state()).intent !== undefined);
    world.faults = { ...world.faults, fail: (kind) => (kind === "update" && world.updates.length > 0 ? "transient" : undefined) };
    expect(await service.alarm(STACK, { id: "one", source: "Alertmanager", reason: "HighErrorRate" })).to.equal(true);
    expect(world.applied.dns?.weights.new, "before anything is waited for").to.be.at.most(25);
    world.faults = { ...world.faults, fail: () => undefined };
    await until(async () => (await state()).status === "held");
    expect((await entries("rollback.started")).at(-1)).to.include({ automatic: true });
    expect((await state()).heldReason).to.contain("HighErrorRate");
    expect(world.violations).to.deep.equal([]);
  });

  it("[safety-4] an alarm sends nobody by itself to a side that is known to be dead", async () => {
    const { world, service, state } = await withUsers();
    world.faults = { ...world.faults, reading: (name, side) => (name === "error-rate" && side === "old" ? known(1) : undefined) };
    await service.alarm(STACK, { id: "one", source: "Alertmanager", reason: "HighErrorRate" });
    await until(async () => (await state()).status === "held");
    expect(world.applied.dns?.weights).to.deep.equal({ old: 75, new: 25 });
    expect((await state()).heldReason).to.contain("the old side fails 100 % of its requests");
  });

  it("[safety-2] going forward waits for a foreign lock too, with the weights as they were, until it is gone", async () => {
    const { world, service, state, entries, use } = await withUsers();
    const { backend, free } = await locked();
    use(backend);
    await service.command(STACK, { command: "advance", extent: "step" }, "alice");
    await until(async () => (await entries("update.failed")).filter((e) => e.conflict === true).length > 6);
    expect(await state()).to.include({ status: "running" });
    expect(world.applied.dns?.weights, "nobody watches users who would be sent there").to.deep.equal({ old: 75, new: 25 });
    await free();
    await until(async () => (await state()).steps["traffic.dns-100"]?.status === "done");
    expect(world.applied.dns?.weights).to.deep.equal({ old: 0, new: 100 });
  });

  it("[safety-3] an emergency does not wait for the update that is under way, and interrupts it", async () => {
    const { world, driver, service, state } = await withUsers();
    let release = (): void => undefined;
    let cancelled = 0;
    const update = driver.update;
    driver.update = async (...args) => {
      if (cancelled === 0) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        throw new Error("the engine was interrupted");
      }
      return update(...args);
    };
    driver.cancel = () => {
      cancelled += 1;
    };
    await service.command(STACK, { command: "advance", extent: "step" }, "alice");
    await until(async () => (await state()).intent !== undefined);
    await service.command(STACK, { command: "emergency", why: "errors" }, "alice");
    expect(cancelled, "interrupted").to.equal(1);
    expect(world.applied.dns?.weights, "while the engine is still at work").to.deep.equal(OLD);
    expect((await state()).intent).to.not.equal(undefined);
    release();
    await until(async () => (await state()).status === "held");
    expect(world.applied.dns?.weights).to.deep.equal(OLD);
  });

  const dead = (errors: { old: number; new: number }) => (name: string, side: string | undefined) =>
    name === "error-rate" ? known(side === "old" ? errors.old : errors.new) : undefined;

  it("[providers-7] every move of users is one batch before the engine changes one record after the other: forward, back, and automatically", async () => {
    const { world, driver, say, state, entries } = await withUsers();
    const moves: { from: Weights | undefined; wanted: Weights; shown: Weights | undefined }[] = [];
    const { update } = driver;
    let before = world.applied.dns?.weights;
    driver.update = async (stack, config, ...rest) => {
      const wanted = weightsOf(config);
      const { dns } = world.applied;
      if (wanted !== undefined && dns?.records === "both") moves.push({ from: before, wanted, shown: dns.weights });
      const done = await update(stack, config, ...rest);
      before = world.applied.dns?.weights;
      return done;
    };
    await say({ command: "advance", extent: "step" });
    const to = (await state()).revisions.findLast((r) => weightsOf(r.config)?.new === 25)?.number ?? 0;
    await say({ command: "rollback", revision: to, why: "a look" });
    world.faults = { ...world.faults, reading: (name, side) => (name === "error-rate" && side === "new" ? known(0.6) : undefined) };
    await say({ command: "resume" });
    expect((await entries("rollback.started")).map((e) => e.automatic)).to.deep.equal([false, true]);
    const key = ({ old, new: fresh }: Weights = { old: -1, new: -1 }) => `${old}/${fresh}`;
    const moved = moves.filter((m) => key(m.from) !== key(m.wanted)).map((m) => `${key(m.from)} to ${key(m.wanted)}`);
    expect(moved).to.deep.equal(["75/25 to 0/100", "0/100 to 75/25", "75/25 to 0/100", "0/100 to 75/25"]);
    expect(moves.filter((m) => key(m.shown) !== key(m.wanted))).to.deep.equal([]);
    expect(world.violations).to.deep.equal([]);
  });

  it("[safety-4] nobody is sent to a side that is known to be no better: by itself not at all, by a person who insists", async () => {
    const { world, service, state, say } = await withUsers();
    world.faults = { ...world.faults, reading: dead({ old: 1, new: 0.06 }) };
    expect((await say({ command: "advance", extent: "step" })).heldReason).to.contain(
      "It does not go back automatically: the old side fails 100 % of its requests, the new side 6 %",
    );
    expect(world.applied.dns?.weights).to.deep.equal({ old: 0, new: 100 });
    for (const command of [
      { command: "emergency", why: "errors" },
      { command: "rollback", revision: 0, why: "errors" },
      { command: "abort", why: "errors" },
    ] as const) {
      const refused = await service.command(STACK, command, "alice").catch((e) => e);
      expect(refused).to.be.instanceOf(Conflict).with.property("next").that.contains("insist");
    }
    expect(world.applied.dns?.weights).to.deep.equal({ old: 0, new: 100 });
    await service.command(STACK, { command: "emergency", why: "errors", insist: true }, "alice");
    expect(world.applied.dns?.weights).to.deep.equal(OLD);
    await until(async () => (await state()).status === "held" && (await state()).returning === undefined);
    expect(world.violations).to.deep.equal([]);
  });

  it("[safety-4] a side without a healthy target is dead, and one that nobody can say anything of is no reason to wait", async () => {
    const { world, service } = await withUsers();
    world.faults = { ...world.faults, reading: (name) => (name === "old-targets-healthy" ? known(0) : undefined) };
    expect(await service.command(STACK, { command: "emergency", why: "errors" }, "alice").catch((e: Error) => e.message)).to.contain(
      "none of the old load balancer's targets is healthy",
    );
    world.faults = {
      ...world.faults,
      reading: (name, side) =>
        name === "old-targets-healthy" || (name === "error-rate" && side === "old") ? { known: false, reason: "no answer" } : undefined,
    };
    await service.command(STACK, { command: "emergency", why: "errors" }, "alice");
    expect(world.applied.dns?.weights).to.deep.equal(OLD);
  });
});

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { drive } from "../../bench/harness/people.js";
import { engineLocks } from "../../src/automation/engine/locks.js";
import { lockPlace } from "../../src/engine/lockPlaces.js";
import type { OpenSandbox } from "../../src/sandbox/open.js";
import { spawnForTest } from "../support/processes.js";
import { inSandbox, requireEngine } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";

const STAGING = "web-api-staging";
const PRODUCTION = "web-api-production";
const REPLICA = "aws:rds/instance:Instance";
const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
const OLD_IMAGE = "ghcr.io/your-org/web-api:1.0.0";
const NEW_IMAGE = "ghcr.io/your-org/web-api:1.1.0";
/** The step after the replica's creation. */
const AFTER = "database.test-replica";

const notesOf = async ({ migrations }: OpenSandbox, stack: string): Promise<string[]> =>
  (await migrations.journal(stack)).flatMap((e) => (e.type === "runner.recovered" ? [e.note] : []));

/** The replica is there, made once, and the engine and its state agree with that. */
async function requireReplicaMadeOnce(open: OpenSandbox, failure: RegExp): Promise<void> {
  const entries = await open.migrations.journal(PRODUCTION);
  const failed = entries.flatMap((e) => (e.type === "update.failed" ? [e] : []));
  expect(failed.map((e) => [e.transient, e.unsettled])).to.deep.equal([[true, true]]);
  expect(failed[0]?.error).to.match(failure);
  expect((await notesOf(open, PRODUCTION)).join("\n")).to.contain("web-api had been created as prod-db-replica; it was taken over.");
  expect(entries.filter((e) => e.type === "rollback.started")).to.deep.equal([]);
  const made = (await open.sandbox.effects(PRODUCTION)).filter((e) => e.kind === "rds:CreateDBInstanceReadReplica");
  expect(made).to.have.length(1);
  expect(await open.driver.inSync(PRODUCTION)).to.equal(true);
  expect(await open.sandbox.violations(PRODUCTION)).to.deep.equal([]);
}

describe("promise 6: what was done though nobody was told", function () {
  this.timeout(300_000);

  it("by an engine that was killed while the service lives is taken over before the update is made again", function () {
    return inSandbox(this, "killed-engine", async (open) => {
      const world = await open.sandbox.open(PRODUCTION);
      const create = world.create.bind(world);
      const place = lockPlace(open.env.PULUMI_BACKEND_URL ?? "");
      let killed = 0;
      world.create = async (ref, inputs) => {
        const made = await create(ref, inputs);
        if (ref.type !== REPLICA || killed > 0 || place === undefined) return made;
        const [lock] = await engineLocks(place, "cutover", PRODUCTION);
        killed = lock?.pid ?? 0;
        process.kill(killed, "SIGKILL");
        return new Promise(() => undefined);
      };
      await drive(open.migrations, STAGING, "end");
      await drive(open.migrations, PRODUCTION, AFTER);
      expect(killed).to.be.greaterThan(0);
      await requireReplicaMadeOnce(open, /its engine was ended by SIGKILL\.$/);
    });
  });

  it("by a provider that died is taken over before the update is made again", async function () {
    await requireEngine(this);
    const state = tempFolder("dead-provider");
    const faults = { [PRODUCTION]: ["crash@rds:CreateDBInstanceReadReplica"] };
    const script = fileURLToPath(import.meta.resolve("../../bench/harness/providers.js"));
    const start = async (port?: number): Promise<{ child: ChildProcess; env: Record<string, string> }> => {
      const task = { state, stacksFolder: join(state, "stacks"), faults, port };
      const child = spawnForTest(process.execPath, [script, JSON.stringify(task)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
      const [env] = (await once(child, "message")) as [Record<string, string>];
      return { child, env };
    };
    const { child, env } = await start();
    const port = Number(/:(\d+)/.exec(env.PULUMI_DEBUG_PROVIDERS ?? "")?.[1]);
    // An engine starts its providers again.
    const died = once(child, "exit").then(async ([, signal]) => {
      await start(port);
      return signal as string;
    });
    await inSandbox(
      this,
      "dead-provider",
      async (open) => {
        await drive(open.migrations, STAGING, "end");
        await drive(open.migrations, PRODUCTION, AFTER);
        expect(await died).to.equal("SIGKILL");
        await requireReplicaMadeOnce(open, /error reading from server/);
      },
      { state, faults, providers: env },
    );
  });

  it("is taken back too when the step goes back, though the engine believed that nothing had changed", function () {
    return inSandbox(this, "lost-answers", async (open) => {
      const world = await open.sandbox.open(STAGING);
      const update = world.update.bind(world);
      let losing = true;
      world.update = async (ref, id, olds, news) => {
        const done = await update(ref, id, olds, news);
        if (losing && ref.type === DEPLOYMENT) throw new Error("the answer could not be read: unexpected end of JSON input");
        return done;
      };
      const image = async (): Promise<string> => {
        const deployment = await world.read({ urn: "", type: DEPLOYMENT }, "staging/web-api");
        return /"image":"([^"]+)"/.exec(JSON.stringify(deployment?.inputs))?.[1] ?? "";
      };
      await drive(open.migrations, STAGING, "rollout.update");
      const before = await image();
      await open.migrations.command(STAGING, { command: "advance", extent: "step" }, "alice");
      // The update of the way back is answered no better, but what it had to change was known by then.
      expect((await open.migrations.settled(STAGING)).status).to.equal("held");
      expect([before, await image()]).to.deep.equal([OLD_IMAGE, OLD_IMAGE]);
      losing = false;
      // To the end of the way back, and forward again.
      for (let i = 0; i < 2; i += 1) {
        await open.migrations.command(STAGING, { command: "resume" }, "alice");
        await open.migrations.settled(STAGING);
      }
      await drive(open.migrations, STAGING, "end");
      expect(await image()).to.equal(NEW_IMAGE);
      expect((await notesOf(open, STAGING)).filter((n) => n === "What an unfinished update had begun was settled.")).to.have.length(2);
      expect(await open.driver.inSync(STAGING)).to.equal(true);
    });
  });
});

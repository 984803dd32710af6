import { writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { PROVIDERS } from "../../../src/adapters/providers.js";
import { type Deadlines, defaultDeadlines, inTime, Late } from "../../../src/automation/engine/deadline.js";
import { Cancelled, StackDriver } from "../../../src/automation/engine/driver.js";
import { enginesOf } from "../../../src/automation/engine/memory.js";
import { StackFile } from "../../../src/config/stackFile.js";
import { Transient, UserError } from "../../../src/errors.js";
import type { OpenSandbox } from "../../../src/sandbox/open.js";
import { startProviderHost } from "../../../src/sandbox/provider/host.js";
import { inSandbox } from "../../support/sandbox.js";
import { tempFolder } from "../../support/tmp.js";

const STACK = "web-api-staging";
const never = <T>() => new Promise<T>(() => undefined);
const failure = (call: Promise<unknown>): Promise<unknown> => call.then(() => undefined).catch((error: unknown) => error);

/** A driver over the same stacks, with deadlines or another far side or program of its own. */
const driverOf = ({ project, env, sandbox }: OpenSandbox, deadlines: Deadlines, program: string, far: Record<string, string> = {}) =>
  new StackDriver({
    projectDir: project.folder,
    stacksFolder: project.stacksFolder,
    scratch: tempFolder("scratch"),
    project: project.name,
    program: import.meta.resolve(program),
    env: project.env,
    environment: { env: { ...env, ...far }, providers: PROVIDERS, findCreated: (...asked) => sandbox.findCreated(...asked) },
    deadlines,
  });

const PROGRAM = "../../../src/program.js";

describe("an engine that does not end", function () {
  this.timeout(240_000);

  it("is asked to stop, then to end at once, and is not waited for any longer after that", async () => {
    let asked = 0;
    const stop = (): void => {
      asked += 1;
    };
    const error = await failure(inTime("The update", 5, 5, { stop }, never));
    expect(error).to.be.instanceOf(Late).and.to.be.instanceOf(Transient);
    expect(asked).to.equal(2);
  });

  it("is late as well when it ends once it is asked, and whatever ends in time is left alone", async () => {
    let fail: (error: Error) => void = () => undefined;
    const ends = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const stop = () => fail(new Error("stopped"));
    expect(await failure(inTime("The update", 5, 60_000, { stop }, () => ends))).to.be.instanceOf(Late);
    expect(await inTime("The update", 60_000, 5, { stop: () => expect.fail("asked to stop") }, async () => 42)).to.equal(42);
    const own = new Error("of its own");
    expect(await failure(inTime("The update", 60_000, 5, { stop: () => undefined }, () => Promise.reject(own)))).to.equal(own);
  });

  it("[safety-3] in the way of going back: is asked to stop, asked again, then ended and not waited for", async () => {
    const asked: string[] = [];
    const interruption = new AbortController();
    const stopping = {
      stop: () => void asked.push("stop"),
      end: () => void asked.push("end"),
      interrupted: { signal: interruption.signal, everyMs: 5 },
    };
    const ended = failure(inTime("The update", 600_000, 60_000, stopping, never));
    interruption.abort();
    expect(await ended)
      .to.be.instanceOf(Transient)
      .and.to.not.be.instanceOf(Late);
    expect(asked).to.deep.equal(["stop", "stop", "end"]);
  });

  it("may take as long as the environment says", () => {
    const names = ["CUTOVER_UPDATE_DEADLINE_MINUTES", "CUTOVER_PREVIEW_DEADLINE_MINUTES"];
    try {
      expect(defaultDeadlines()).to.deep.include({ updateMs: 420 * 60_000, previewMs: 30 * 60_000 });
      process.env.CUTOVER_UPDATE_DEADLINE_MINUTES = "90";
      process.env.CUTOVER_PREVIEW_DEADLINE_MINUTES = "5";
      expect(defaultDeadlines()).to.deep.include({ updateMs: 90 * 60_000, previewMs: 5 * 60_000 });
      // More than a timer takes would stop every update at once.
      for (const wrong of ["1h", "0", "10081", "100000"]) {
        process.env.CUTOVER_UPDATE_DEADLINE_MINUTES = wrong;
        expect(defaultDeadlines, wrong).to.throw(UserError, "CUTOVER_UPDATE_DEADLINE_MINUTES");
      }
    } finally {
      for (const name of names) delete process.env[name];
    }
  });

  it("in the program: the update is stopped, leaves no lock, and goes through when it is done again", function () {
    return inSandbox(this, "late-program", async (open) => {
      const hold = join(tempFolder("hold"), "hold");
      process.env.CUTOVER_TEST_HOLD = hold;
      const held = driverOf(open, { updateMs: 2_000, previewMs: 2_000, stopMs: 60_000 }, "../../support/heldProgram.js");
      try {
        writeFileSync(hold, "");
        const raw = (await StackFile.read(open.project.stacksFolder, STACK)).raw();
        const preview = await failure(held.preview(STACK, raw));
        expect(preview).to.be.instanceOf(Late).with.property("message").that.contains(`The preview of ${STACK} did not end within`);
        const update = await failure(held.update(STACK, raw, "k"));
        expect(update).to.be.instanceOf(Cancelled).with.property("message").that.contains(`The update of ${STACK} did not end within`);
        expect(await open.driver.recover(STACK, raw)).to.deep.equal([]);
        await open.driver.update(STACK, raw, "k");
        expect(await open.driver.inSync(STACK)).to.equal(true);
      } finally {
        await rm(hold, { force: true });
        delete process.env.CUTOVER_TEST_HOLD;
        await held.close();
      }
    });
  });

  it("in a provider that does not answer: it is ended all the same, and what it began is settled", function () {
    return inSandbox(this, "late-provider", async (open) => {
      const world = await open.sandbox.open(STACK);
      const deaf = await startProviderHost({ open: async () => Object.assign(Object.create(world), { create: never }) });
      const stuck = driverOf(open, { updateMs: 15_000, previewMs: 60_000, stopMs: 1_000 }, PROGRAM, deaf.env);
      const long = { updateMs: 600_000, previewMs: 600_000, stopMs: 600_000, interruptMs: 500 };
      const interrupted = driverOf(open, long, PROGRAM, deaf.env);
      const raw = (await StackFile.read(open.project.stacksFolder, STACK)).raw();
      const config = { ...raw, "cutover:workload": { ...(raw["cutover:workload"] as object), deployed: true } };
      try {
        expect(await failure(stuck.update(STACK, config, "k"))).to.be.instanceOf(Cancelled);
        for (const note of await open.driver.recover(STACK, config)) expect(note).to.match(/had (not )?been created|settled/);
        // [safety-3] So is one that is in the way of going back, long before its deadline: no engine of it is left.
        const going = failure(interrupted.update(STACK, config, "k"));
        while ((await enginesOf(STACK)).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
        interrupted.cancel(STACK);
        expect(await going)
          .to.be.instanceOf(Cancelled)
          .with.property("message")
          .that.contains("was cancelled");
        expect(await enginesOf(STACK)).to.deep.equal([]);
        await open.driver.clearDeadLocks(STACK);
        await open.driver.recover(STACK, config);
        await open.driver.update(STACK, config, "k");
        expect(await open.driver.inSync(STACK)).to.equal(true);
      } finally {
        await stuck.close();
        await interrupted.close();
        // Calls that nobody answers keep it.
        void deaf.close();
      }
    });
  });
});

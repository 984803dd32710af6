import { expect } from "chai";
import fc from "fast-check";
import { verifyChain } from "../../../src/automation/journal/chain.js";
import type { HookAnswer, Moment } from "../../../src/automation/journal/records.js";
import type { Hook, HookCall } from "../../../src/ports/hooks.js";
import { known } from "../../../src/ports/observations.js";
import { Crash, modelPlan, NO_FAULTS, STACK } from "../model.js";
import { act, modelService, until } from "../modelService.js";

/** A service over the model with one hook at some moments. */
function serviceWith(moments: Moment[], answer: (call: HookCall, signal: AbortSignal) => Promise<HookAnswer>, holds = true) {
  const calls: HookCall[] = [];
  const hook: Hook = {
    name: "board",
    holds,
    call: (call, signal) => {
      calls.push(call);
      return answer(call, signal);
    },
  };
  return { ...modelService({ hooks: { at: (moment) => (moments.includes(moment) ? [hook] : []) } }), calls };
}

const passed: HookAnswer = { outcome: "passed", detail: "go" };
const refused: HookAnswer = { outcome: "refused", detail: "change freeze" };
const never = (_: HookCall, signal: AbortSignal): Promise<HookAnswer> =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

describe("hooks at named moments", () => {
  it("are asked before and after each step and before a point of no return; each call stands in the journal before it is made", async () => {
    const { store, calls, start } = serviceWith(["before-step", "after-step", "before-point-of-no-return", "completed"], async (call) => {
      const entries = await store.entries(STACK);
      expect(entries.at(-1)).to.include({ type: "hook.intended", id: call.id });
      return passed;
    });
    const service = start();
    await service.create(STACK, "alice");
    const state = await until(service, (s) => s.status === "completed");
    const plan = modelPlan();
    const at = (moment: Moment) => calls.filter((c) => c.moment === moment).map((c) => c.step?.id);
    expect(at("before-step")).to.deep.equal(plan.map((s) => s.id));
    expect(at("after-step")).to.deep.equal(plan.map((s) => s.id));
    expect(at("before-point-of-no-return")).to.deep.equal(plan.filter((s) => s.pointOfNoReturn).map((s) => s.id));
    expect(at("completed")).to.deep.equal([undefined]);
    expect(calls[0]).to.deep.include({ stack: STACK, application: "web-api", environment: "production", revision: 0 });
    expect(calls[0]?.step).to.deep.include({ phase: "assess", attempt: 1, pointOfNoReturn: false });
    const finished = (await store.entries(STACK)).filter((e) => e.type === "hook.finished");
    expect(finished.map((e) => e.id)).to.deep.equal(calls.map((c) => c.id));
    expect(new Set(calls.map((c) => c.id)).size).to.equal(calls.length);
    expect(state.hooks).to.deep.equal({ pending: [], passed: [] });
    await service.close();
  });

  it("hold the migration with their reason before anything happens, and are asked again when a person goes on", async () => {
    let answer = refused;
    const { world, calls, start } = serviceWith(["before-step"], async () => answer);
    const service = start();
    await service.create(STACK, "alice");
    await service.command(STACK, { command: "advance", extent: "step" }, "alice");
    const held = await service.settled(STACK);
    const first = modelPlan()[0]?.id ?? "";
    expect(held).to.include({ status: "held", position: 0, heldReason: `${first}: the hook board says no before-step: change freeze` });
    expect([held.steps[first], world.effects]).to.deep.equal([undefined, []]);
    answer = passed;
    await service.command(STACK, { command: "resume" }, "alice");
    expect((await service.settled(STACK)).position).to.equal(1);
    expect(calls.length).to.equal(2);
    expect(calls[0]?.id).not.to.equal(calls[1]?.id);
    await service.close();
  });

  it("with the policy ignore hold nothing, whatever they say", async () => {
    const answers: HookAnswer[] = [refused, { outcome: "failed", detail: "no route" }, { outcome: "timed-out", detail: "30 s" }];
    let n = 0;
    const { store, start } = serviceWith(["before-step"], async () => answers[n++ % 3] as HookAnswer, false);
    const service = start();
    await service.create(STACK, "alice");
    await until(service, (s) => s.status === "completed");
    const entries = await store.entries(STACK);
    expect(entries.some((e) => e.type === "migration.held")).to.equal(false);
    expect(new Set(entries.flatMap((e) => (e.type === "hook.finished" ? [e.outcome] : [])))).to.have.keys("refused", "failed", "timed-out");
    await service.close();
  });

  it("that say no inside the window undo the window: users are not kept waiting for a person", async () => {
    const { world, calls, start } = serviceWith(["before-point-of-no-return"], async (call) =>
      call.step?.id === "database.promote" ? refused : passed,
    );
    const service = start();
    await service.create(STACK, "alice");
    const state = await until(service, (s) => s.status === "held" && calls.some((c) => c.step?.id === "database.promote"));
    expect(state.heldReason).to.match(/^Went back to revision \d+: database\.promote: the hook board says no before-point-of-no-return/);
    expect(world).to.include({ oldWrites: true, maintenance: false });
    expect(world.applied.database?.role).to.equal("replica");
    expect(world.violations).to.deep.equal([]);
    await service.close();
  });

  it("that are only announced hold up no rollback, and their answers come later", async () => {
    let release = (_: HookAnswer): void => undefined;
    const answered = new Promise<HookAnswer>((resolve) => {
      release = resolve;
    });
    const { world, store, calls, start } = serviceWith(["gate-failed", "before-rollback", "after-rollback"], () => answered);
    const service = start();
    const back = new Promise<void>((resolve) => service.onProgress((p) => p.entry.type === "rollback.completed" && resolve()));
    await service.create(STACK, "alice");
    const moved = () => (world.applied.dns?.weights.new ?? 0) >= 25;
    world.faults = {
      ...NO_FAULTS,
      reading: (name, side) => (name === "error-rate" && side === "new" && moved() ? known(0.5) : undefined),
    };
    await until(service, (s) => s.status === "approval" && modelPlan()[s.position]?.id === "traffic.webhooks");
    await act(service);
    await back;
    expect(world.applied.dns?.weights.old).to.equal(100);
    release(refused);
    await service.settled(STACK);
    expect(calls.map((c) => c.moment)).to.deep.equal(["gate-failed", "before-rollback", "after-rollback"]);
    expect(calls[0]?.reason).to.contain("error-rate");
    const outcomes = (await store.entries(STACK)).filter((e) => e.type === "hook.finished");
    expect(outcomes.length).to.equal(3);
    await service.close();
  }).timeout(60_000);

  it("are asked again under the same id after a crash", async () => {
    let crashes = 1;
    const { store, calls, start } = serviceWith(["before-step"], async () => {
      if (crashes-- > 0) throw new Crash("the process dies");
      return passed;
    });
    const first = start();
    await first.create(STACK, "alice");
    // The process dies: neither the outcome nor anything else is written by it.
    const append = store.append;
    store.append = async (stack, entry, at, by) => {
      if (entry.type === "hook.finished" && entry.outcome === "failed") throw new Crash("dead");
      return append.call(store, stack, entry, at, by);
    };
    await first.command(STACK, { command: "advance", extent: "step" }, "alice");
    await first.settled(STACK);
    store.append = append;
    store.lapse();
    const second = start();
    await second.resumeAll();
    await second.settled(STACK);
    expect(calls.length).to.equal(2);
    expect(calls[0]?.id).to.equal(calls[1]?.id);
    const intents = (await store.entries(STACK)).filter((e) => e.type === "hook.intended");
    expect(intents.length).to.equal(1);
    await second.close();
  });

  it("do not keep a command waiting: a question is broken off and asked again", async () => {
    let asked = (): void => undefined;
    const asking = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const { calls, start } = serviceWith(["before-step"], (call, signal) => {
      asked();
      return calls.length === 1 ? never(call, signal) : Promise.resolve(passed);
    });
    const service = start();
    await service.create(STACK, "alice");
    await service.command(STACK, { command: "advance", extent: "step" }, "alice");
    await asking;
    await service.command(STACK, { command: "pause", why: "lunch" }, "bob");
    expect((await service.settled(STACK)).status).to.equal("paused");
    await service.command(STACK, { command: "resume" }, "bob");
    expect((await service.settled(STACK)).position).to.equal(1);
    expect(calls.map((c) => c.id)).to.deep.equal([calls[0]?.id, calls[0]?.id]);
    await service.close();
  });

  it("break no promise, whatever they answer and wherever the process dies", async () => {
    const outcome = fc.constantFrom<HookAnswer>(passed, passed, passed, refused, { outcome: "timed-out", detail: "late" });
    await fc.assert(
      fc.asyncProperty(
        fc.array(outcome, { minLength: 1, maxLength: 40 }),
        fc.array(fc.nat(80), { maxLength: 4 }),
        async (answers, deaths) => {
          let n = 0;
          const every: Moment[] = ["before-step", "before-point-of-no-return", "after-step", "gate-failed", "before-rollback", "held"];
          const { world, store, start } = serviceWith(every, async () => answers[n++] ?? passed);
          let service = start();
          await service.create(STACK, "alice");
          for (let i = 0; i < 300; i += 1) {
            const death = deaths[i];
            let left = death ?? 0;
            const crash = () => {
              left -= 1;
              return left < 0;
            };
            world.faults = death === undefined ? NO_FAULTS : { ...NO_FAULTS, crash };
            const going = await act(service).catch(() => true);
            await service.settled(STACK).catch(() => undefined);
            world.faults = NO_FAULTS;
            if (death !== undefined) {
              store.lapse();
              service = start();
              await service.resumeAll();
            }
            if (!going) break;
          }
          const state = await service.settled(STACK);
          expect(world.violations).to.deep.equal([]);
          expect(verifyChain(await store.entries(STACK))).to.deep.equal([]);
          // A window that was undone after the promotion is for a person; anything else gets to the end.
          expect(state.status).to.be.oneOf(["completed", "held"]);
          expect(state.hooks.pending).to.deep.equal([]);
        },
      ),
      { numRuns: 25 },
    );
  }).timeout(120_000);
});

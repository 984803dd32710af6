import { expect } from "chai";
import { beyondOf } from "../../../src/automation/decide/editions.js";
import { record } from "../../../src/automation/journal/chain.js";
import type { Entry, Recorded } from "../../../src/automation/journal/entries.js";
import type { Migrations } from "../../../src/automation/migrations.js";
import { type RecordedStep, shapeOf } from "../../../src/automation/plan/edition.js";
import { EMERGENCY_EXIT } from "../../../src/automation/plan/phases/emergencyExit.js";
import { begunPlan } from "../../../src/automation/state/begun.js";
import { fold } from "../../../src/automation/state/evolve.js";
import { type MigrationState, planOf } from "../../../src/automation/state/state.js";
import { peopleOf } from "../../support/people.js";
import { modelPlan, STACK } from "../model.js";
import type { ModelParts } from "../modelService.js";
import { RECORDED, recorded, serviceAfter } from "../recorded.js";
import { ModelService } from "../service.js";

/** Goes on, whoever is asked, until the migration is over or stands where nobody can go on. */
async function toTheEnd(service: Migrations): Promise<MigrationState> {
  const { say } = peopleOf(service, STACK);
  for (let i = 0; i < 300; i += 1) {
    const state = await service.settled(STACK);
    const step = (await service.get(STACK)).plan[state.position];
    if (state.status === "completed" || state.status === "aborted") return state;
    if (state.status === "approval") await say({ command: "approve", step: step?.id ?? "" }, "bob");
    else if (state.status === "ready") await say({ command: "advance", extent: "end" });
    else if (state.status === "running" || state.status === "returning") return state;
    else await say({ command: "resume" });
  }
  throw new Error("it does not get there");
}

/** A place in a journal where the service of then might have been replaced by today's. */
const cutsOf = (entries: readonly Recorded[]): number[] => [0.2, 0.45, 0.62, 0.8].map((part) => Math.floor(entries.length * part));

async function over<T>(entries: readonly Recorded[], run: (service: Migrations, parts: ModelParts) => Promise<T>): Promise<T> {
  const parts = await serviceAfter(entries);
  const service = parts.start();
  try {
    await service.resumeAll();
    const result = await run(service, parts);
    expect(parts.world.violations).to.deep.equal([]);
    return result;
  } finally {
    await service.close();
  }
}

/** A journal's entries again, chained to each other. */
function chained(entries: readonly (Entry & { at?: number })[]): Recorded[] {
  const done: Recorded[] = [];
  for (const { at = done.length, ...entry } of entries) {
    const { seq: _, recordedAt: __, fence: ___, prev: ____, hash: _____, ...plain } = entry as Recorded;
    done.push(record(plain as Entry, done.at(-1), at, 1));
  }
  return done;
}

/** As if another version had begun it. */
function begunOtherwise(entries: readonly Recorded[], change: (shape: RecordedStep[]) => RecordedStep[]): Recorded[] {
  const [first, ...rest] = entries;
  if (first?.type !== "migration.created") throw new Error("no journal");
  const made = chained([{ ...first, plan: "another version's", shape: change(shapeOf(begunPlan(entries, STACK))) }, ...rest]);
  return made;
}

describe("a migration that another version of cutover began", () => {
  it("[safety-5] is read to its end from the recorded journals of every version, with the plan that it went by", () => {
    expect(RECORDED.length).to.be.greaterThan(3);
    for (const name of RECORDED) {
      const entries = recorded(name);
      const begun = begunPlan(entries, STACK);
      const state = fold(entries, begun);
      const plan = planOf(state, begun);
      expect(state.status, name).to.equal("completed");
      expect(state.position, name).to.equal(plan.length);
      const completed = new Set(entries.flatMap((e) => (e.type === "step.completed" ? [e.step] : [])));
      expect([...completed].sort(), name).to.deep.equal(plan.map((s) => s.id).sort());
    }
  });

  for (const name of RECORDED)
    it(`[safety-5] goes on, goes back and is sent back in an emergency from anywhere in ${name}`, async function () {
      this.timeout(180_000);
      const entries = recorded(name);
      for (const cut of cutsOf(entries)) {
        const until = entries.slice(0, cut);
        await over(until, async (service) => expect((await toTheEnd(service)).status, `entry ${cut}`).to.equal("completed"));
        const begun = begunPlan(until, STACK);
        const state = fold(until, begun);
        const exit = planOf(state, begun).findIndex((s) => s.id === EMERGENCY_EXIT);
        const cleaning = state.steps["cleanup.approve"]?.status === "done";
        if (!cleaning)
          await over(until, async (service, { world }) => {
            const { say } = peopleOf(service, STACK);
            await say({ command: "abort", why: "a test" });
            expect((await service.settled(STACK)).status, `entry ${cut}`).to.equal("aborted");
            expect([world.oldWrites, world.newWrites], `entry ${cut}`).to.deep.equal([true, false]);
          });
        if (exit === -1 || state.position <= exit || cleaning) continue;
        await over(until, async (service, { world }) => {
          const { say } = peopleOf(service, STACK);
          await say({ command: "emergency", why: "a test" });
          expect(world.applied.dns?.weights, `entry ${cut}`).to.deep.equal({ old: 100, new: 0 });
          expect((await toTheEnd(service)).status, `entry ${cut}`).to.equal("completed");
        });
      }
    });

  const half = (entries: readonly Recorded[], step: string): Recorded[] =>
    entries.slice(0, entries.findIndex((e) => e.type === "step.completed" && e.step === step) + 1);
  const straight = () => recorded("0.1.0-straight.ndjson");

  it("[safety-5] is not asked for steps and gates that came later, and keeps gates and approvals that are gone", async () => {
    const entries = begunOtherwise(half(straight(), "rollout.smoke"), (shape) =>
      shape.flatMap((s) => {
        if (s.id === "traffic.webhooks") return [];
        if (s.id === "traffic.load-balancer")
          return [s, { id: "traffic.people", phase: "traffic", kind: "approval", title: "Ask", asks: "Is it time?" }];
        return [s.id === "traffic.dns-25" ? { ...s, gates: s.gates?.filter((g) => g.gate !== "targets-healthy") ?? [] } : s];
      }),
    );
    await over(entries, async (service, { store }) => {
      expect((await toTheEnd(service)).status).to.equal("completed");
      const all = await store.entries(STACK);
      const completed = all.flatMap((e) => (e.type === "step.completed" ? [e.step] : []));
      expect(completed).to.include("traffic.people").and.not.include("traffic.webhooks");
      const passed = all.find((e) => e.type === "gates.passed" && e.step === "traffic.dns-25");
      expect(passed?.type === "gates.passed" && passed.gates.map((g) => g.gate))
        .to.include("error-rate")
        .and.not.include("targets-healthy");
    });
  });

  it("[safety-5] waits, where only another version has the next step, for that version; every way back stays open", async () => {
    const strange: RecordedStep = { id: "traffic.newer", phase: "traffic", kind: "action", title: "Do what is new", undo: true };
    const entries = begunOtherwise(straight(), (shape) => shape.flatMap((s) => (s.id === "traffic.dns-100" ? [strange, s] : [s])));
    const until = half(entries, "traffic.dns-25");
    await over(until, async (service, { world }) => {
      const { say } = peopleOf(service, STACK);
      const state = await service.settled(STACK);
      expect((await service.get(STACK)).plan[state.position]?.id).to.equal("traffic.newer");
      const refused = await service.command(STACK, { command: "advance", extent: "end" }, "alice").catch((e: Error) => e.message);
      expect(refused).to.contain("traffic.newer").and.contain("this version of cutover does not know");
      await say({ command: "emergency", why: "a test" });
      expect(world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
      await say({ command: "abort", why: "a test" });
      expect([(await service.settled(STACK)).status, world.oldWrites, world.newWrites]).to.deep.equal(["aborted", true, false]);
    });
  });

  it("[safety-5] goes back over a step that only another version can undo, and says so before", async () => {
    const strange: RecordedStep = { id: "traffic.newer", phase: "traffic", kind: "action", title: "Do what is new", undo: true };
    const all = half(straight(), "traffic.dns-25");
    const at = all.findIndex((e) => e.type === "step.started" && e.step === "traffic.dns-25");
    const ran: Entry[] = [
      { type: "step.started", step: "traffic.newer", attempt: 1 },
      { type: "action.intended", key: "newer", step: "traffic.newer", undo: false },
      { type: "action.succeeded", key: "newer", step: "traffic.newer", undo: false, summary: "", marks: [] },
      { type: "step.completed", step: "traffic.newer", attempt: 1 },
    ];
    const entries = begunOtherwise([...all.slice(0, at), ...(ran as Recorded[]), ...all.slice(at)], (shape) =>
      shape.flatMap((s) => (s.id === "traffic.dns-25" ? [strange, s] : [s])),
    );
    await over(entries, async (service) => {
      const { say } = peopleOf(service, STACK);
      expect((await service.wayBack(STACK, 0)).loses.join()).to.contain("traffic.newer: what it did stays");
      await say({ command: "abort", why: "a test" });
      expect((await service.settled(STACK)).status).to.equal("aborted");
    });
    // It ended in the middle of the action itself.
    const open = entries.slice(0, at + 2);
    await over(open, async (service) => {
      expect((await service.settled(STACK)).intent?.key).to.equal("newer");
      await service.command(STACK, { command: "abort", why: "a test" }, "alice");
      expect((await service.settled(STACK)).status).to.equal("aborted");
    });
  });

  it("[safety-5] never passes a gate that this version cannot measure", async () => {
    const entries = begunOtherwise(half(straight(), "rollout.smoke"), (shape) =>
      shape.map((s) => (s.id === "traffic.load-balancer" ? { ...s, gates: [{ gate: "newer-gate" as "error-rate", holdSeconds: 0 }] } : s)),
    );
    await over(entries, async (service) => {
      const { say } = peopleOf(service, STACK);
      const state = await (async () => {
        for (;;) {
          const now = await service.settled(STACK);
          const step = (await service.get(STACK)).plan[now.position];
          if (step?.id === "traffic.load-balancer" && now.status === "held") return now;
          await say(
            now.status === "approval"
              ? { command: "approve", step: step?.id ?? "" }
              : now.status === "ready"
                ? { command: "advance", extent: "step" }
                : { command: "resume" },
            now.status === "approval" ? "bob" : "alice",
          );
        }
      })();
      expect(state.heldReason).to.contain("newer-gate").and.contain("this version of cutover has no gate newer-gate");
    });
  });

  it("[safety-6] keeps and shows entries of a newer version, and leaves the way forward to it", async () => {
    const until = half(straight(), "traffic.dns-25");
    const newer = { type: "newer.kind", about: "something", secretly: 1 } as unknown as Entry;
    await over(chained([...until, newer]), async (service, { world }) => {
      const entry = (await service.journal(STACK)).at(-1) as unknown as { type: string; about: string };
      expect(entry).to.include({ type: "newer.kind", about: "something" });
      const { say } = peopleOf(service, STACK);
      const refused = await service.command(STACK, { command: "advance", extent: "end" }, "alice").catch((e: Error) => e.message);
      expect(refused).to.contain("newer.kind");
      await say({ command: "pause", why: "a look" });
      await say({ command: "emergency", why: "a test" });
      expect(world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
      expect(await service.verify(STACK)).to.deep.equal([]);
    });
    // While it runs, the one that knows goes on: this one begins nothing.
    const running = chained([...until, { type: "command", command: "advance", extent: "end", who: "alice" }, newer]);
    await over(running, async (service) => {
      await service.resumeAll();
      expect([service.runners, (await service.journal(STACK)).length]).to.deep.equal([0, running.length]);
    });
  });

  it("[safety-6] reads sections and keys of a stack config that only a newer version has", async () => {
    const [first, ...rest] = half(straight(), "traffic.dns-25");
    if (first?.type !== "migration.created") throw new Error("no journal");
    const config = {
      ...first.config,
      "cutover:newer": { some: "thing" },
      "cutover:gates": { ...(first.config["cutover:gates"] as object), newerThreshold: 3 },
    };
    const withNewer = rest.map((e) =>
      e.type === "update.intended"
        ? { ...e, config: { ...e.config, "cutover:newer": config["cutover:newer"], "cutover:gates": config["cutover:gates"] } }
        : e,
    );
    await over(chained([{ ...first, config }, ...withNewer]), async (service, { world }) => {
      expect((await service.get(STACK)).state.revisions[0]?.config).to.deep.equal(config);
      const { say } = peopleOf(service, STACK);
      const refused = await service.command(STACK, { command: "advance", extent: "end" }, "alice").catch((e: Error) => e.message);
      expect(refused).to.contain("gates.newerThreshold, newer");
      await say({ command: "pause", why: "a look" });
      await say({ command: "emergency", why: "a test" });
      expect(world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
      // What such sections stand for would be removed by an update of this version: that is left to the one that knows them.
      expect(world.updates.every((u) => u.config["cutover:newer"] !== undefined)).to.equal(true);
      const { plan, state } = await service.get(STACK);
      expect([state.status, beyondOf(plan, state)]).to.deep.equal([
        "held",
        "the stack config has gates.newerThreshold, newer, which this version of cutover does not know: one that does goes on",
      ]);
    });
  });

  it("[safety-5] records the shape of the plan that it begins", async () => {
    const m = await ModelService.open();
    const [created] = await m.journal("migration.created");
    expect(created?.shape).to.deep.equal(JSON.parse(JSON.stringify(shapeOf(modelPlan()))));
  });
});

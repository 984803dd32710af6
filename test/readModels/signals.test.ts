import { expect } from "chai";
import type { Recorded } from "../../src/automation/journal/entries.js";
import { fold } from "../../src/automation/state/evolve.js";
import { Sampler } from "../../src/readModels/sampler.js";
import { signals } from "../../src/readModels/signals.js";
import { ModelStore, ModelWorld, modelPlan, RAW, STACK } from "../automation/model.js";
import { type ModelPortal, openModelPortal } from "../portal/model.js";

describe("signals over time", () => {
  const gate = (name: string, last: number | undefined, at: number, verdict = "pass") =>
    ({ gate: name, accepts: "", verdict, shown: "", samples: 1, source: "test", at, ...(last === undefined ? {} : { last }) }) as never;

  async function journal(...gates: { at: number; gates: never[] }[]): Promise<Recorded[]> {
    const store = new ModelStore(new ModelWorld());
    await store.append(STACK, { type: "migration.created", stack: STACK, plan: "", config: RAW, why: "a test", who: "ana" }, 0);
    for (const g of gates) await store.append(STACK, { type: "gates.passed", step: "traffic.dns-25", gates: g.gates, heldMs: 0 }, g.at);
    return store.entries(STACK);
  }
  const seen = (entries: Recorded[], more: Partial<Parameters<typeof signals>[0]> = {}) =>
    signals({ entries, state: fold(entries, modelPlan()), rounds: [], ...more });
  const line = (of: ReturnType<typeof signals>, chart: string, id: string) =>
    of.charts.find((c) => c.id === chart)?.series.find((s) => s.id === id)?.points;

  it("come from what the journal's gates read, in order of time, with the gates' limits", async () => {
    const entries = await journal({ at: 200, gates: [gate("error-rate", 0.02, 190)] }, { at: 300, gates: [gate("error-rate", 0.01, 100)] });
    const answer = seen(entries);
    expect(line(answer, "errors", "new")).to.deep.equal([
      { at: 100, value: 0.01 },
      { at: 190, value: 0.02 },
    ]);
    expect(answer.charts.find((c) => c.id === "errors")?.threshold).to.deep.equal({ value: 0.05, label: "gate: at most 5 %" });
    expect(answer.charts.map((c) => c.id)).to.deep.equal(["dns", "errors", "latency", "lag"]);
  });

  it("promise 10: what was unknown or stale is a gap, not a value", async () => {
    const entries = await journal(
      { at: 1, gates: [gate("latency-p95", 0.2, 1)] },
      { at: 2, gates: [gate("latency-p95", 0.2, 2, "unknown")] },
    );
    expect(line(seen(entries), "latency", "new")).to.deep.equal([
      { at: 1, value: 0.2 },
      { at: 2, value: null },
    ]);
  });

  it("keep a spike when there are too many points", async () => {
    const rounds = Array.from({ length: 1_000 }, (_, at) => ({ at, values: { "errors new": at === 500 ? 0.4 : 0.001 } }));
    const points = line(seen(await journal(), { rounds, most: 50 }), "errors", "new");
    expect(points).to.have.length.at.most(50);
    expect(Math.max(...(points ?? []).map((p) => p.value ?? 0))).to.equal(0.4);
  });

  it("cut a window, into which the weight that was asked for before still holds", async () => {
    const rounds = [1, 2, 3, 4].map((at) => ({ at, values: { "errors new": at / 100 } }));
    const answer = seen(await journal(), { rounds, from: 2, to: 3 });
    expect(line(answer, "errors", "new")?.map((p) => p.at)).to.deep.equal([2, 3]);
    expect([answer.from, answer.to]).to.deep.equal([2, 3]);
  });
});

describe("the sampler", () => {
  let portal: ModelPortal;
  beforeEach(async () => {
    portal = await openModelPortal();
    await portal.goTo("containerize.deploy");
  });
  afterEach(() => portal.close());

  it("measures both sides while gates are watched and when somebody looks, at most every 15 s of the target's clock", async () => {
    const sampler = new Sampler(portal.migrations);
    const first = await sampler.rounds(STACK);
    expect(first.at(-1)?.values).to.include({ "errors new": 0.001, "errors old": 0.001, "latency new": 0.2 });
    expect(await sampler.rounds(STACK)).to.have.length(1);
    await portal.goTo("database.test-replica");
    const rounds = await sampler.rounds(STACK);
    expect(rounds.length).to.be.greaterThan(2);
    const gaps = rounds.slice(1).map((r, i) => r.at - (rounds[i]?.at ?? 0));
    expect(Math.min(...gaps)).to.be.at.least(15_000);
    sampler.close();
  });

  it("keeps a bounded number of rounds that still reach from the first to the last", async () => {
    const sampler = new Sampler(portal.migrations);
    const began = (await sampler.rounds(STACK))[0]?.at;
    for (let i = 0; i < 700; i += 1) {
      portal.world.now += 15_000;
      await sampler.rounds(STACK);
    }
    const rounds = await sampler.rounds(STACK);
    expect(rounds).to.have.length.at.most(600);
    expect([rounds[0]?.at, rounds.at(-1)?.at]).to.deep.equal([began, portal.world.now]);
    sampler.close();
  });
});

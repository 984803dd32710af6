import { expect } from "chai";
import fc from "fast-check";
import { drained } from "../../../src/automation/plan/drain.js";
import { buildPlan } from "../../../src/automation/plan/plan.js";
import type { ActionContext } from "../../../src/automation/plan/step.js";
import { removing } from "../../../src/automation/plan/unused.js";
import { countedBy } from "../../../src/config/drain.js";
import type { StackConfig } from "../../../src/config/schema.js";
import { type ConfigPatch, patched, readConfig } from "../../../src/config/stackFile.js";
import { UserError } from "../../../src/errors.js";
import { known, type Reading, unknown } from "../../../src/ports/observations.js";
import type { Target } from "../../../src/ports/target.js";
import { modelProject, RAW, STACK } from "../model.js";

const SECOND = 1_000;
const config = (patch: ConfigPatch = {}): StackConfig => readConfig(patched(RAW, patch), "test", STACK);
const stepsOf = (patch: ConfigPatch = {}): string[] => buildPlan(config(patch)).map((s) => s.id);
const stepBefore = (ids: string[], id: string): string | undefined => ids[ids.indexOf(id) - 1];

/** What is open at an instant, and since when that was true; virtual seconds since the wait began. */
type Side = (seconds: number) => { reading: Reading; age?: number; delay?: number };

interface Run {
  summary: string;
  facts: Record<string, unknown>;
  /** How long it took, in seconds. */
  took: number;
}

/** A far side of which only open connections are known, on a clock that jumps. */
function farSide(side: Side, abortAt?: number): { context: ActionContext; clock: { now: number } } {
  const clock = { now: Date.UTC(2026, 0, 5, 9) };
  const began = clock.now;
  const abort = new AbortController();
  const target = {
    clock: {
      now: () => clock.now,
      sleepUntil: async (until: number) => {
        if (abortAt !== undefined && until - began >= abortAt * SECOND) {
          clock.now = began + abortAt * SECOND;
          abort.abort(new Error("users are sent back"));
          abort.signal.throwIfAborted();
        }
        clock.now = until;
      },
    },
    observer: {
      observe: async (name: string) => {
        if (name !== "open-connections") return { name, reading: known(0), detail: "", at: clock.now, source: "test" };
        const { reading, age = 0, delay } = side((clock.now - began) / SECOND);
        return { name, reading, at: clock.now - age * SECOND, source: "test", ...(delay === undefined ? {} : { delaySeconds: delay }) };
      },
    },
  } as unknown as Target;
  const effect = { key: "k", fence: 1, signal: abort.signal };
  return { clock, context: { target, config: config(), effect, project: modelProject, otherStacks: async () => [], marks: {} } };
}

async function run(side: Side, patch: ConfigPatch = {}): Promise<Run> {
  const { context, clock } = farSide(side);
  const began = clock.now;
  const { summary, facts = {} } = await drained({ ...context, config: config(patch) }, "old", "The old side");
  return { summary, facts, took: (clock.now - began) / SECOND };
}

const open = (count: number, age?: number, delay?: number) => ({
  reading: known(count),
  ...(age === undefined ? {} : { age }),
  ...(delay === undefined ? {} : { delay }),
});

describe("open connections before a side is removed", () => {
  it("[traffic-9] are waited for right before blue, the Deployment and the old side go", () => {
    const ids = stepsOf();
    expect(stepBefore(ids, "rollout.remove-blue")).to.equal("rollout.drain-blue");
    expect(stepBefore(ids, "cleanup.terminate-instances")).to.equal("cleanup.drain");
    const canary = stepsOf({ strategy: { kind: "canary", image: "example.org/web-api:1.1.0" } });
    expect(stepBefore(canary, "rollout.canary-take-over")).to.equal("rollout.drain-deployment");
    // Where no step moves users, nothing of theirs is open on the old side.
    const without = { dns: undefined, ingress: undefined, "old.users": "none" };
    expect(stepsOf(without))
      .to.include("cleanup.terminate-instances")
      .and.not.include("cleanup.drain")
      .and.not.include("rollout.drain-blue");
  });

  it("[traffic-9] have ended once none was seen over a minute, and the evidence says how many there were and how long it took", async () => {
    const { summary, took, facts } = await run((s) => open(s < 100 ? 12 : 0));
    expect(summary).to.equal("The old side is drained: 12 connections open at the beginning, 0 after 165 s.");
    expect(took).to.equal(165);
    expect(facts).to.include({ drained: true, openAtBegin: 12, openAtEnd: 0, seconds: 165, side: "old" });
  });

  it("[traffic-9] have not ended with one look: what comes again begins the minute anew", async () => {
    const { took } = await run((s) => open(s >= 30 && s < 45 ? 1 : 0));
    expect(took).to.equal(45 + 60);
  });

  it("[traffic-9] that are nobody's are allowed for", async () => {
    const { summary } = await run(() => open(4), { "drain.connections": 4 });
    expect(summary).to.equal("The old side is drained: 4 connections open at the beginning, 4 after 60 s; at most 4 count as none.");
  });

  it("[traffic-9] end with the side once the stated time is over, and the evidence says how many", async () => {
    const { summary, took, facts } = await run((s) => open(s < 300 ? 9 : 7));
    expect(summary).to.equal("7 connections of the old side are still open after 600 s: removing it ends them; 9 at the beginning.");
    expect(took).to.equal(600);
    expect(facts).to.include({ drained: false, openAtBegin: 9, openAtEnd: 7 });
    expect((await run(() => open(1), { "drain.seconds": 90 })).took).to.equal(90);
  });

  it("[traffic-9] promise 10: what is unknown, stale or from before the wait is no zero: the whole stated time is waited, and said", async () => {
    const blind = await run(() => ({ reading: unknown("nobody counts them") }));
    expect(blind.summary).to.equal(
      "The whole 600 s were waited: how many connections of the old side are open is not known (nobody counts them).",
    );
    const stale = await run(() => open(0, 400, 180));
    expect(stale.summary).to.contain("the newest sample is stale");
    const early = await run((s) => open(0, s + 1, 700));
    expect(early.facts.drained).to.equal(false);
    for (const { took } of [blind, stale, early]) expect(took).to.equal(600);
    // CloudWatch's samples are minutes old: two of them from after the wait began.
    const cloudwatch = await run((s) => open(0, (s % 60) + 120, 180));
    expect(cloudwatch.facts.drained).to.equal(true);
    expect(cloudwatch.took).to.equal(180);
  });

  it("[traffic-9] are not waited for where the stated time is 0, and that is said", async () => {
    const { summary, took } = await run(() => open(5), { "drain.seconds": 0 });
    expect(summary).to.equal("Nothing was waited for: drain.seconds is 0. What is open on the old side ends with it.");
    expect(took).to.equal(0);
  });

  it("[traffic-9] hold nobody up who goes back: the wait ends with the signal, also while a look is under way", async () => {
    const { context } = farSide(() => open(5), 40);
    expect(await drained(context, "old", "The old side").catch((e: Error) => e.message)).to.equal("users are sent back");
    const abort = new AbortController();
    const stuck = { ...context, target: { ...context.target, observer: { observe: () => new Promise<never>(() => undefined) } } };
    const waiting = drained({ ...stuck, effect: { key: "k", fence: 1, signal: abort.signal } }, "old", "The old side");
    abort.abort(new Error("the way back"));
    expect(await waiting.catch((e: Error) => e.message)).to.equal("the way back");
  });

  it("[traffic-9] a clock that is set back makes no wait of it", async () => {
    let looks = 0;
    const { context, clock } = farSide(() => open(3));
    const { observer } = context.target;
    const observe: typeof observer.observe = async (...args) => {
      looks += 1;
      if (looks === 5) clock.now -= 3_600_000;
      return observer.observe(...args);
    };
    const began = clock.now;
    const { facts } = await drained({ ...context, target: { ...context.target, observer: { observe } } }, "old", "The old side");
    expect(facts).to.include({ seconds: 600, drained: false });
    expect(clock.now - began).to.equal(-3_600_000 + 615 * SECOND);
  });

  it("[traffic-9] property: no wait ends before a minute without connections was seen, or the stated time is over", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            forSeconds: fc.integer({ min: 1, max: 200 }),
            count: fc.integer({ min: 0, max: 4 }),
            known: fc.boolean(),
            age: fc.integer({ min: 0, max: 300 }),
          }),
          { minLength: 1, maxLength: 8 },
        ),
        fc.integer({ min: 1, max: 900 }),
        fc.integer({ min: 0, max: 2 }),
        async (spans, seconds, most) => {
          const at = (s: number) => {
            let left = s;
            for (const span of spans) {
              if (left < span.forSeconds) return span;
              left -= span.forSeconds;
            }
            return spans.at(-1) ?? { count: 0, known: false, age: 0, forSeconds: 1 };
          };
          const looks: { s: number; open: number | undefined; at: number }[] = [];
          const { took, facts } = await run(
            (s) => {
              const { count, known: isKnown, age } = at(s);
              looks.push({ s, open: isKnown && age <= 270 ? count : undefined, at: s - age });
              return isKnown ? open(count, age, 180) : { reading: unknown("no") };
            },
            { "drain.seconds": seconds, "drain.connections": most },
          );
          if (facts.drained === true) {
            const bad = looks.findLastIndex((l) => l.open === undefined || l.open > most || l.at < 0);
            const good = looks.slice(bad + 1);
            expect((good.at(-1)?.at ?? 0) - (good[0]?.at ?? 0)).to.be.at.least(59);
          } else expect(took).to.equal(seconds);
          expect(took).to.be.at.most(seconds);
        },
      ),
    ));
});

describe("the removal of the old side", () => {
  const removed = async (side: Side, thing: "instances" | "load balancer", patch: ConfigPatch = {}, factsOf?: ActionContext["factsOf"]) => {
    const { context, clock } = farSide(side);
    const began = clock.now;
    const { summary } = await removing(
      { ...context, config: config(patch), ...(factsOf === undefined ? {} : { factsOf }) },
      thing,
      async () => ({ summary: "Gone." }),
    );
    return { summary, took: (clock.now - began) / SECOND };
  };

  it("[traffic-9] waits itself where the plan's own step did not just do so: in an earlier version's plan, or long after", async () => {
    const still = (s: number) => open(s < 30 ? 2 : 0);
    const alone = await removed(still, "instances");
    expect(alone.summary).to.match(/^Gone\. Nobody had used it for 24 h\. The old side is drained: 2 connections open/);
    expect(alone.took).to.equal(90);
    const ago = (seconds: number) => () => ({ until: Date.UTC(2026, 0, 5, 9) - seconds * SECOND });
    expect((await removed(still, "instances", {}, ago(30))).took).to.equal(0);
    expect((await removed(still, "instances", {}, ago(86_400))).took).to.equal(90);
    expect((await removed(still, "instances", { "drain.seconds": 0 })).took).to.equal(0);
  });

  it("[traffic-9] waits once: at the load balancer only where there are no instances whose end ended them", async () => {
    const still = (s: number) => open(s < 30 ? 2 : 0);
    expect((await removed(still, "load balancer")).took).to.equal(0);
    expect((await removed(still, "load balancer", { "old.instanceIds": [] })).took).to.equal(90);
  });
});

describe("what counts open connections", () => {
  const of = (patch: ConfigPatch, side: "old" | "new" = "old") => countedBy(config(patch), side);

  it("[traffic-9] is the old load balancer's own figure where it has one, and an expression where one is named", () => {
    expect(of({})).to.include({ kind: "application" });
    const arn = "arn:aws:elasticloadbalancing:us-east-2:123456789012:loadbalancer/";
    expect(of({ "old.loadBalancerArn": `${arn}net/old/50dc6c495c0c9188` })).to.include({ kind: "network" });
    expect(of({ "old.loadBalancerArn": `${arn}classic` }))
      .to.have.property("why")
      .that.contains("AWS only estimates the connections");
    expect(of({ "drain.expressions": { old: "sum(haproxy_server_current_sessions)" } })).to.deep.equal({
      kind: "prometheus",
      expression: "sum(haproxy_server_current_sessions)",
    });
    expect(of({}, "new")).to.have.property("why").that.contains("drain.expressions.new");
    expect(of({ "drain.expressions": { new: "sum(open)" } }, "new")).to.include({ kind: "prometheus" });
  });

  it("[traffic-9] is nothing where the load balancer stays and serves both sides", () => {
    const listenerArn = "arn:aws:elasticloadbalancing:us-east-2:123456789012:listener/app/web/50dc6c495c0c9188/f2f7dc8efc522ab2";
    const oldTargetGroupArn = "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/old-web/73e2d6bc24d8a067";
    const why = of({ dns: undefined, traffic: { kind: "target-groups", listenerArn, priority: 10, oldTargetGroupArn } });
    expect(why).to.have.property("why").that.contains("serves both sides, and its connections say nothing of the old target group");
  });

  it("[traffic-9] refuses what is no stated time", () => {
    expect(() => config({ "drain.seconds": -1 })).to.throw(UserError, "drain.seconds");
    expect(() => config({ "drain.seconds": 86_401 })).to.throw(UserError, "drain.seconds");
  });
});

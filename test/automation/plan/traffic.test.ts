import { expect } from "chai";
import { configViolations } from "../../../src/automation/decide/promises.js";
import { gateNamed } from "../../../src/automation/gates/catalogue.js";
import { buildPlan } from "../../../src/automation/plan/plan.js";
import type { Step } from "../../../src/automation/plan/step.js";
import type { StackConfig } from "../../../src/config/schema.js";
import { SHIFTS } from "../../../src/config/shift.js";
import { type ConfigPatch, patched, readConfig } from "../../../src/config/stackFile.js";
import { stateAfter } from "../history.js";
import { RAW, STACK } from "../model.js";

const at = (patch: ConfigPatch = {}): StackConfig => readConfig(patched(RAW, patch), "test", STACK);
const PLAN = buildPlan(at());
const step = (id: string, plan = PLAN): Step => plan.find((s) => s.id === id) as Step;
const gatesOf = (s: Step) => ("gates" in s ? s.gates.map((g) => g.gate) : []);

describe("the plan of the traffic", () => {
  it("[traffic-17] green and the removal of blue wait for healthy targets, not only for ready pods", () => {
    for (const id of ["rollout.green-deploy", "rollout.remove-blue"])
      expect(gatesOf(step(id)), id).to.include.members(["green-ready", "targets-healthy"]);
  });

  it("[traffic-5] no record of the old side is kept for longer than the new side's alias while both answer", () => {
    const ttl = (cutoverTtlSeconds: number) => {
      const config = at({ "dns.cutoverTtlSeconds": cutoverTtlSeconds, "dns.ttlSeconds": cutoverTtlSeconds, "dns.records": "old" });
      const newRecord = step("traffic.new-record", buildPlan(config));
      if (newRecord.kind !== "config") throw new Error("the step changes the config");
      return newRecord.change(config)["dns.ttlSeconds"] ?? config.dns?.ttlSeconds;
    };
    expect([ttl(300), ttl(60), ttl(30)]).to.deep.equal([60, 60, 30]);
  });

  it("[traffic-20] a live stack's Service port stays, and no colour gets requests in the change that brings it", () => {
    const state = stateAfter(RAW, "containerize.deploy");
    const said = (before: ConfigPatch, after: ConfigPatch) =>
      configViolations(
        state,
        at({ "workload.deployed": true, ...before }),
        at({ "workload.deployed": true, ...after }),
        step("rollout.green-deploy"),
      )
        .map((v) => v.what)
        .join("; ");
    expect(said({}, { "workload.servicePort": 8080 })).to.contain("freezes the load balancer");
    expect(said({ "workload.deployed": false }, { "workload.servicePort": 8080 })).to.equal("");
    const green = { "strategy.green": true, "strategy.greenWeight": 100 };
    expect(said({}, green)).to.contain("green gets requests only once");
    expect(said({}, { "strategy.green": true })).to.equal("");
    expect(said({ ...green, "strategy.blue": false }, { ...green, "strategy.greenWeight": 50 })).to.contain(
      "blue gets requests again only once",
    );
    expect(said({ ...green, "strategy.blue": false }, green)).to.equal("");
    expect(said({ "strategy.green": true, "strategy.greenWeight": 5 }, {})).to.contain("green is removed only after");
    const both = (weight: number) => ({ "dns.records": "both" as const, "dns.weights": { old: 100 - weight, new: weight } });
    expect(said({ "dns.records": "old" }, both(10))).to.contain("only in a change after the one that brings it to the weighted records");
    expect(said({ "dns.records": "old" }, both(0))).to.equal("");
    expect(said(both(0), both(10))).to.equal("");
  });

  it("[traffic-12] a canary's Services take turns from the Rollout's first day on, and a live Rollout keeps those that it has", () => {
    const canary = (more: object) =>
      at({ "workload.deployed": true, strategy: { kind: "canary", image: "example.org/web-api:1.1.0", ...more } });
    const beside = (config: StackConfig) => {
      const found = step("rollout.canary-beside", buildPlan(config));
      return found.kind === "config" ? found.change(config)["strategy.pingPong"] : "no config step";
    };
    expect(beside(canary({}))).to.equal(true);
    // It is asked again for one that runs already without.
    expect(beside(canary({ workload: "both" }))).to.equal(undefined);
    const said = (before: object, after: object) =>
      configViolations(stateAfter(RAW, "containerize.deploy"), canary(before), canary(after), step("rollout.green-deploy"))
        .map((v) => v.what)
        .join();
    expect(said({ workload: "rollout" }, { workload: "rollout", pingPong: true })).to.contain("a live Rollout keeps its Services");
    expect(said({ workload: "both", pingPong: true }, { workload: "both" })).to.contain("a live Rollout keeps its Services");
    expect(said({}, { workload: "both", pingPong: true })).to.equal("");
  });

  it("[traffic-1] the way back to before the adoption gives the records back, after the program has let go of the new side's", () => {
    const adopt = step("database.adopt-record");
    expect(adopt.kind === "action" && adopt.undo !== undefined && adopt.undoMarks).to.deep.equal(["dns-released"]);
    expect(adopt.wayBack.summary).to.contain("given back as they were");
  });

  it("[traffic-7] nobody is told of DNS, records or resolvers where target groups move the users", () => {
    const lb = "arn:aws:elasticloadbalancing:us-east-2:123456789012";
    const groups = at({
      dns: undefined,
      traffic: {
        kind: "target-groups",
        listenerArn: `${lb}:listener/app/old-web-api/50dc6c495c0c9188/f2f7dc8efc522ab2`,
        priority: 10,
        oldTargetGroupArn: `${lb}:targetgroup/old-web-api/73e2d6bc24d8a067`,
      },
    });
    const told = (config: StackConfig) =>
      buildPlan(config).flatMap((s) => [
        s.title,
        s.wayBack.summary,
        ...("asks" in s ? [s.asks] : []),
        ...("gates" in s ? s.gates.map((g) => gateNamed(g.gate).accepts(config, g.expect)) : []),
      ]);
    const OF_NAMES = /\bDNS\b|\bresolvers?\b|\brecords?\b|\bname servers?\b/i;
    expect(told(groups).filter((t) => OF_NAMES.test(t))).to.deep.equal([]);
    expect(told(at()).filter((t) => OF_NAMES.test(t))).to.not.deep.equal([]);
    for (const words of Object.values(SHIFTS.traffic)) expect(words).to.not.match(OF_NAMES);
  });
});

import { expect } from "chai";
import { answerOf, type Surroundings } from "../../../src/automation/gates/answers.js";
import { GATE_NAMES, type GateName } from "../../../src/automation/gates/catalogue.js";
import { type ConfigPatch, patched, readConfig } from "../../../src/config/stackFile.js";
import { STACK, WITH_PROCESSES } from "../model.js";

const OWN = { name: "refused", source: "prometheus", expression: "sum(refused)", limit: 1 };
const said = (gate: GateName, patch: ConfigPatch = {}, around: Surroundings = {}): string => {
  const answer = answerOf(gate, readConfig(patched(WITH_PROCESSES, patch), "test", STACK), around);
  return "by" in answer ? answer.by : `nobody: ${answer.nobody}`;
};
const ALB = "arn:aws:elasticloadbalancing:us-east-2:123456789012:loadbalancer/app/old-web-api/50dc6c495c0c9188";
const WITHOUT = { "old.loadBalancerArn": undefined };

describe("[observing-7] who answers a gate on real targets", () => {
  it("is named for each gate that there is, of a stack that has everything", () => {
    for (const gate of GATE_NAMES) expect(said(gate), gate).to.match(/^(?!nobody)\w/);
    expect(said("error-rate")).to.equal("CloudWatch, the new load balancer");
    expect(said("old-error-rate")).to.equal("CloudWatch, load balancer app/old-web-api/50dc6c495c0c9188");
    expect(said("latency-over-old")).to.equal(
      "CloudWatch, the new load balancer; CloudWatch, load balancer app/old-web-api/50dc6c495c0c9188",
    );
    expect(said("staging-verified")).to.equal("the journal of web-api-staging");
    expect(said("error-rate", { "sources.new": { kind: "prometheus", convention: "spring" } })).to.equal("Prometheus, convention spring");
    expect(said("own.refused", { "gates.own": [OWN] })).to.equal("Prometheus: sum(refused)");
  });

  it("is nobody of the old side without a load balancer that sees requests, and without Prometheus", () => {
    for (const gate of ["old-error-rate", "traffic-share", "error-rate-over-old", "latency-over-old"] as const) {
      expect(said(gate, WITHOUT), gate).to.contain("nobody: ").and.contain("sources.old");
      expect(said(gate, { "old.loadBalancerArn": ALB.replace("/app/", "/net/") }), gate).to.contain("forwards connections");
      const source = { kind: "prometheus", labels: { job: "old" } };
      expect(said(gate, { ...WITHOUT, "sources.old": source }), gate).to.contain("Prometheus, convention guide");
    }
    expect(said("error-rate", WITHOUT), "the new side has its own").to.equal("CloudWatch, the new load balancer");
  });

  it("is nobody of a percentile that the convention has no histogram for, or the expressions leave out", () => {
    expect(said("latency-p95", { "sources.new": { kind: "prometheus", convention: "rails" } })).to.contain(
      "nobody: rails has no histogram",
    );
    const expressions = { requests: "sum(a)", errors: "sum(b)" };
    expect(said("latency-p95", { "sources.new": { kind: "prometheus", expressions } })).to.contain("sources.new.expressions.latencyP95");
    expect(said("error-rate", { "sources.new": { kind: "prometheus", expressions } })).to.equal("Prometheus, sources.new.expressions");
  });

  it("is nobody of what the targets file, the folder, or another version would have to have", () => {
    expect(said("old-once-stopped", {}, { target: { fleet: undefined } })).to.contain("fleet.onceRunning");
    expect(said("staging-verified", {}, { stacks: [STACK] })).to.contain("there is no stack web-api-staging");
    expect(said("staging-verified", {}, { stacks: [STACK, "web-api-staging"] })).to.equal("the journal of web-api-staging");
    expect(said("own.refused")).to.equal("nobody: gates.own has no own.refused any more");
    expect(said("newer-gate" as GateName)).to.equal("nobody: this version of cutover has no gate newer-gate");
  });
});

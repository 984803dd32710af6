import { expect } from "chai";
import { type ConfigPatch, patched, readConfig } from "../../src/config/stackFile.js";
import type { Finding } from "../../src/doctor/check.js";
import { draining, gates, ownGates } from "../../src/doctor/sources.js";
import { RAW, STACK } from "../automation/model.js";
import { motoForSuite } from "../support/moto.js";
import { prometheusForSuite } from "../support/prometheus.js";

describe("[traffic-9] cutover doctor says what counts the connections of a side that goes", function () {
  this.timeout(60_000);
  const moto = motoForSuite();
  const prometheus = prometheusForSuite();

  const found = (patch: ConfigPatch): Promise<Finding> =>
    draining(STACK, readConfig(patched(RAW, patch), "test", STACK), { clients: moto.clients(), prometheus: { url: prometheus.url() } });

  it("by a reading where something does", async () => {
    prometheus.expose(() => "open_websockets 3\n");
    const expressions = { "drain.expressions": { old: "sum(open_websockets)", new: "sum(open_websockets)" } };
    let { standing, detail } = await found(expressions);
    for (let i = 0; i < 100 && standing !== "ok"; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      ({ standing, detail } = await found(expressions));
    }
    expect(standing, detail).to.equal("ok");
    expect(detail).to.contain("old side 3 open (prometheus)");
  });

  it("by a warning where nothing does, with how long is waited then and what to name", async () => {
    const { standing, detail, mend } = await found({ "old.loadBalancerArn": undefined, "drain.seconds": 120 });
    expect(standing).to.equal("warning");
    expect(detail).to.contain("old side unknown").and.contain("drain.expressions.old");
    expect(mend).to.contain("waits 120 s");
  });

  it("and that nothing is waited for where the config says so", async () => {
    expect(await found({ "drain.seconds": 0 })).to.include({ standing: "ok", detail: "nothing is waited for: drain.seconds is 0" });
  });
});

describe("[observing-7] cutover doctor says who answers the gates of a plan", function () {
  this.timeout(60_000);
  const moto = motoForSuite();
  const prometheus = prometheusForSuite();
  const configWith = (patch: ConfigPatch) => readConfig(patched(RAW, patch), "test", STACK);
  const around = { stacks: [STACK, "web-api-staging"], target: { fleet: undefined } };

  it("and that each has somebody, before anything is asked", async () => {
    const { standing, detail } = await gates(STACK, configWith({}), around);
    expect(standing, detail).to.equal("ok");
    expect(detail).to.match(/^each of the \d+ gates of the plan has a source$/);
  });

  it("and fails where nobody can, naming gate, steps and what to say in the config", async () => {
    const { standing, detail, mend } = await gates(STACK, configWith({ "old.loadBalancerArn": undefined }), { ...around, stacks: [STACK] });
    expect(standing).to.equal("failed");
    expect(detail).to.contain("old-error-rate: ").and.contain("sources.old").and.contain("there is no stack web-api-staging");
    expect(mend).to.contain("database.go").and.contain("rollout.staging-verified").and.contain("traffic.dns-25");
  });

  it("and what the user's own read now, or why they have no value", async () => {
    prometheus.expose(() => 'orders_refused{pod="a"} 3\norders_refused{pod="b"} 4\n');
    const own = (name: string, expression: string, more: object = {}) => ({ name, source: "prometheus", expression, limit: 5, ...more });
    const config = configWith({
      "gates.own": [
        own("worst", "max(orders_refused)"),
        own("all", "sum(orders_refused)"),
        own("each", "orders_refused"),
        { ...{ name: "sent", source: "cloudwatch", namespace: "AWS/SES", metric: "Send" }, statistic: "Sum", limit: 1 },
      ],
    });
    const look = () => ownGates(STACK, config, { clients: moto.clients(), prometheus: { url: prometheus.url() } });
    let found = await look();
    while (found[0]?.standing !== "ok") {
      await new Promise((resolve) => setTimeout(resolve, 200));
      found = await look();
    }
    expect(found.map((f) => [f.check, f.standing, f.detail])).to.deep.equal([
      ["own.worst", "ok", "prometheus: 4 (accepted: at most 5)"],
      ["own.all", "warning", "prometheus: 7 (accepted: at most 5): it would not pass now"],
      [
        ...["own.each", "warning"],
        "prometheus: unknown: its expression gives 2 series, and one is meant: sum, max or min makes one of them (accepted: at most 5)",
      ],
      [
        ...["own.sent", "warning"],
        "cloudwatch: unknown: CloudWatch has no samples of AWS/SES Send with these dimensions in the window (accepted: at most 1)",
      ],
    ]);
  });
});

import { PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { expect } from "chai";
import type { AwsClients } from "../../../src/adapters/aws/clients.js";
import { allTargetGroups } from "../../../src/adapters/aws/pages.js";
import { CLOUDWATCH_DELAY, loadBalancerRequests } from "../../../src/adapters/aws/requests.js";
import type { RequestSignal } from "../../../src/adapters/prometheus/observations.js";
import { gateNamed } from "../../../src/automation/gates/catalogue.js";
import { judge } from "../../../src/automation/gates/gate.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { RAW, STACK } from "../../automation/model.js";
import { motoForSuite } from "../../support/moto.js";
import { instances, loadBalancer, network, weighted } from "./account.js";

const BLUE_GREEN = { kind: "blue-green", image: "example.org/web-api:1.1.0", green: true, greenWeight: 5 };

describe("the requests of a side as its load balancer counted them", function () {
  this.timeout(120_000);
  const moto = motoForSuite();
  let clients: AwsClients;
  let name = "";
  /** Service → its target group's name in CloudWatch. */
  const groups: Record<string, string> = {};
  /** Each test has minutes of its own: what another one put there is not seen. */
  let now = Date.now();

  const config = (patch: Record<string, unknown> = {}) => readConfig(patched(RAW, patch), "test", STACK);
  const read = async (signal: RequestSignal, patch: Record<string, unknown> = {}, side: "old" | "new" = "new") =>
    (await loadBalancerRequests(clients, config(patch), signal, side, 300, now)).reading;
  const put = (namespace: string, dimensions: Record<string, string>, values: Record<string, number>) =>
    clients.cloudwatch.send(
      new PutMetricDataCommand({
        Namespace: namespace,
        MetricData: Object.entries(values).map(([MetricName, Value]) => ({
          MetricName,
          Value,
          Timestamp: new Date(now - (CLOUDWATCH_DELAY + 90) * 1_000),
          Dimensions: Object.entries(dimensions).map(([Name, of]) => ({ Name, Value: of })),
        })),
      }),
    );
  const ofBalancer = (values: Record<string, number>) => put("AWS/ApplicationELB", { LoadBalancer: name }, values);
  const ofGroup = (service: string, values: Record<string, number>) =>
    put("AWS/ApplicationELB", { LoadBalancer: name, TargetGroup: groups[service] ?? "" }, values);

  before("a load balancer of the new side with blue and green", async () => {
    clients = moto.clients();
    const net = await network(clients);
    const arn = await loadBalancer(clients, "k8s-production-webapi", net.subnetIds, { "ingress.k8s.aws/stack": "production/web-api" });
    const targets = await instances(clients, 2, { Name: "target" });
    await weighted(clients, arn, net.vpcId, [
      { service: "web-api-blue", weight: 95, targets: targets.slice(0, 1) },
      { service: "web-api-green", weight: 5, targets: targets.slice(1) },
    ]);
    name = arn.split(":loadbalancer/")[1] ?? "";
    for await (const { TargetGroupArn = "", TargetGroupName = "" } of allTargetGroups(clients.elb, arn))
      groups[TargetGroupName.includes("green") ? "green" : "blue"] = TargetGroupArn.split(":").at(-1) ?? "";
    expect(Object.keys(groups).sort()).to.deep.equal(["blue", "green"]);
  });
  beforeEach(() => {
    now += 3_600_000;
  });

  it("promise 10 [observing-7]: is unknown without a single request, and needs no metric of the application", async () => {
    expect(await read("error-rate")).to.deep.equal({ known: false, reason: "no requests in the window" });
    await ofBalancer({ RequestCount: 1_000, HTTPCode_Target_5XX_Count: 10 });
    expect(await read("error-rate")).to.deep.equal({ known: true, value: 0.01 });
    expect(await read("request-count")).to.deep.equal({ known: true, value: 1_000 });
  });

  it("promise 10 [observing-4]: counts the answers 502, 503 and 504 of the new load balancer itself, as it does the old one's", async () => {
    await ofBalancer({ RequestCount: 100, HTTPCode_ELB_5XX_Count: 400 });
    expect(await read("error-rate")).to.deep.equal({ known: true, value: 1 });
    expect(await read("request-count")).to.deep.equal({ known: true, value: 400 });
  });

  it("promise 10 [observing-3]: judges green at 5 % on green's requests alone", async () => {
    await ofBalancer({ RequestCount: 2_000, HTTPCode_Target_5XX_Count: 90 });
    await ofGroup("blue", { RequestCount: 1_900 });
    await ofGroup("green", { RequestCount: 100, HTTPCode_Target_5XX_Count: 90 });
    expect(await read("error-rate"), "before green gets any").to.deep.equal({ known: true, value: 0.045 });
    expect(await read("error-rate", { strategy: BLUE_GREEN })).to.deep.equal({ known: true, value: 0.9 });
  });

  it("promise 10 [observing-3]: green's pods that no connection reaches are its errors, though no target answered", async () => {
    await ofBalancer({ RequestCount: 1_900, HTTPCode_ELB_5XX_Count: 90 });
    await ofGroup("blue", { RequestCount: 1_900 });
    await ofGroup("green", { RequestCount: 10, TargetConnectionErrorCount: 90 });
    const reading = await read("error-rate", { strategy: BLUE_GREEN });
    expect(reading).to.deep.equal({ known: true, value: 1 });
  });

  it("promise 10 [observing-3]: too few requests of green are unknown, however many blue has", async () => {
    await ofBalancer({ RequestCount: 2_000 });
    await ofGroup("blue", { RequestCount: 1_995 });
    await ofGroup("green", { RequestCount: 5 });
    expect(await read("error-rate", { strategy: BLUE_GREEN })).to.deep.equal({
      known: false,
      reason: "green: only 5 requests in the window",
    });
  });

  it("[observing-7] reads a Classic Load Balancer of the old side, and says of a Network Load Balancer what it cannot tell", async () => {
    const of = (arn: string) => ({ "old.loadBalancerArn": `arn:aws:elasticloadbalancing:us-east-2:123456789012:loadbalancer/${arn}` });
    await put("AWS/ELB", { LoadBalancerName: "shop" }, { RequestCount: 200, HTTPCode_Backend_5XX: 4, HTTPCode_ELB_5XX: 6 });
    expect(await read("error-rate", of("shop"), "old")).to.deep.equal({ known: true, value: 0.05 });
    const network = await read("error-rate", of("net/shop/50dc6c495c0c9188"), "old");
    expect(network.known === false && network.reason)
      .to.contain("does not see what HTTP answers")
      .and.contain("sources");
  });

  it("promise 10: is as old as its newest minute: that much is no sign of staleness, and what was true before the step does not count", () => {
    const observation = {
      name: "error-rate" as const,
      reading: { known: true as const, value: 0 },
      source: "cloudwatch",
      at: now - 170_000,
    };
    const gate = gateNamed("error-rate");
    const use = { gate: "error-rate" as const, holdSeconds: 0 };
    expect(judge(gate, use, { ...observation, delaySeconds: 180 }, config(), now)).to.equal("pass");
    expect(judge(gate, use, observation, config(), now), "of a source that measures now").to.equal("unknown");
    expect(judge(gate, use, { ...observation, at: now - 300_000, delaySeconds: 180 }, config(), now)).to.equal("unknown");
  });
});

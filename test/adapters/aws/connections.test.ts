import { PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { CreateLoadBalancerCommand, ModifyLoadBalancerAttributesCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import { expect } from "chai";
import type { AwsClients } from "../../../src/adapters/aws/clients.js";
import { balancerConnections } from "../../../src/adapters/aws/connections.js";
import { openConnections } from "../../../src/adapters/sources/connections.js";
import { readConfig } from "../../../src/config/stackFile.js";
import { type Reading, unknown } from "../../../src/ports/observations.js";
import { RAW, STACK } from "../../automation/model.js";
import { motoForSuite } from "../../support/moto.js";
import { loadBalancer, network } from "./account.js";

const MINUTE = 60_000;

describe("open connections of a load balancer, by CloudWatch", function () {
  this.timeout(120_000);
  const moto = motoForSuite();
  // Newest minute that CloudWatch has: two minutes ended after it.
  const now = Math.floor(Date.now() / MINUTE) * MINUTE + 20_000;
  const end = Math.floor(now / MINUTE) * MINUTE - 2 * MINUTE;
  let clients: AwsClients;
  let subnetIds: string[] = [];
  before("a network", async () => {
    clients = moto.clients();
    ({ subnetIds } = await network(clients));
  });

  const application = async (name: string) => ({ kind: "application" as const, arn: await loadBalancer(clients, name, subnetIds) });
  const read = async (of: { kind: "application" | "network"; arn: string }): Promise<Reading> =>
    (await balancerConnections(clients, of, now)).reading;
  const put = (arn: string, MetricName: string, Value: number, minutesAgo = 0, zone?: string) =>
    clients.cloudwatch.send(
      new PutMetricDataCommand({
        Namespace: arn.includes("/net/") ? "AWS/NetworkELB" : "AWS/ApplicationELB",
        MetricData: [
          {
            MetricName,
            Value,
            Timestamp: new Date(end - minutesAgo * MINUTE - 30_000),
            Dimensions: [
              ...(zone === undefined ? [] : [{ Name: "AvailabilityZone", Value: zone }]),
              { Name: "LoadBalancer", Value: arn.split(":loadbalancer/")[1] ?? "" },
            ],
          },
        ],
      }),
    );
  const idle = (arn: string, seconds: number) =>
    clients.elb.send(
      new ModifyLoadBalancerAttributesCommand({
        LoadBalancerArn: arn,
        Attributes: [{ Key: "idle_timeout.timeout_seconds", Value: `${seconds}` }],
      }),
    );

  it("[traffic-9] are those of an Application Load Balancer's newest minute, which its nodes report each", async () => {
    const balancer = await application("counted");
    await put(balancer.arn, "ActiveConnectionCount", 30, 1);
    await put(balancer.arn, "ActiveConnectionCount", 4);
    await put(balancer.arn, "ActiveConnectionCount", 3);
    expect(await read(balancer)).to.deep.include({ known: true, value: 7 });
    expect((await balancerConnections(clients, balancer, now)).end).to.equal(end);
  });

  it("[traffic-9] are none where an Application Load Balancer reports nothing, not even a byte, for as long as a silent one lives", async () => {
    const quiet = await application("quiet");
    await put(quiet.arn, "ActiveConnectionCount", 9, 1);
    expect(await read(quiet)).to.deep.equal({ known: true, value: 0 });
    // A WebSocket may be silent for five minutes, and is no request.
    await idle(quiet.arn, 300);
    expect(await read(quiet))
      .to.have.property("reason")
      .that.contains("has no ActiveConnectionCount of")
      .and.contains("5 min");
    const later = (minutes: number) => balancerConnections(clients, quiet, now + minutes * MINUTE);
    expect((await later(3)).reading.known).to.equal(false);
    expect((await later(4)).reading).to.deep.equal({ known: true, value: 0 });
  });

  it("[traffic-9] are unknown where bytes flow and no connection was counted", async () => {
    const balancer = await application("bytes");
    await put(balancer.arn, "ProcessedBytes", 120);
    expect((await read(balancer)).known).to.equal(false);
  });

  it("[traffic-9] are a Network Load Balancer's flows of all its zones; without one zone's figure nothing is known", async () => {
    const { LoadBalancers = [] } = await clients.elb.send(
      new CreateLoadBalancerCommand({ Name: "flows", Type: "network", Subnets: subnetIds }),
    );
    const [{ LoadBalancerArn: arn = "", AvailabilityZones = [] } = {}] = LoadBalancers;
    const [one = "", two = ""] = AvailabilityZones.map((z) => z.ZoneName ?? "");
    await put(arn, "ActiveFlowCount", 5, 0, one);
    const name = arn.split(":loadbalancer/")[1];
    expect(await read({ kind: "network", arn })).to.deep.equal(unknown(`CloudWatch has no ActiveFlowCount of ${name} in ${two}`));
    await put(arn, "ActiveFlowCount", 2, 0, two);
    await put(arn, "ActiveFlowCount", 3, 0, two);
    expect(await read({ kind: "network", arn })).to.deep.equal({ known: true, value: 8 });
  });

  it("[traffic-9] are observed with the age of their minute, and by name where nothing counts them", async () => {
    const balancer = await application("observed");
    const old = { instanceIds: ["i-123abc"], loadBalancerArn: balancer.arn };
    const config = readConfig({ ...RAW, "cutover:old": old }, "test", STACK);
    const parts = { clients, prometheus: { url: "http://127.0.0.1:9" } };
    const seen = await openConnections(config, "old", parts);
    expect(seen).to.deep.include({ reading: { known: true, value: 0 }, source: "cloudwatch", delay: 180 });
    expect(seen.age).to.be.within(120, 200);
    expect(await openConnections(config, "new", parts))
      .to.have.nested.property("reading.reason")
      .that.contains("drain.expressions.new");
  });
});

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  DeleteHostedZoneCommand,
  type ResourceRecordSet,
  type Route53Client,
} from "@aws-sdk/client-route-53";
import { expect } from "chai";
import { discoverLoadBalancers } from "../../src/adapters/aws/discovery.js";
import { oldAddressesOf, oldBalancerOf, oldGroupsOf } from "../../src/config/oldSide.js";
import { StackFile } from "../../src/config/stackFile.js";
import { instances, loadBalancer, network } from "../adapters/aws/account.js";
import { motoForSuite } from "../support/moto.js";
import { tempFolder } from "../support/tmp.js";
import { cutover } from "./service.js";

const INVENTORY = `Application,Technology,Dependencies,Traffic,Data Store,Critical,Owner
web-api,Node.js 16,None,10k req/day,None,High,Platform Team
portal,React,web-api,100 users,None,Medium,Admin Team
blog,PHP,None,100 users,None,Low,Admin Team
docs,React,None,100 users,None,Low,Admin Team
`;

/** moto draws ids at random, and a real one begins with Z: the others go. */
async function zoneOf(route53: Route53Client, Name: string): Promise<string> {
  for (let i = 0; ; i += 1) {
    const { HostedZone } = await route53.send(new CreateHostedZoneCommand({ Name, CallerReference: `init ${i}` }));
    const Id = (HostedZone?.Id ?? "").replace("/hostedzone/", "");
    if (Id.startsWith("Z")) return Id;
    await route53.send(new DeleteHostedZoneCommand({ Id }));
  }
}

describe("[traffic-1] cutover init --discover", function () {
  this.timeout(120_000);
  const moto = motoForSuite();
  let folder: string;
  let balancer: string;
  let zoneId: string;
  let ids: string[];

  const init = (...args: string[]) =>
    cutover(
      [
        ...["init", join(folder, "inventory.csv"), "--out", join(folder, "project"), "--region", "us-east-2"],
        ...["--registry", "ghcr.io/acme", "--domain", "acme.test", "--discover", "--endpoint", moto.endpoint(), ...args],
      ],
      { env: { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" } },
    );
  const stack = async (name: string) => StackFile.read(join(folder, "project", "stacks"), name);

  before("an account with four applications", async () => {
    const clients = moto.clients();
    const net = await network(clients);
    balancer = await loadBalancer(clients, "front", net.subnetIds);
    const dnsName = (await discoverLoadBalancers(clients)).find((b) => b.arn === balancer)?.dnsName ?? "";
    zoneId = await zoneOf(clients.route53, "acme.test");
    const plain = (Name: string, Type: "A" | "CNAME", ...values: string[]): ResourceRecordSet => ({
      ...{ Name, Type, TTL: 300 },
      ResourceRecords: values.map((Value) => ({ Value })),
    });
    const AliasTarget = { HostedZoneId: "Z3AADJGX6KTTL2", DNSName: `dualstack.${dnsName}.`, EvaluateTargetHealth: true };
    const records: ResourceRecordSet[] = [
      { Name: "web-api.acme.test", Type: "A", AliasTarget },
      plain("portal.acme.test", "CNAME", "d111abc.cloudfront.net"),
      plain("blog.acme.test", "A", "192.168.77.1", "192.168.77.2"),
    ];
    const Changes = records.map((ResourceRecordSet) => ({ Action: "CREATE" as const, ResourceRecordSet }));
    await clients.route53.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zoneId, ChangeBatch: { Changes } }));
    ids = await instances(clients, 2, { Application: "web-api", "aws:autoscaling:groupName": "old-web" });
    await instances(clients, 1, { Name: "prod-docs" });
  });

  beforeEach(async () => {
    folder = tempFolder("init-discover");
    await writeFile(join(folder, "inventory.csv"), INVENTORY);
  });

  it("writes what answers today as endpoints, which everything that reads the old side finds, and asks what is not certain", async () => {
    const { code, stderr } = await init();
    expect(code, stderr).to.equal(0);
    const web = (await stack("web-api-production")).shape();
    expect(web.old?.endpoints).to.deep.equal([
      { kind: "load-balancer", arn: balancer },
      { kind: "auto-scaling-group", name: "old-web" },
    ]);
    expect([web.old?.loadBalancerArn, web.old?.addresses]).to.deep.equal([undefined, undefined]);
    expect([oldBalancerOf(web), oldGroupsOf(web)]).to.deep.equal([balancer, ["old-web"]]);
    expect(web.old?.instanceIds).to.have.members(ids);
    const raw = (await stack("web-api-production")).raw();
    expect((raw["cutover:dns"] as { zoneId: string }).zoneId).to.equal(zoneId);

    const portal = (await stack("portal-production")).shape();
    expect(portal.old?.endpoints).to.deep.equal([{ kind: "host", name: "d111abc.cloudfront.net" }]);
    expect(portal.questions.join()).to.contain("name the distribution by its id");
    expect(oldAddressesOf((await stack("blog-production")).shape())).to.have.members(["192.168.77.1", "192.168.77.2"]);
    // A name alone makes it likely.
    const docs = (await stack("docs-production")).shape();
    expect(docs.old?.endpoints).to.deep.equal([]);
    expect(docs.questions.join()).to.match(/Does the instance i-\w+ serve docs/);
    // Staging comes from nowhere.
    const staging = (await stack("docs-staging")).shape();
    expect([staging.old, staging.questions]).to.deep.equal([undefined, []]);
  });

  it("refuses to tell one old side from another's by itself", async () => {
    const { code, stderr } = await init("--environment", "production", "europe");
    expect(code).to.not.equal(0);
    expect(stderr).to.contain("--discover").and.contain("one environment beside staging");
  });
});

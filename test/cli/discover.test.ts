import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { RequestCertificateCommand } from "@aws-sdk/client-acm";
import { ChangeResourceRecordSetsCommand, CreateHostedZoneCommand } from "@aws-sdk/client-route-53";
import { expect } from "chai";
import type { AwsClients } from "../../src/adapters/aws/clients.js";
import { projectRoot } from "../../src/engine/engine.js";
import { bucket, cache, database, instances, loadBalancer, network, queue } from "../adapters/aws/account.js";
import { command } from "../support/consumer.js";
import { motoForSuite } from "../support/moto.js";
import { tempFolder } from "../support/tmp.js";

const MAIN = join(projectRoot(), "dist", "src", "cli", "main.js");
/** moto's own account. */
const HOME = "123456789012";

describe("cutover discover", function () {
  this.timeout(240_000);
  const moto = motoForSuite();
  let frontId: string;
  const discover = (...args: string[]) => command(process.execPath, [MAIN, "discover", ...args], { cwd: projectRoot() });

  before("a large account", async () => {
    const clients = moto.clients();
    const { subnetIds } = await network(clients);
    for (let i = 0; i < 4; i += 1) await instances(clients, 100, { Name: `fleet-${i}` });
    await instances(clients, 100, { Name: "prod-web-api" });
    for (let i = 0; i < 40; i += 1) await database(clients, `db-${i}`);
    for (let i = 0; i < 59; i += 1) await loadBalancer(clients, `lb-${i}`, subnetIds);
    await loadBalancer(clients, "old-web-api", subnetIds, { Application: "web-api" });
    // Nothing names it but the address that the users' host name leads to.
    const address = "192.168.200.1";
    const [front = ""] = await instances(clients, 1, { Name: "front" }, { PrivateIpAddress: address });
    const zone = await clients.route53.send(new CreateHostedZoneCommand({ Name: "example.com", CallerReference: "1" }));
    const record = { Name: "api.example.com", Type: "A" as const, TTL: 300, ResourceRecords: [{ Value: address }] };
    const Changes = [{ Action: "CREATE" as const, ResourceRecordSet: record }];
    await clients.route53.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zone.HostedZone?.Id, ChangeBatch: { Changes } }));
    frontId = front;
    for (const [DomainName, KeyAlgorithm] of [
      ["api.example.com", "RSA_2048"],
      ["*.example.com", "EC_prime256v1"],
    ] as const)
      await clients.acm.send(new RequestCertificateCommand({ DomainName, KeyAlgorithm, ValidationMethod: "DNS" }));
    await cache(clients, "prod-redis", "redis", { Application: "web-api" });
    await cache(clients, "sessions", "memcached");
    await queue(clients, "batch-processor-jobs");
    for (let i = 0; i < 30; i += 1) await bucket(clients, `bucket-${i}`);
    await bucket(clients, "uploads", { Application: "batch-processor" });
  });

  it("lists everything as data, matched or not", async () => {
    const { code, output, stdout } = await discover("--region", "us-east-2", "--endpoint", moto.endpoint(), "--output", "json");
    expect(code, output).to.equal(0);
    const data = JSON.parse(stdout) as Record<string, Record<string, string>[]>;
    expect(data.instances).to.have.length(501);
    expect(data.applications?.find((a) => a.Resource === frontId)).to.deep.include({
      Application: "web-api",
      Confidence: "certain",
      Evidence: "api.example.com leads to it",
    });
    expect(data.databases).to.have.length(40);
    expect(data.loadBalancers).to.have.length(60);
    expect(data.applications).to.have.length(105);
    expect(data.applications?.find((a) => a.Kind === "load balancer")).to.include({ Application: "web-api", Confidence: "certain" });
    expect(data.ofNoApplication).to.have.length(530);
    expect(data.services).to.have.length(34);
    expect(data.services).to.deep.include({ Service: "Memcached", Kind: "cache", Id: "sessions", Account: HOME, Region: "us-east-2" });
    expect(data.hostedZones).to.deep.include({ Id: data.hostedZones?.[0]?.Id, Name: "example.com", Private: "no", Account: HOME });
    expect(data.certificates?.map((c) => [c.Domain, c.Status, c.Expires?.slice(0, 2)])).to.deep.equal([
      ["api.example.com", "ISSUED", "20"],
      ["*.example.com", "ISSUED", "20"],
    ]);
    // What the inventory says it depends on, and what of it was found.
    expect(data.dependencies).to.have.deep.members([
      { Application: "web-api", Dependency: "PostgreSQL", Service: "PostgreSQL", Resources: "none found" },
      { Application: "web-api", Dependency: "Redis", Service: "Redis", Resources: "prod-redis" },
      { Application: "batch-processor", Dependency: "S3", Service: "S3", Resources: "uploads" },
      { Application: "batch-processor", Dependency: "SQS", Service: "SQS", Resources: "batch-processor-jobs" },
    ]);
  });

  it("prints the guide's tables, as Markdown and CSV too, for several regions", async () => {
    const regions = ["--region", "us-east-2", "us-west-2", "--endpoint", moto.endpoint()];
    const table = await discover(...regions);
    expect(table.output).to.match(/Instances \(501\)\nInstanceId +InstanceType +State +Name +Account +Region\n/);
    const markdown = await discover(...regions, "--output", "markdown");
    expect(markdown.output).to.contain("| LoadBalancerName | Type | State | DNSName | Account | Region |");
    const csv = await discover(...regions, "--output", "csv");
    expect(csv.output).to.contain("DBInstanceIdentifier,Engine,EngineVersion,DBInstanceClass,Endpoint,SizeGb,Encrypted,Account,Region\n");
  });

  it("goes through several accounts by the roles given, and says how long it took", async () => {
    const roles = ["111111111111", "222222222222"].map((id) => `arn:aws:iam::${id}:role/cutover`);
    const [first, second] = roles.map((roleArn) => moto.clients({ roleArn }));
    // The same name in both accounts; what names its application does so in one of them alone.
    await database(first as AwsClients, "main", { Application: "web-api" });
    await database(second as AwsClients, "main");
    const { stdout, output } = await discover(
      "--region",
      "us-east-2",
      "--role",
      ...roles,
      "--endpoint",
      moto.endpoint(),
      "--output",
      "json",
    );
    const data = JSON.parse(stdout) as Record<string, Record<string, string>[]>;
    expect(data.databases?.map((d) => [d.DBInstanceIdentifier, d.Account])).to.deep.equal([
      ["main", "111111111111"],
      ["main", "222222222222"],
    ]);
    expect(data.applications?.map((a) => [a.Application, a.Resource, a.Account])).to.deep.equal([["web-api", "main", "111111111111"]]);
    expect(data.ofNoApplication?.map((a) => [a.Resource, a.Account])).to.deep.equal([["main", "222222222222"]]);
    expect(output).to.match(/Discovered 0 instances, 2 databases, 0 load balancers in 2 accounts and 1 region in [\d.]+ s\.\n/);
  });

  it("goes through several accounts by the profiles given", async () => {
    const file = join(tempFolder("profiles"), "config");
    const profile = (name: string, id: string) =>
      `[profile ${name}]\nrole_arn = arn:aws:iam::${id}:role/cutover\ncredential_source = Environment\n`;
    writeFileSync(file, profile("shop", "111111111111") + profile("data", "222222222222"));
    const args = ["discover", "--region", "us-east-2", "--profile", "shop", "data", "--endpoint", moto.endpoint(), "--output", "csv"];
    const { stdout, output } = await command(process.execPath, [MAIN, ...args], {
      cwd: projectRoot(),
      env: { ...process.env, AWS_CONFIG_FILE: file },
    });
    expect(stdout, output).to.match(/^main,postgres,.*,111111111111,us-east-2$/m);
    expect(stdout).to.match(/^main,postgres,.*,222222222222,us-east-2$/m);
  });

  it("says what is wrong in one sentence", async () => {
    const noRegion = await command(process.execPath, [MAIN, "discover"], {
      cwd: projectRoot(),
      env: { PATH: process.env.PATH ?? "", HOME: "/nonexistent" },
    });
    expect(noRegion.output).to.contain("--region: missing; accepted: a region, for example us-east-2 (or AWS_REGION in the environment)");
    expect(noRegion.code).to.equal(2);
    const wrong = await discover("--region", "us-east-2", "--output", "xml");
    expect(wrong.output).to.match(/Allowed choices are table, markdown, csv, json, yaml/);
    expect(wrong.code).to.equal(2);
  });
});

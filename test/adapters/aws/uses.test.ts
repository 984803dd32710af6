import { PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { ModifyLoadBalancerAttributesCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import { CreateDBInstanceReadReplicaCommand } from "@aws-sdk/client-rds";
import { ChangeResourceRecordSetsCommand, CreateHostedZoneCommand } from "@aws-sdk/client-route-53";
import { expect } from "chai";
import type { AwsClients } from "../../../src/adapters/aws/clients.js";
import { awsCloudPort } from "../../../src/adapters/aws/cloudPort.js";
import { databaseUses, instanceUses, loadBalancerUses } from "../../../src/adapters/aws/uses.js";
import { buildPlan } from "../../../src/automation/plan/plan.js";
import type { ActionContext, ActionStep } from "../../../src/automation/plan/step.js";
import type { StackConfig } from "../../../src/config/schema.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { Terminal, Transient } from "../../../src/errors.js";
import { known, type ObservationName, type Reading, unknown } from "../../../src/ports/observations.js";
import type { Target } from "../../../src/ports/target.js";
import { modelProject, RAW, STACK } from "../../automation/model.js";
import { motoForSuite } from "../../support/moto.js";
import { database, instances, loadBalancer, network, weighted } from "./account.js";

const DAY = 86_400;
const effect = { key: "k", fence: 1 };

describe("promise 4: nothing goes that is used", function () {
  this.timeout(120_000);
  const moto = motoForSuite();
  let clients: AwsClients;
  let config: StackConfig;
  let ids: string[] = [];
  let addresses: (string | undefined)[] = [];
  let balancer = { arn: "", name: "", dnsName: "" };
  let zoneId = "";
  const hoursAgo = (hours: number): Date => new Date(Date.now() - hours * 3_600_000);
  const put = (Namespace: string, Name: string, Value: string, MetricName: string, sample: number, hours: number) =>
    clients.cloudwatch.send(
      new PutMetricDataCommand({
        Namespace,
        MetricData: [{ MetricName, Value: sample, Timestamp: hoursAgo(hours), Dimensions: [{ Name, Value }] }],
      }),
    );
  const record = (Name: string, Value: string, Type: "A" | "CNAME" = "A", zone = zoneId) =>
    clients.route53.send(
      new ChangeResourceRecordSetsCommand({
        HostedZoneId: zone,
        ChangeBatch: { Changes: [{ Action: "UPSERT", ResourceRecordSet: { Name, Type, TTL: 60, ResourceRecords: [{ Value }] } }] },
      }),
    );

  before("an old infrastructure that nobody uses", async () => {
    clients = moto.clients();
    const net = await network(clients);
    ids = await instances(clients, 2, { Name: "web-api" });
    const arn = await loadBalancer(clients, "old-web-api", net.subnetIds);
    await weighted(clients, arn, net.vpcId, [{ service: "old", weight: 1, targets: ids }]);
    await database(clients, "prod-db");
    const zone = await clients.route53.send(new CreateHostedZoneCommand({ Name: "example.com", CallerReference: "uses" }));
    zoneId = (zone.HostedZone?.Id ?? "").replace("/hostedzone/", "");
    config = readConfig(
      patched(RAW, { "old.instanceIds": ids, "old.loadBalancerArn": arn, "ingress.host": "api.example.com" }),
      "test",
      STACK,
    );
    // moto's zone ids are none that the schema takes.
    const dns = config.dns as NonNullable<StackConfig["dns"]>;
    config = { ...config, dns: { ...dns, zoneId, also: [{ name: "www.example.com", private: false }] } };
    const port = awsCloudPort(clients, () => config);
    const found = (await port.loadBalancers()).find((b) => b.arn === arn);
    balancer = { arn, name: arn.split(":loadbalancer/")[1] ?? "", dnsName: found?.dnsName.toLowerCase() ?? "" };
    addresses = (await port.instances()).map((i) => ("publicIp" in i ? (i.publicIp as string) : undefined));
    await record("api.example.com", balancer.dnsName, "CNAME");
    await record("www.example.com", balancer.dnsName, "CNAME");
    for (const id of ids) await put("AWS/EC2", "InstanceId", id, "NetworkIn", 900_000, 2);
  });

  const ofBalancer = () => loadBalancerUses(clients, config, DAY, Date.now());
  const ofInstances = (patch: Record<string, unknown> = {}) =>
    instanceUses(clients, { ...config, old: { ...(config.old as NonNullable<StackConfig["old"]>), ...patch } }, DAY, Date.now());

  it("finds nobody where nobody is: the application's own name, which the migration moves, does not count", async () => {
    expect(await ofBalancer()).to.deep.equal({ reading: known(0), detail: "" });
    expect(await ofInstances()).to.deep.equal({ reading: known(0), detail: "" });
    expect(await databaseUses(clients, config)).to.deep.equal([]);
  });

  it("[observing-10] finds the last requests of hours ago, however few, over all of the time that is asked for", async () => {
    await put("AWS/ApplicationELB", "LoadBalancer", balancer.name, "RequestCount", 4, 20);
    expect(await ofBalancer()).to.deep.equal({ reading: known(1), detail: "4 requests or connections in the last 24 h" });
    const tolerant = { ...config, cleanup: { ...config.cleanup, toleratedRequests: 4 } };
    expect((await loadBalancerUses(clients, tolerant, DAY, Date.now())).reading).to.deep.equal(known(0));
    expect((await loadBalancerUses(clients, config, 6 * 3_600, Date.now())).reading, "they were before that").to.deep.equal(known(0));
  });

  it("[traffic-6] finds the application's own name in a zone that it does not move", async () => {
    const { HostedZone } = await clients.route53.send(new CreateHostedZoneCommand({ Name: "example.com", CallerReference: "inside" }));
    const inside = (HostedZone?.Id ?? "").replace("/hostedzone/", "");
    await record("api.example.com", balancer.dnsName, "CNAME", inside);
    expect((await ofBalancer()).detail).to.contain(`the name api.example.com in the zone ${inside} leads to it`);
    await record("api.example.com", "elsewhere.example.net", "CNAME", inside);
  });

  it("[observing-10] finds other names that lead to it, and the protection that would refuse its removal", async () => {
    await record("shop.example.com", balancer.dnsName, "CNAME");
    await clients.elb.send(
      new ModifyLoadBalancerAttributesCommand({
        LoadBalancerArn: balancer.arn,
        Attributes: [{ Key: "deletion_protection.enabled", Value: "true" }],
      }),
    );
    const { detail } = await ofBalancer();
    expect(detail).to.contain("the name shop.example.com leads to it").and.contain("its deletion protection is on");
  });

  it("[observing-10] finds what instances still receive; without a figure nothing is known", async () => {
    await put("AWS/EC2", "InstanceId", ids[0] ?? "", "NetworkIn", 900_000_000, 5);
    expect((await ofInstances()).detail).to.match(new RegExp(`^${ids[0]} received 90[01] MB in an hour$`));
    const [silent = ""] = await instances(clients, 1, { Name: "silent" });
    expect((await ofInstances({ instanceIds: [silent] })).reading).to.deep.equal(unknown(`CloudWatch has no NetworkIn of ${silent}`));
    expect(addresses.length).to.be.above(0);
  });

  it("[observing-13] finds the Auto Scaling group of an instance, and the successors that the config does not name", async () => {
    const [member = ""] = await instances(clients, 1, { Name: "member", "aws:autoscaling:groupName": "web" });
    await put("AWS/EC2", "InstanceId", member, "NetworkIn", 1_000, 2);
    const alone = { instanceIds: [member], loadBalancerArn: undefined };
    expect((await ofInstances(alone)).detail).to.contain(`the Auto Scaling group web would start another in place of ${member}`);
    const named = { ...alone, endpoints: [{ kind: "auto-scaling-group", name: "web" }] };
    expect((await ofInstances(named)).reading).to.deep.equal(known(0));
    const { detail } = await ofInstances({ instanceIds: ids.slice(0, 1) });
    expect(detail).to.contain(`the old load balancer sends to ${ids[1]}, which the stack config does not name`);
  });

  it("[observing-10] finds other replicas of the old database", async () => {
    await clients.rds.send(
      new CreateDBInstanceReadReplicaCommand({ DBInstanceIdentifier: "reports", SourceDBInstanceIdentifier: "prod-db" }),
    );
    expect(await databaseUses(clients, config)).to.deep.equal(["reports is a replica of it"]);
  });

  it("[observing-12] takes no snapshot of before the last write for the last state", async () => {
    const port = awsCloudPort(clients, () => config);
    await port.snapshotDatabase("prod-db-final-snapshot", effect, Date.now());
    const later = Date.now() + 3_600_000;
    const error = await port.snapshotDatabase("prod-db-final-snapshot", effect, later).catch((e: Error) => e);
    expect(error).to.be.instanceOf(Terminal).with.property("message").that.contains("before the last write");
    expect(await port.deleteDatabase("prod-db-final-snapshot", effect, later).catch((e: Error) => e)).to.be.instanceOf(Terminal);
    expect((await port.databases()).map((d) => d.identifier)).to.include("prod-db");
  });

  describe("in the clean-up's own steps", () => {
    const step = (id: string, of: StackConfig): ActionStep => {
      const found = buildPlan(of).find((s) => s.id === `cleanup.${id}`);
      if (found?.kind !== "action") throw new Error(`no action cleanup.${id}`);
      return found;
    };
    const run = async (
      id: string,
      reading: (name: ObservationName) => [Reading, string],
      others: ActionContext["otherStacks"],
      of: StackConfig = config,
    ) => {
      const removed: string[] = [];
      const removes = (what: string) => async () => {
        removed.push(what);
        return { summary: `${what} removed.` };
      };
      let now = Date.now();
      const target = {
        clock: {
          now: () => now,
          sleepUntil: async (until: number) => {
            now = until;
          },
        },
        observer: {
          observe: async (name: ObservationName, _: unknown, seconds: number) => {
            if (name === "open-connections") return { name, reading: known(0), at: now, source: "test" };
            expect(seconds).to.equal(config.cleanup.unusedSeconds);
            const [value, detail] = reading(name);
            return { name, reading: value, detail, at: Date.now(), source: "test" };
          },
        },
        cloud: {
          terminateInstances: removes("instances"),
          deleteLoadBalancer: removes("load balancer"),
          deleteDatabase: removes("database"),
          deleteSecurityGroups: removes("groups"),
          instances: async () => [],
          loadBalancers: async () => [],
          databases: async () => [],
        },
      } as unknown as Target;
      const context: ActionContext = { target, config: of, effect, project: modelProject, otherStacks: others, marks: {} };
      const outcome = await step(id, of)
        .run(context)
        .catch((e: Error) => e);
      return { removed, outcome };
    };
    const nobody = async () => [];
    const unused = (): [Reading, string] => [known(0), ""];

    for (const [id, thing] of [
      ["terminate-instances", "instances"],
      ["delete-load-balancer", "load balancer"],
      ["delete-database", "database"],
    ] as const) {
      it(`[observing-10] ${id} removes what nobody uses, and nothing that is used or of which nothing is known`, async () => {
        expect((await run(id, unused, nobody)).removed).to.deep.equal([thing]);
        const used = await run(id, () => [known(1), "4 requests in the last 24 h"], nobody);
        expect(used.removed).to.deep.equal([]);
        expect(used.outcome).to.be.instanceOf(Terminal).with.property("message").that.contains("4 requests in the last 24 h");
        const blind = await run(id, () => [unknown("no answer"), ""], nobody);
        expect(blind.removed).to.deep.equal([]);
        expect(blind.outcome).to.be.instanceOf(Transient);
      });

      it(`[observing-11] ${id} leaves what another stack names, until that one's migration has ended`, async () => {
        const theirs = { ...config, application: { ...config.application, name: "shop" } };
        const shared = await run(id, unused, async () => [{ stack: "shop-production", config: theirs }]);
        expect(shared.removed).to.deep.equal([]);
        expect(shared.outcome).to.have.property("summary").that.contains("stays").and.contains("shop-production");
      });
    }

    it("[traffic-7] does not ask who uses a load balancer that stays, nor list it; names what no step removes", async () => {
      const place = "arn:aws:elasticloadbalancing:us-east-2:123456789012";
      const serving = "app/shared/50dc6c495c0c9188";
      const old = config.old as NonNullable<StackConfig["old"]>;
      const stays: StackConfig = {
        ...config,
        dns: undefined,
        traffic: {
          kind: "target-groups",
          listenerArn: `${place}:listener/${serving}/f2f7dc8efc522ab2`,
          priority: 9,
          oldTargetGroupArn: `${place}:targetgroup/old/73e2d6bc24d8a067`,
          records: "new",
          weights: { old: 0, new: 100 },
          steps: [100],
          holdSeconds: 60,
        },
        old: {
          ...old,
          loadBalancerArn: `${place}:loadbalancer/${serving}`,
          endpoints: [
            { kind: "cloudfront", distributionId: "E1234567890ABC" },
            { kind: "auto-scaling-group", name: "old-web" },
          ],
        },
      };
      const asked: ObservationName[] = [];
      const reading = (name: ObservationName): [Reading, string] => {
        asked.push(name);
        return unused();
      };
      const { outcome } = await run("list", reading, nobody, stays);
      expect(asked).to.deep.equal(["old-instances-users", "old-database-users"]);
      expect(outcome)
        .to.have.property("summary")
        .that.contains("old-web")
        .and.contains("No step removes the CloudFront distribution E1234567890ABC")
        .and.does.not.contain(serving);
      expect(buildPlan(stays).map((s) => s.id)).not.to.contain("cleanup.delete-load-balancer");
    });

    it("[observing-10] shows the evidence before anybody approves, and does not ask for approval while something is used", async () => {
      const used = await run("list", (name) => (name === "old-load-balancer-users" ? [known(1), "4 % of users"] : unused()), nobody);
      expect(used.outcome).to.be.instanceOf(Terminal).with.property("message").that.contains("the old load balancer: 4 % of users");
      const { outcome } = await run("list", unused, nobody);
      expect(outcome)
        .to.have.property("summary")
        .that.contains("Nobody has used the old load balancer, the old instances, the old database for 24 h");
    });
  });
});

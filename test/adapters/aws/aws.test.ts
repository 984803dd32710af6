import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { RequestCertificateCommand } from "@aws-sdk/client-acm";
import { PutMetricAlarmCommand, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateNetworkInterfaceCommand,
  CreateSecurityGroupCommand,
  DeleteNetworkInterfaceCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
} from "@aws-sdk/client-ec2";
import { CreateClusterCommand, CreateNodegroupCommand } from "@aws-sdk/client-eks";
import {
  CreateDBInstanceReadReplicaCommand,
  CreateDBSubnetGroupCommand,
  DescribeDBInstancesCommand,
  ModifyDBInstanceCommand,
  PromoteReadReplicaCommand,
} from "@aws-sdk/client-rds";
import {
  ChangeResourceRecordSetsCommand,
  ChangeTagsForResourceCommand,
  CreateHealthCheckCommand,
  CreateHostedZoneCommand,
} from "@aws-sdk/client-route-53";
import { expect } from "chai";
import type { AwsClients } from "../../../src/adapters/aws/clients.js";
import { awsCloudPort } from "../../../src/adapters/aws/cloudPort.js";
import { findCreated } from "../../../src/adapters/aws/created.js";
import { discover } from "../../../src/adapters/aws/discovery.js";
import { factsOf } from "../../../src/adapters/aws/facts.js";
import { cloudwatchLag } from "../../../src/adapters/aws/observations.js";
import { recordsOf } from "../../../src/adapters/aws/records.js";
import { loadBalancerRequests } from "../../../src/adapters/aws/requests.js";
import type { NameSet } from "../../../src/adapters/aws/zone.js";
import type { RequestSignal } from "../../../src/adapters/prometheus/observations.js";
import { STACK_TAG, type StackConfig } from "../../../src/config/schema.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { projectRoot } from "../../../src/engine/engine.js";
import { Terminal } from "../../../src/errors.js";
import type { ObservationName, Side } from "../../../src/ports/observations.js";
import { RAW, STACK } from "../../automation/model.js";
import { awsReading } from "../../support/awsReading.js";
import { motoForSuite } from "../../support/moto.js";
import { bucket, cache, database, instances, loadBalancer, network, queue, weighted } from "./account.js";
import { queueChecks } from "./queueChecks.js";

const effect = { key: "k", fence: 1 };
const HOST = "api.example.com";
type Old = NonNullable<StackConfig["old"]>;

/** What fills the account; cutover itself never does. */
const MADE_BY_TESTS = [
  ...[
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "CreateNetworkInterface",
    "CreateSecurityGroup",
    "CreateSubnet",
    "CreateVpc",
    "DeleteNetworkInterface",
    "RunInstances",
  ].map((a) => `ec2:${a}`),
  ...["CreateListener", "CreateLoadBalancer", "CreateTargetGroup", "RegisterTargets"].map((a) => `elasticloadbalancing:${a}`),
  ...["CreateDBInstance", "CreateDBInstanceReadReplica", "CreateDBSubnetGroup", "ModifyDBInstance", "PromoteReadReplica"].map(
    (a) => `rds:${a}`,
  ),
  ...["CreateCluster", "CreateNodegroup"].map((a) => `eks:${a}`),
  ...["ChangeTagsForResource", "CreateHealthCheck", "CreateHostedZone"].map((a) => `route53:${a}`),
  "acm:RequestCertificate",
  "cloudwatch:PutMetricAlarm",
  "cloudwatch:PutMetricData",
  "elasticache:CreateCacheCluster",
  "sqs:CreateQueue",
  "s3:CreateBucket",
  "s3:PutBucketTagging",
];

describe("the cloud port over the AWS SDK", function () {
  this.timeout(120_000);
  const moto = motoForSuite();
  let clients: AwsClients;
  let config: StackConfig;
  let oldInstances: string[];
  let zoneId: string;
  let net: Awaited<ReturnType<typeof network>>;
  const port = () => awsCloudPort(clients, () => config);
  const observe = (name: ObservationName, side?: Side) => awsReading(clients, config, name, side);

  before("an account with an old infrastructure", async () => {
    clients = moto.clients();
    net = await network(clients);
    oldInstances = await instances(clients, 2, { Name: "web-api", Application: "web-api" });
    await database(clients, "prod-db");
    await cache(clients, "redis", "redis");
    await queue(clients, "jobs");
    await bucket(clients, "files", { Application: "web-api" });
    const arn = await loadBalancer(clients, "old-web-api", net.subnetIds);
    const zone = await clients.route53.send(new CreateHostedZoneCommand({ Name: "example.com", CallerReference: "1" }));
    zoneId = (zone.HostedZone?.Id ?? "").replace("/hostedzone/", "");
    const plain = { Name: HOST, Type: "A" as const, TTL: 300, ResourceRecords: [{ Value: "1.2.3.4" }] };
    await clients.route53.send(
      new ChangeResourceRecordSetsCommand({
        HostedZoneId: zoneId,
        ChangeBatch: { Changes: [{ Action: "CREATE", ResourceRecordSet: plain }] },
      }),
    );
    const patch = {
      "old.instanceIds": oldInstances,
      "old.loadBalancerArn": arn,
      "old.securityGroupIds": [net.groupId],
    };
    const read = readConfig(patched(RAW, patch), "test", STACK);
    // moto's zone ids are of a form of their own.
    config = { ...read, dns: { ...(read.dns as NonNullable<StackConfig["dns"]>), zoneId } };
  });

  it("discovers instances, databases, load balancers, zones and certificates with what the guide's tables have", async () => {
    const found = await discover(clients);
    expect(found.instances.map((i) => i.id)).to.have.members(oldInstances);
    expect(found.instances[0]).to.deep.include({ type: "m5.large", state: "running", name: "web-api", region: "us-east-2" });
    expect(found.databases[0]).to.include({
      identifier: "prod-db",
      engine: "postgres",
      class: "db.r6g.large",
      encrypted: true,
      backupRetentionDays: 7,
    });
    expect(found.loadBalancers[0]).to.include({ name: "old-web-api", type: "application" });
    expect(found.services.map((s) => [s.service, s.id, s.tags])).to.deep.equal([
      ["Redis", "redis", {}],
      ["SQS", "jobs", {}],
      ["S3", "files", { Application: "web-api" }],
    ]);
    expect(found.zones).to.deep.equal([{ id: zoneId, name: "example.com", private: false }]);
  });

  it("turns the plain record into a weighted one in one batch, and leaves it when asked again", async () => {
    expect((await port().adoptRecord(effect)).summary).to.contain("one change batch");
    const [{ plain, old } = {} as NameSet] = await recordsOf(clients.route53, config);
    expect(plain).to.equal(undefined);
    expect(old).to.deep.include({ SetIdentifier: "old-infra", Weight: 100, TTL: 300 });
    expect((await port().adoptRecord(effect)).summary).to.contain("already");
    expect(await observe("dns-ttl")).to.deep.equal({ known: true, value: 300 });
    expect(await observe("dns-weight-new")).to.deep.equal({ known: true, value: 0 });
  });

  it("promise 2: the emergency path sets both weights at once, and refuses to leave a name without an answer", async () => {
    const record = {
      Name: HOST,
      Type: "A" as const,
      SetIdentifier: "new-infra",
      Weight: 0,
      TTL: 60,
      ResourceRecords: [{ Value: "5.6.7.8" }],
    };
    await clients.route53.send(
      new ChangeResourceRecordSetsCommand({
        HostedZoneId: zoneId,
        ChangeBatch: { Changes: [{ Action: "CREATE", ResourceRecordSet: record }] },
      }),
    );
    await port().setWeights({ old: 25, new: 75 }, effect);
    expect(await observe("dns-weight-new")).to.deep.equal({ known: true, value: 75 });
    const [{ old } = {} as NameSet] = await recordsOf(clients.route53, config);
    expect(old).to.deep.include({ Weight: 25, TTL: 300, ResourceRecords: [{ Value: "1.2.3.4" }] });
    const dark = await port()
      .setWeights({ old: 0, new: 0 }, effect)
      .catch((e: Error) => e);
    expect(dark).to.be.instanceOf(Terminal).with.property("message").that.contains("promise 2");
    const again = await port().setWeights({ old: 25, new: 75 }, effect);
    expect(again.facts).to.deep.equal({ old: 25, new: 75 });
  });

  it("sees a replica, its promotion and its backups", async () => {
    expect(await observe("replica-available")).to.include({ known: false });
    await clients.rds.send(
      new CreateDBInstanceReadReplicaCommand({ DBInstanceIdentifier: "prod-db-replica", SourceDBInstanceIdentifier: "prod-db" }),
    );
    expect(await observe("replica-available")).to.deep.equal({ known: true, value: 1 });
    await clients.rds.send(new PromoteReadReplicaCommand({ DBInstanceIdentifier: "prod-db-replica" }));
    await clients.rds.send(
      new ModifyDBInstanceCommand({ DBInstanceIdentifier: "prod-db-replica", BackupRetentionPeriod: 14, ApplyImmediately: true }),
    );
    expect(await observe("backup-retention")).to.deep.equal({ known: true, value: 14 });
  });

  it("promise 11: reads the split from the load balancer's own rules", async () => {
    expect(await observe("green-weight")).to.include({ known: false });
    const arn = await loadBalancer(clients, "k8s-production-webapi", net.subnetIds, { "ingress.k8s.aws/stack": "production/web-api" });
    const targets = await instances(clients, 2, { Name: "target" });
    await weighted(clients, arn, net.vpcId, [
      { service: "web-api-blue", weight: 75, targets: targets.slice(0, 1) },
      { service: "web-api-green", weight: 25, targets: targets.slice(1) },
    ]);
    expect(await observe("load-balancer-ready")).to.deep.equal({ known: true, value: 1 });
    expect(await observe("green-weight")).to.deep.equal({ known: true, value: 25 });
    expect(await observe("rollout-share")).to.deep.equal({ known: true, value: 0 });
    expect(await observe("targets-healthy")).to.deep.equal({ known: true, value: 1 });
  });

  it("promise 10: no samples of the old side are unknown, not healthy", async () => {
    for (const name of ["error-rate", "latency-p95", "request-count"] as const)
      expect(await observe(name, "old")).to.include({ known: false });
    expect(await observe("error-rate", "new")).to.include({ known: false });
  });

  it("measures the old side as CloudWatch has it, with enough requests or not at all", async () => {
    const dimension = { Name: "LoadBalancer", Value: (config.old?.loadBalancerArn ?? "").split(":loadbalancer/")[1] ?? "" };
    const Timestamp = new Date(Date.now() - 180_000);
    const put = (values: Record<string, number>) =>
      clients.cloudwatch.send(
        new PutMetricDataCommand({
          Namespace: "AWS/ApplicationELB",
          MetricData: Object.entries(values).map(([MetricName, Value]) => ({ MetricName, Value, Timestamp, Dimensions: [dimension] })),
        }),
      );
    await put({ RequestCount: 3, HTTPCode_Target_5XX_Count: 1 });
    expect(await observe("request-count", "old")).to.deep.equal({ known: true, value: 3 });
    expect(await observe("error-rate", "old")).to.deep.equal({ known: false, reason: "only 3 requests in the window" });
    await put({ RequestCount: 997, HTTPCode_Target_5XX_Count: 19, TargetResponseTime: 0.25 });
    expect(await observe("error-rate", "old")).to.deep.equal({ known: true, value: 0.02 });
    // moto knows no percentiles: a proxy asks it for the sum of the one sample instead.
    const asSum = (body: Buffer) => Buffer.from(body.toString("latin1").replace("p95", "Sum"), "latin1");
    const proxied = moto.clients({ endpoint: await moto.behind(() => false, asSum) });
    const latency = await loadBalancerRequests(proxied, config, "latency-p95", "old", 300, Date.now());
    expect(latency.reading).to.deep.equal({ known: true, value: 0.25 });
  });

  it("promise 10: an old fleet that is dead has errors, the load balancer's own, and no requests: its rate is 100 %, not 0 %", async () => {
    const dead = (name: string): StackConfig => ({
      ...config,
      old: { ...(config.old as Old), loadBalancerArn: `arn:aws:elasticloadbalancing:us-east-2:123456789012:loadbalancer/app/${name}/1` },
    });
    const put = (name: string, values: Record<string, number>) =>
      clients.cloudwatch.send(
        new PutMetricDataCommand({
          Namespace: "AWS/ApplicationELB",
          MetricData: Object.entries(values).map(([MetricName, Value]) => ({
            MetricName,
            Value,
            Timestamp: new Date(Date.now() - 180_000),
            Dimensions: [{ Name: "LoadBalancer", Value: `app/${name}/1` }],
          })),
        }),
      );
    const of = async (name: string, observation: RequestSignal) =>
      (await loadBalancerRequests(clients, dead(name), observation, "old", 300, Date.now())).reading;
    await put("dead", { HTTPCode_ELB_5XX_Count: 400 });
    expect(await of("dead", "error-rate")).to.deep.equal({ known: true, value: 1 });
    expect(await of("dead", "request-count"), "its users still ask").to.deep.equal({ known: true, value: 400 });
    expect(await of("dead", "latency-p95")).to.deep.equal({ known: false, reason: "no response times in the window" });
    await put("dying", { RequestCount: 1_000, HTTPCode_Target_5XX_Count: 30, HTTPCode_ELB_5XX_Count: 70 });
    expect(await of("dying", "error-rate")).to.deep.equal({ known: true, value: 0.1 });
    expect(await of("idle", "error-rate")).to.deep.equal({ known: false, reason: "no requests in the window" });
  });

  /** moto answers these one after the other. */
  const answers = async (...results: object[]) => {
    const body = JSON.stringify({ account_id: "123456789012", results });
    const done = await fetch(`${moto.endpoint()}/moto-api/static/ce/cost-and-usage-results`, { method: "POST", body });
    expect(done.ok).to.equal(true);
  };
  const amount = (Amount: string) => ({ BlendedCost: { Amount, Unit: "USD" } });
  const month = (Start: string, Groups: object[]) => ({ TimePeriod: { Start }, Groups });

  it("reads costs by service, application and month, all pages", async () => {
    await answers(
      {
        ResultsByTime: [
          month("2026-08-01", [
            { Keys: ["Amazon Relational Database Service", "Application$web-api"], Metrics: amount("655.5") },
            { Keys: ["Amazon Relational Database Service", "Application$"], Metrics: amount("10") },
          ]),
        ],
        NextPageToken: "more",
      },
      { ResultsByTime: [month("2026-10-01", [{ Keys: ["AmazonEKS", "Application$web-api"], Metrics: amount("73") }])] },
    );
    expect(await port().costs({ start: "2026-08", end: "2026-10" })).to.deep.equal([
      { month: "2026-08", service: "Amazon Relational Database Service", application: "web-api", amount: 655.5, currency: "USD" },
      { month: "2026-08", service: "Amazon Relational Database Service", amount: 10, currency: "USD" },
      { month: "2026-10", service: "AmazonEKS", application: "web-api", amount: 73, currency: "USD" },
    ]);
  });

  it("reads the price of an hour of an instance type: on demand as it was paid, on Spot as the market is", async () => {
    const usage = { UnblendedCost: { Amount: "70.08", Unit: "USD" }, UsageQuantity: { Amount: "730", Unit: "Hrs" } };
    await answers({ ResultsByTime: [month("2026-10-01", [{ Keys: ["m5.large"], Metrics: usage }])] });
    const [paid, unpaid] = await port().prices(["m5.large", "m5a.large"], "2026-10");
    expect(paid?.onDemand).to.be.closeTo(0.096, 0.0001);
    expect(paid?.spot).to.be.above(0);
    expect(unpaid).to.have.property("spot").that.is.above(0);
    expect(unpaid).to.not.have.property("onDemand");
  });

  it("reads the facts that risks follow from; what is not there is not made up", async () => {
    const { database: _, ...without } = config;
    expect(await factsOf(clients, { ...without, old: { ...(config.old as Old), databaseIdentifier: "gone" } })).to.deep.equal({
      dnsTtlSeconds: 300,
    });
    const nowhere = { ...(config.dns as NonNullable<StackConfig["dns"]>), zoneId: "Z0" };
    expect(await factsOf(clients, { ...config, dns: nowhere })).to.not.have.property("dnsTtlSeconds");
    const { CertificateArn } = await clients.acm.send(
      new RequestCertificateCommand({ DomainName: "*.example.com", ValidationMethod: "DNS" }),
    );
    expect(CertificateArn).to.be.a("string");
    const facts = await port().facts();
    expect(facts).to.deep.include({ databaseSizeGb: 100, dnsTtlSeconds: 300 });
    expect(facts.certificateExpiresAt).to.match(/^20\d\d-/);
  });

  it("reads the lag that CloudWatch has, with its age", async () => {
    expect((await cloudwatchLag(clients, config, Date.now())).reading).to.deep.equal({
      known: false,
      reason: "no samples of prod-db-replica's ReplicaLag in five minutes",
    });
    const sample = async (Value: number, secondsAgo: number) =>
      clients.cloudwatch.send(
        new PutMetricDataCommand({
          Namespace: "AWS/RDS",
          MetricData: [
            {
              MetricName: "ReplicaLag",
              Dimensions: [{ Name: "DBInstanceIdentifier", Value: "prod-db-replica" }],
              Timestamp: new Date(Date.now() - secondsAgo * 1_000),
              Value,
            },
          ],
        }),
      );
    await sample(7, 100);
    const lag = await cloudwatchLag(clients, config, Date.now());
    expect(lag.reading).to.deep.equal({ known: true, value: 7 });
    expect(lag.ageSeconds).to.be.within(60, 180);
    await sample(-1, 10);
    expect((await cloudwatchLag(clients, config, Date.now() + 60_000)).reading).to.deep.equal({
      known: false,
      reason: "prod-db-replica does not replicate (ReplicaLag -1)",
    });
  });

  it("promise 4: deletes the old database only with its final snapshot available, and everything in an order that works", async () => {
    const early = await port()
      .deleteDatabase("prod-db-final-snapshot", effect, 0)
      .catch((e: Error) => e);
    expect(early)
      .to.be.instanceOf(Terminal)
      .with.property("message")
      .that.contains("its final snapshot prod-db-final-snapshot is not there");
    await port().snapshotDatabase("prod-db-final-snapshot", effect, 0);
    expect((await port().snapshotDatabase("prod-db-final-snapshot", effect, 0)).summary).to.contain("there already");
    expect(await observe("snapshot-available")).to.deep.equal({ known: true, value: 1 });

    // A group that stays lets the old one in: the reference must go first.
    const staying = await clients.ec2.send(
      new CreateSecurityGroupCommand({ VpcId: net.vpcId, GroupName: "staying", Description: "staying" }),
    );
    const open = (pair: object, port: number) =>
      clients.ec2.send(
        new AuthorizeSecurityGroupIngressCommand({
          GroupId: staying.GroupId,
          IpPermissions: [{ IpProtocol: "tcp", FromPort: port, ToPort: port, ...pair }],
        }),
      );
    await open({ UserIdGroupPairs: [{ GroupId: net.groupId }] }, 5432);
    await open({ IpRanges: [{ CidrIp: "10.0.0.0/16" }] }, 443);

    const outwards = [{ IpProtocol: "tcp", FromPort: 80, ToPort: 80, UserIdGroupPairs: [{ GroupId: net.groupId }] }];
    await clients.ec2.send(new AuthorizeSecurityGroupEgressCommand({ GroupId: staying.GroupId, IpPermissions: outwards }));

    // RDS keeps the interface of a deleted database for minutes, and with it the group; moto's databases have none.
    const held = await clients.ec2.send(new CreateNetworkInterfaceCommand({ SubnetId: net.subnetIds[0], Groups: [net.groupId] }));
    expect(await observe("security-groups-users")).to.deep.equal({ known: true, value: 1 });
    await clients.ec2.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId: held.NetworkInterface?.NetworkInterfaceId ?? "" }));
    expect(await observe("security-groups-users")).to.deep.equal({ known: true, value: 0 });

    for (let twice = 0; twice < 2; twice += 1) {
      await port().terminateInstances(effect);
      await port().deleteLoadBalancer(effect);
      await port().deleteDatabase("prod-db-final-snapshot", effect, 0);
      await port().deleteSecurityGroups(effect);
    }
    const { Reservations = [] } = await clients.ec2.send(new DescribeInstancesCommand({ InstanceIds: oldInstances }));
    expect(Reservations.flatMap((r) => r.Instances ?? []).map((i) => i.State?.Name)).to.deep.equal(["terminated", "terminated"]);
    const { DBInstances = [] } = await clients.rds.send(new DescribeDBInstancesCommand({}));
    expect(DBInstances.map((d) => d.DBInstanceIdentifier)).to.deep.equal(["prod-db-replica"]);
    const { SecurityGroups = [] } = await clients.ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [staying.GroupId ?? ""] }));
    expect(SecurityGroups[0]?.IpPermissions?.map((p) => p.FromPort)).to.deep.equal([443]);
    expect((await discover(clients)).loadBalancers.map((b) => b.name)).to.deep.equal(["k8s-production-webapi"]);
  });

  it("restores a database to a point in time", async () => {
    await database(clients, "prod-db");
    const at = Date.now() - 3_600_000;
    const evidence = await port().restoreToPointInTime(at, "prod-db-restored", effect);
    expect(evidence.summary).to.contain(new Date(at).toISOString());
    await port().restoreToPointInTime(at, "prod-db-restored", effect);
    expect((await discover(clients)).databases.map((d) => d.identifier)).to.include("prod-db-restored");
  });

  it("promise 6: finds what the stack's own program created and lost, and nothing of another's by the same name", async () => {
    const { rds, ec2, cloudwatch } = clients;
    for (const [stack, name] of [
      [STACK, "mine"],
      ["other-production", "theirs"],
    ] as const) {
      const Tags = [{ Key: STACK_TAG, Value: stack }];
      await database(clients, name, { [STACK_TAG]: stack });
      await rds.send(
        new CreateDBSubnetGroupCommand({ DBSubnetGroupName: name, DBSubnetGroupDescription: name, SubnetIds: net.subnetIds, Tags }),
      );
      const TagSpecifications = [{ ResourceType: "security-group" as const, Tags }];
      await ec2.send(new CreateSecurityGroupCommand({ VpcId: net.vpcId, GroupName: name, Description: name, TagSpecifications }));
      const alarm = { MetricName: "ReplicaLag", Namespace: "AWS/RDS", Period: 60, EvaluationPeriods: 5, Statistic: "Maximum" } as const;
      await cloudwatch.send(
        new PutMetricAlarmCommand({ AlarmName: name, ComparisonOperator: "GreaterThanThreshold", Threshold: 10, ...alarm, Tags }),
      );
    }
    const check = { fqdn: HOST, ipAddress: "1.2.3.4", resourcePath: "/health" };
    const group = { clusterName: "production", nodeGroupName: "web-api-spot" };
    const roleArn = "arn:aws:iam::123456789012:role/nodes";
    const { eks, acm, route53 } = clients;
    await eks.send(new CreateClusterCommand({ name: "production", roleArn, resourcesVpcConfig: { subnetIds: net.subnetIds } }));
    const made: { certificate: string | undefined; check: string | undefined }[] = [];
    for (const [i, stack] of ["other-production", STACK].entries()) {
      const tags = { [STACK_TAG]: stack };
      const Tags = [{ Key: STACK_TAG, Value: stack }];
      const nodes = { subnets: net.subnetIds, nodeRole: roleArn, tags };
      await eks.send(new CreateNodegroupCommand({ clusterName: "production", nodegroupName: ["theirs", "web-api-spot"][i], ...nodes }));
      const { CertificateArn } = await acm.send(new RequestCertificateCommand({ DomainName: HOST, IdempotencyToken: `mine${i}`, Tags }));
      const HealthCheckConfig = {
        Type: "HTTP" as const,
        Port: 80,
        IPAddress: "1.2.3.4",
        FullyQualifiedDomainName: HOST,
        ResourcePath: "/health",
      };
      const { HealthCheck } = await route53.send(new CreateHealthCheckCommand({ CallerReference: `mine${i}`, HealthCheckConfig }));
      await route53.send(new ChangeTagsForResourceCommand({ ResourceType: "healthcheck", ResourceId: HealthCheck?.Id, AddTags: Tags }));
      made.push({ certificate: CertificateArn, check: HealthCheck?.Id });
    }
    const record = { zoneId, name: HOST, type: "A" };
    const found = (type: string, inputs: object) => findCreated(clients, STACK, type, { ...inputs });
    const all = (name: string) =>
      Promise.all([
        found("aws:rds/instance:Instance", { identifier: name }),
        found("aws:rds/subnetGroup:SubnetGroup", { name }),
        found("aws:ec2/securityGroup:SecurityGroup", { name, vpcId: net.vpcId }),
        found("aws-native:cloudwatch:Alarm", { alarmName: name }),
      ]);
    const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({ GroupNames: ["mine"] }));
    const { DBInstances = [] } = await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: "mine" }));
    // The provider knows a database by its resource id.
    expect(await all("mine")).to.deep.equal([DBInstances[0]?.DbiResourceId, "mine", SecurityGroups[0]?.GroupId, "mine"]);
    expect(DBInstances[0]?.DbiResourceId).to.match(/^db-/);
    expect(new Set([...(await all("theirs")), ...(await all("nobodys"))])).to.deep.equal(new Set([undefined]));
    expect(await found("aws:route53/record:Record", { ...record, setIdentifier: "old-infra" })).to.equal(`${zoneId}_${HOST}_A_old-infra`);
    expect(await found("aws:route53/record:Record", { ...record, setIdentifier: "theirs" })).to.equal(undefined);
    expect(await found("aws:route53/healthCheck:HealthCheck", check)).to.equal(made[1]?.check);
    expect(await found("aws:route53/healthCheck:HealthCheck", { ...check, resourcePath: "/other" })).to.equal(undefined);
    expect(await found("aws:acm/certificate:Certificate", { domainName: HOST })).to.equal(made[1]?.certificate);
    expect(await found("aws:acm/certificate:Certificate", { domainName: "other.example.com" })).to.equal(undefined);
    expect(await found("aws:eks/nodeGroup:NodeGroup", group)).to.equal("production:web-api-spot");
    expect(await found("aws:eks/nodeGroup:NodeGroup", { ...group, nodeGroupName: "theirs" })).to.equal(undefined);
    expect(await found("aws:eks/nodeGroup:NodeGroup", { ...group, nodeGroupName: "nobodys" })).to.equal(undefined);
    expect(await found("aws:acm/certificateValidation:CertificateValidation", {})).to.equal(undefined);
  });

  queueChecks(moto, () => clients);

  it("calls nothing but what deploy/iam-policy.json allows", async () => {
    const policy = JSON.parse(await readFile(join(projectRoot(), "deploy", "iam-policy.json"), "utf8")) as {
      Statement: { Action: string[] }[];
    };
    // That it allows nothing else is test/deploy/policy.test.ts's.
    const allowed = policy.Statement.flatMap((s) => s.Action);
    const called = [...clients.actions].filter((a) => !MADE_BY_TESTS.includes(a));
    expect(called.filter((a) => !allowed.includes(a))).to.deep.equal([]);
  });
});

describe("discovery of a large account", function () {
  this.timeout(300_000);
  const moto = motoForSuite();

  it("finds all of 500 instances, 40 databases and 60 load balancers", async () => {
    const clients = moto.clients();
    const { subnetIds } = await network(clients);
    for (let i = 0; i < 5; i += 1) await instances(clients, 100, { Name: `fleet-${i}` });
    for (let i = 0; i < 40; i += 1) await database(clients, `db-${i}`);
    for (let i = 0; i < 50; i += 1) await loadBalancer(clients, `lb-${i}`, subnetIds, { Application: `app-${i}` });
    for (let i = 50; i < 60; i += 1) await loadBalancer(clients, `lb-${i}`, subnetIds);
    const found = await discover(clients);
    expect(new Set(found.instances.map((i) => i.id)).size).to.equal(500);
    expect(new Set(found.databases.map((d) => d.identifier)).size).to.equal(40);
    expect(new Set(found.loadBalancers.map((b) => b.name)).size).to.equal(60);
    expect(found.loadBalancers.filter((b) => b.tags.Application !== undefined)).to.have.length(50);
  });
});

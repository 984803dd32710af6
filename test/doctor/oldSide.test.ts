import { CreateAutoScalingGroupCommand, CreateLaunchConfigurationCommand } from "@aws-sdk/client-auto-scaling";
import { PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { ModifyInstanceAttributeCommand } from "@aws-sdk/client-ec2";
import { ModifyLoadBalancerAttributesCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import { CreateDBInstanceReadReplicaCommand, DescribeDBInstancesCommand, ModifyDBInstanceCommand } from "@aws-sdk/client-rds";
import { expect } from "chai";
import type { AwsClients } from "../../src/adapters/aws/clients.js";
import { awsCloudPort } from "../../src/adapters/aws/cloudPort.js";
import { instanceUses } from "../../src/adapters/aws/uses.js";
import { type ConfigPatch, patched, readConfig } from "../../src/config/stackFile.js";
import { oldSide } from "../../src/doctor/oldSide.js";
import { database, instances, loadBalancer, network } from "../adapters/aws/account.js";
import { RAW, STACK } from "../automation/model.js";
import { motoForSuite } from "../support/moto.js";

const GROUP = "web";

describe("[providers-13] cutover doctor looks, before the night, at what AWS would refuse", function () {
  this.timeout(120_000);
  const moto = motoForSuite();
  let clients: AwsClients;
  let net: Awaited<ReturnType<typeof network>>;
  let member = "";
  let alone = "";
  let balancer = "";

  before("an old side under protection", async () => {
    // moto has no quotas: one try is enough.
    clients = moto.clients({}, { attempts: 1 });
    net = await network(clients);
    [alone = ""] = await instances(clients, 1, { Name: "alone" });
    const { autoscaling, ec2, elb, rds } = clients;
    await ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: alone, DisableApiTermination: { Value: true } }));
    const launch = { LaunchConfigurationName: "web", ImageId: "ami-12c6146b", InstanceType: "m5.large" };
    await autoscaling.send(new CreateLaunchConfigurationCommand(launch));
    const group = { AutoScalingGroupName: GROUP, LaunchConfigurationName: "web", VPCZoneIdentifier: net.subnetIds[0] };
    await autoscaling.send(new CreateAutoScalingGroupCommand({ ...group, MinSize: 1, MaxSize: 2, DesiredCapacity: 1 }));
    const running = (await awsCloudPort(clients, () => configOf({})).instances()).map((i) => i.id);
    member = running.find((id) => id !== alone) ?? "";
    balancer = await loadBalancer(clients, "old-web-api", net.subnetIds);
    const on = [{ Key: "deletion_protection.enabled", Value: "true" }];
    await elb.send(new ModifyLoadBalancerAttributesCommand({ LoadBalancerArn: balancer, Attributes: on }));
    await database(clients, "prod-db");
    await rds.send(new CreateDBInstanceReadReplicaCommand({ DBInstanceIdentifier: "reports", SourceDBInstanceIdentifier: "prod-db" }));
    await rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: "prod-db", DeletionProtection: true, ApplyImmediately: true }));
  });

  function configOf(patch: ConfigPatch) {
    const ids = { "old.instanceIds": [alone, member].filter((id) => id !== ""), "old.loadBalancerArn": balancer || undefined };
    const vpc = { "database.target.vpcId": net.vpcId, "database.target.subnetIds": net.subnetIds };
    return readConfig(patched(RAW, { ...ids, ...vpc, ...patch }), "test", STACK, { lenient: true });
  }

  const told = async (patch: ConfigPatch = {}, asked = clients): Promise<string[]> =>
    (await oldSide(STACK, configOf(patch), asked)).filter((f) => f.standing !== "ok").map((f) => `${f.standing}: ${f.detail}`);

  it("of instances, their groups, the load balancer and the databases, each with what mends it", async () => {
    const found = await oldSide(STACK, configOf({}), clients);
    const details = found.map((f) => f.detail).join("\n");
    for (const text of [
      `${alone} has termination protection`,
      `the Auto Scaling group ${GROUP} holds instances of old.instanceIds`,
      "old-web-api has deletion protection",
      "prod-db has deletion protection",
      "reports is another replica of prod-db",
    ])
      expect(details).to.contain(text);
    expect(found.filter((f) => f.standing === "warning").every((f) => (f.mend ?? "").length > 20)).to.equal(true);
    expect((await told({ "old.endpoints": [{ kind: "auto-scaling-group", name: "gone" }] })).join()).to.contain(
      "there is no Auto Scaling group gone",
    );
  });

  it("of backups: none of the source, a version without any of replicas, and a first one while nobody can write", async () => {
    const onReplica = { "database.backup": { onReplica: true } };
    const answered = (more: object): AwsClients => {
      const send = async (command: object): Promise<object> => {
        const answer = await clients.rds.send(command as DescribeDBInstancesCommand);
        if (!(command instanceof DescribeDBInstancesCommand)) return answer;
        return { DBInstances: answer.DBInstances?.map((d) => ({ ...d, ...more })) };
      };
      return { ...clients, rds: Object.assign(Object.create(clients.rds), { send }) };
    };
    const newer = answered({ EngineVersion: "14.1" });
    expect((await told({}, newer)).join()).to.contain("the first backup of the new database is taken with its promotion");
    expect((await told(onReplica, newer)).join()).to.not.contain("backup");
    expect((await told(onReplica, answered({ EngineVersion: "13.14" }))).join()).to.contain("need PostgreSQL 14.1, and prod-db is 13.14");
    expect((await told(onReplica, answered({ EngineVersion: "14.0" }))).join()).to.contain("need PostgreSQL 14.1, and prod-db is 14.0");
    expect((await told({}, answered({ BackupRetentionPeriod: 0 }))).join()).to.contain("failed: prod-db keeps no backups");
    const incomplete = { DBSubnetGroup: { DBSubnetGroupName: "old", SubnetGroupStatus: "Inactive" } };
    expect((await told({}, answered(incomplete))).join()).to.contain("a restore to a point in time would be refused");
  });

  it("of subnets and quotas of the new database", async () => {
    const [first = ""] = net.subnetIds;
    expect((await told({ "database.target.subnetIds": [first, first] })).join()).to.contain("are all in one availability zone");
    expect((await told({ "database.target.subnetIds": [first, "subnet-0123456789abcdef0"] })).join()).to.contain("are there");
    expect((await told({ "database.target.vpcId": "vpc-0123456789abcdef0" })).join()).to.contain("are not in vpc-0123456789abcdef0");
    const quota = (name: string, used: number, max: number) =>
      `<AccountQuota><AccountQuotaName>${name}</AccountQuotaName><Used>${used}</Used><Max>${max}</Max></AccountQuota>`;
    let asks = false;
    const endpoint = await moto.behind(
      (response) => {
        if (!asks) return false;
        response.writeHead(200, { "Content-Type": "text/xml" });
        response.end(
          `<DescribeAccountAttributesResponse><DescribeAccountAttributesResult><AccountQuotas>${quota("DBInstances", 40, 40)}${quota("AllocatedStorage", 99_700, 100_000)}${quota("DBSubnetGroups", 3, 50)}</AccountQuotas></DescribeAccountAttributesResult></DescribeAccountAttributesResponse>`,
        );
        return true;
      },
      (body) => {
        asks = body.includes("Action=DescribeAccountAttributes");
        return body;
      },
    );
    const full = (await told({}, moto.clients({ endpoint }))).filter((t) => t.includes("quota"));
    expect(full).to.deep.equal([
      "failed: the account's RDS quota DBInstances is 40, 40 of it are used, and the new database needs 1",
      "failed: the account's RDS quota AllocatedStorage is 100000, 99700 of it are used, and the new database needs 500",
    ]);
  });

  it("and the clean-up says so before its approval; a restore to a point in time stays in the old VPC", async () => {
    const metric = { MetricName: "NetworkIn", Value: 1_000, Timestamp: new Date(Date.now() - 600_000) };
    for (const id of [alone, member]) {
      const Dimensions = [{ Name: "InstanceId", Value: id }];
      await clients.cloudwatch.send(new PutMetricDataCommand({ Namespace: "AWS/EC2", MetricData: [{ ...metric, Dimensions }] }));
    }
    expect((await instanceUses(clients, configOf({ "old.loadBalancerArn": undefined }), 86_400, Date.now())).detail).to.contain(
      `${alone} has termination protection`,
    );
    const asked: { input: Record<string, unknown> }[] = [];
    const send = async (command: { input: Record<string, unknown> }): Promise<object> => {
      asked.push(command);
      const instance = { DBSubnetGroup: { DBSubnetGroupName: "old" }, VpcSecurityGroups: [{ VpcSecurityGroupId: net.groupId }] };
      return command instanceof DescribeDBInstancesCommand ? { DBInstances: [{ DBInstanceIdentifier: "prod-db", ...instance }] } : {};
    };
    const rds = Object.assign(Object.create(clients.rds), { send });
    const restoring = awsCloudPort({ ...clients, rds }, () => configOf({}));
    await restoring.restoreToPointInTime(Date.now(), "prod-db-back", { key: "k", fence: 1 });
    const { input } = asked.at(-1) ?? { input: {} };
    expect(input).to.include({
      DBSubnetGroupName: "old",
      SourceDBInstanceIdentifier: "prod-db",
      TargetDBInstanceIdentifier: "prod-db-back",
    });
    expect(input.VpcSecurityGroupIds).to.deep.equal([net.groupId]);
  });

  it("and deletes a named Auto Scaling group first, which would start others in the place of its instances", async () => {
    const config = configOf({ "old.instanceIds": [member], "old.endpoints": [{ kind: "auto-scaling-group", name: GROUP }] });
    const port = awsCloudPort(clients, () => config);
    const { summary } = await port.terminateInstances({ key: "first", fence: 1 });
    expect(summary).to.contain(`Deleted first, with their instances: the Auto Scaling groups ${GROUP}.`);
    const left = (await port.instances()).filter((i) => i.state === "running").map((i) => i.id);
    expect(left).to.deep.equal([alone]);
    expect((await port.terminateInstances({ key: "second", fence: 1 })).summary).to.not.contain("Auto Scaling");
  });
});

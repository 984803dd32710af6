import {
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
} from "@aws-sdk/client-ec2";
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  RegisterTargetsCommand,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { CreateCacheClusterCommand } from "@aws-sdk/client-elasticache";
import { CreateDBInstanceCommand } from "@aws-sdk/client-rds";
import { CreateBucketCommand, PutBucketTaggingCommand } from "@aws-sdk/client-s3";
import { CreateQueueCommand } from "@aws-sdk/client-sqs";
import type { AwsClients } from "../../../src/adapters/aws/clients.js";

/** A VPC with two subnets and a security group. */
export async function network({ ec2, account: { region } }: AwsClients) {
  const vpc = await ec2.send(new CreateVpcCommand({ CidrBlock: "10.0.0.0/16" }));
  const VpcId = vpc.Vpc?.VpcId;
  const subnets = await Promise.all(
    ["a", "b"].map((zone, i) =>
      ec2.send(new CreateSubnetCommand({ VpcId, CidrBlock: `10.0.${i}.0/24`, AvailabilityZone: `${region}${zone}` })),
    ),
  );
  const group = await ec2.send(new CreateSecurityGroupCommand({ VpcId, GroupName: "old", Description: "old" }));
  return { vpcId: VpcId ?? "", subnetIds: subnets.map((s) => s.Subnet?.SubnetId ?? ""), groupId: group.GroupId ?? "" };
}

/** `more`: what else the request says. moto draws addresses at random, also twice: who needs one that is unique gives it. */
export async function instances(
  { ec2 }: AwsClients,
  count: number,
  tags: Record<string, string> = {},
  more: Partial<RunInstancesCommandInput> = {},
): Promise<string[]> {
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({
      ImageId: "ami-12c6146b",
      InstanceType: "m5.large",
      MinCount: count,
      MaxCount: count,
      ...more,
      TagSpecifications: [{ ResourceType: "instance", Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }],
    }),
  );
  return Instances.map((i) => i.InstanceId ?? "");
}

export async function database({ rds }: AwsClients, identifier: string, tags: Record<string, string> = {}): Promise<string> {
  const { DBInstance } = await rds.send(
    new CreateDBInstanceCommand({
      DBInstanceIdentifier: identifier,
      Engine: "postgres",
      DBInstanceClass: "db.r6g.large",
      AllocatedStorage: 100,
      MasterUsername: "app",
      MasterUserPassword: "made-up-for-moto",
      StorageEncrypted: true,
      BackupRetentionPeriod: 7,
      Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    }),
  );
  return DBInstance?.DBInstanceArn ?? "";
}

export async function loadBalancer(
  { elb }: AwsClients,
  name: string,
  subnetIds: string[],
  tags: Record<string, string> = {},
): Promise<string> {
  const { LoadBalancers = [] } = await elb.send(new CreateLoadBalancerCommand({ Name: name, Subnets: subnetIds, ...tagged(tags) }));
  return LoadBalancers[0]?.LoadBalancerArn ?? "";
}

const tagged = (tags: Record<string, string>) =>
  Object.keys(tags).length === 0 ? {} : { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) };

/** Target groups behind one HTTP listener, with weights and the controller's tags. */
export async function weighted(
  { elb }: AwsClients,
  loadBalancerArn: string,
  vpcId: string,
  groups: { service: string; weight: number; targets: string[] }[],
): Promise<string[]> {
  const arns: string[] = [];
  for (const { service, targets } of groups) {
    const { TargetGroups = [] } = await elb.send(
      new CreateTargetGroupCommand({
        Name: service.replace("/", "-").slice(0, 32),
        Protocol: "HTTP",
        Port: 3000,
        VpcId: vpcId,
        Tags: [{ Key: "ingress.k8s.aws/resource", Value: `production/web-api-${service}:80` }],
      }),
    );
    const arn = TargetGroups[0]?.TargetGroupArn ?? "";
    if (targets.length > 0) await elb.send(new RegisterTargetsCommand({ TargetGroupArn: arn, Targets: targets.map((Id) => ({ Id })) }));
    arns.push(arn);
  }
  await elb.send(
    new CreateListenerCommand({
      LoadBalancerArn: loadBalancerArn,
      Protocol: "HTTP",
      Port: 80,
      DefaultActions: [
        {
          Type: "forward",
          ForwardConfig: { TargetGroups: arns.map((TargetGroupArn, i) => ({ TargetGroupArn, Weight: groups[i]?.weight ?? 0 })) },
        },
      ],
    }),
  );
  return arns;
}

export async function cache({ elasticache }: AwsClients, id: string, engine: "redis" | "memcached", tags: Record<string, string> = {}) {
  await elasticache.send(
    new CreateCacheClusterCommand({
      CacheClusterId: id,
      Engine: engine,
      CacheNodeType: "cache.t4g.small",
      NumCacheNodes: 1,
      ...tagged(tags),
    }),
  );
}

export async function queue({ sqs }: AwsClients, name: string, tags: Record<string, string> = {}) {
  await sqs.send(new CreateQueueCommand({ QueueName: name, tags }));
}

export async function bucket({ s3, account }: AwsClients, name: string, tags: Record<string, string> = {}) {
  const where = { LocationConstraint: account.region as "us-east-2" };
  await s3.send(new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration: where }));
  const { Tags: TagSet } = { Tags: undefined, ...tagged(tags) };
  if (TagSet !== undefined) await s3.send(new PutBucketTaggingCommand({ Bucket: name, Tagging: { TagSet } }));
}

import { ListCertificatesCommand } from "@aws-sdk/client-acm";
import { GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { DescribeInstancesCommand, DescribeSecurityGroupsCommand } from "@aws-sdk/client-ec2";
import { DescribeLoadBalancersCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import { DescribeDBInstancesCommand, DescribeDBSnapshotsCommand } from "@aws-sdk/client-rds";
import { ListHostedZonesCommand } from "@aws-sdk/client-route-53";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import type { AwsClients } from "../adapters/aws/clients.js";
import { Terminal } from "../errors.js";
import { examine, type Finding, unknownOf } from "./check.js";

/** AWS signs requests with the time and refuses those of clocks that are five minutes off. */
const MOST_SKEW_MS = 300_000;
/** Gates call samples stale after 90 s: a clock should be far better than that. */
const GOOD_SKEW_MS = 15_000;
const DAY = 86_400_000;

export const credentials = (environment: string, { sts, account }: AwsClients): Promise<Finding> =>
  examine(
    "credentials",
    environment,
    "Name a profile or a role under aws in the targets file, or set AWS_PROFILE; then try: aws sts get-caller-identity",
    async () => {
      const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
      return `${Arn} in account ${Account}, region ${account.region}`;
    },
  );

/** The calls that only look, once each; the adapter's errors name the action that is missing. */
export async function permissions(environment: string, clients: AwsClients): Promise<Finding[]> {
  const { ec2, rds, elb, route53, cloudwatch, acm } = clients;
  const [start, end] = [new Date(Date.now() - DAY), new Date()];
  const metric = { Namespace: "AWS/ApplicationELB", MetricName: "RequestCount" };
  const calls: [string, () => Promise<unknown>][] = [
    ["ec2:DescribeInstances", () => ec2.send(new DescribeInstancesCommand({ MaxResults: 5 }))],
    ["ec2:DescribeSecurityGroups", () => ec2.send(new DescribeSecurityGroupsCommand({ MaxResults: 5 }))],
    ["rds:DescribeDBInstances", () => rds.send(new DescribeDBInstancesCommand({ MaxRecords: 20 }))],
    ["rds:DescribeDBSnapshots", () => rds.send(new DescribeDBSnapshotsCommand({ MaxRecords: 20 }))],
    ["elasticloadbalancing:DescribeLoadBalancers", () => elb.send(new DescribeLoadBalancersCommand({ PageSize: 1 }))],
    ["route53:ListHostedZones", () => route53.send(new ListHostedZonesCommand({ MaxItems: 1 }))],
    ["acm:ListCertificates", () => acm.send(new ListCertificatesCommand({ MaxItems: 1 }))],
    [
      "cloudwatch:GetMetricData",
      () =>
        cloudwatch.send(
          new GetMetricDataCommand({
            StartTime: start,
            EndTime: end,
            MetricDataQueries: [{ Id: "one", MetricStat: { Metric: metric, Period: 3_600, Stat: "Sum" } }],
          }),
        ),
    ],
  ];
  const found = await Promise.all(
    calls.map(([action, call]) =>
      examine("permission", environment, `Allow ${action}: deploy/iam-policy.json has the whole policy.`, () => call().then(() => action)),
    ),
  );
  const missing = found.filter((f) => f.standing === "failed");
  const reading: Finding = {
    check: "permissions",
    of: environment,
    standing: "ok",
    detail: `${found.length} actions that only look are allowed`,
  };
  const changing = unknownOf(
    "permissions to change",
    environment,
    "not tried, since trying is doing: compare the identity's policy with deploy/iam-policy.json",
  );
  return [...(missing.length === 0 ? [reading] : missing), changing];
}

/** This machine's clock against a server's: one answer's Date header, which has whole seconds. */
export const clock = (of: string, url: string): Promise<Finding> =>
  examine("clock", of, "Set the clock by NTP: timedatectl set-ntp true", async () => {
    const began = Date.now();
    const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) }).catch((cause: Error) => {
      throw new Terminal(`${url} does not answer: ${(cause.cause as Error | undefined)?.message ?? cause.message}`, {
        next: "Reach it, so that the clock can be compared.",
      });
    });
    const theirs = Date.parse(answer.headers.get("date") ?? "");
    if (Number.isNaN(theirs)) return { warning: `${url} does not tell the time`, mend: "Compare the clock by hand: timedatectl" };
    const skew = Math.abs((began + Date.now()) / 2 - theirs);
    const text = `${Math.round(skew / 1_000)} s off ${new URL(url).host}`;
    if (skew > MOST_SKEW_MS) throw new Terminal(`${text}: AWS refuses requests of such a clock`);
    return skew > GOOD_SKEW_MS ? { warning: text, mend: "Set the clock by NTP: samples would count as stale." } : text;
  });

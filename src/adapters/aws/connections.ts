import type { MetricDataQuery, MetricDataResult } from "@aws-sdk/client-cloudwatch";
import { DescribeLoadBalancerAttributesCommand, DescribeLoadBalancersCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import { balancerName } from "../../config/oldSide.js";
import { known, type Reading, unknown } from "../../ports/observations.js";
import type { AwsClients } from "./clients.js";
import { metricData } from "./metrics.js";
import { CLOUDWATCH_DELAY } from "./requests.js";

const MINUTE = 60_000;
/** Of a load balancer that does not say, in seconds: the default of AWS. */
const IDLE_SECONDS = 60;

/**
 * Connections open at the end of the newest minute that CloudWatch has, by the load balancer's own count.
 * @returns the reading, and that minute's end
 */
export async function balancerConnections(
  clients: AwsClients,
  { kind, arn }: { kind: "application" | "network"; arn: string },
  now: number,
): Promise<{ reading: Reading; end: number }> {
  const end = Math.floor(now / MINUTE) * MINUTE - CLOUDWATCH_DELAY * 1_000;
  const name = balancerName(arn);
  const reading = kind === "application" ? await ofApplication(clients, arn, name, end) : await ofNetwork(clients, arn, name, end);
  return { reading, end };
}

/**
 * `ActiveConnectionCount`: TCP connections of clients to the load balancer and from it to targets; Sum is its one meaningful
 * statistic, and it is reported where it is not 0. But a load balancer reports its metrics "only when requests are flowing"
 * (docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html), and a WebSocket was one
 * request at its beginning: a minute without a sample says that nothing is open only once nothing was counted, not even a byte,
 * for as long as a silent connection lives: `idle_timeout.timeout_seconds`, 60 s and up to 4,000.
 */
async function ofApplication(clients: AwsClients, arn: string, name: string, end: number): Promise<Reading> {
  const minutes = Math.ceil((await idleSeconds(clients, arn)) / 60);
  const query = (Id: string, MetricName: string): MetricDataQuery => ({
    Id,
    MetricStat: {
      Metric: { Namespace: "AWS/ApplicationELB", MetricName, Dimensions: [{ Name: "LoadBalancer", Value: name }] },
      Period: 60,
      Stat: "Sum",
    },
  });
  const data = await metricData(clients, {
    StartTime: new Date(end - minutes * MINUTE),
    EndTime: new Date(end),
    MetricDataQueries: [query("open", "ActiveConnectionCount"), query("bytes", "ProcessedBytes")],
  });
  const newest = countAt(data("open"), end);
  if (newest !== undefined) return known(newest, "connections of clients and to targets");
  const silent = ["open", "bytes"].every((id) => (data(id).Values ?? []).every((v) => v === 0));
  return silent
    ? known(0)
    : unknown(`CloudWatch has no ActiveConnectionCount of ${name} in a minute less than ${minutes} min after it was used`);
}

async function idleSeconds({ elb }: AwsClients, LoadBalancerArn: string): Promise<number> {
  const { Attributes = [] } = await elb.send(new DescribeLoadBalancerAttributesCommand({ LoadBalancerArn }));
  const value = Number(Attributes.find((a) => a.Key === "idle_timeout.timeout_seconds")?.Value ?? IDLE_SECONDS);
  return Number.isFinite(value) && value > 0 ? value : IDLE_SECONDS;
}

/**
 * `ActiveFlowCount`: flows from clients to targets, always reported; Average, Maximum and Minimum are its useful statistics
 * (docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-cloudwatch-metrics.html). A maximum is one zone's: the
 * zones' are added up.
 */
async function ofNetwork(clients: AwsClients, arn: string, name: string, end: number): Promise<Reading> {
  const { LoadBalancers = [] } = await clients.elb.send(new DescribeLoadBalancersCommand({ LoadBalancerArns: [arn] }));
  const zones = (LoadBalancers[0]?.AvailabilityZones ?? []).flatMap((z) => z.ZoneName ?? []);
  if (zones.length === 0) return unknown(`${name} has no availability zones`);
  const data = await metricData(clients, {
    StartTime: new Date(end - MINUTE),
    EndTime: new Date(end),
    MetricDataQueries: zones.map((zone, i) => ({
      Id: `z${i}`,
      MetricStat: {
        Metric: {
          Namespace: "AWS/NetworkELB",
          MetricName: "ActiveFlowCount",
          Dimensions: [
            { Name: "AvailabilityZone", Value: zone },
            { Name: "LoadBalancer", Value: name },
          ],
        },
        Period: 60,
        Stat: "Maximum",
      },
    })),
  });
  let total = 0;
  for (const [i, zone] of zones.entries()) {
    const value = countAt(data(`z${i}`), end);
    if (value === undefined) return unknown(`CloudWatch has no ActiveFlowCount of ${name} in ${zone}`);
    total += value;
  }
  return known(total);
}

/** Of the minute that ends then. */
function countAt({ Timestamps = [], Values = [] }: MetricDataResult, end: number): number | undefined {
  const at = Timestamps.findIndex((t) => t.getTime() === end - MINUTE);
  return at < 0 ? undefined : Values[at];
}

import * as native from "@pulumi/aws-native";
import type * as pulumi from "@pulumi/pulumi";
import type { Tags } from "./support.js";

/** One metric over a threshold for a number of periods. */
export interface AlarmArgs {
  alarmName: string;
  description: string;
  namespace: string;
  metricName: string;
  dimensions: Record<string, pulumi.Input<string>>;
  /** For example `Average` or `p95`. */
  statistic: string;
  /** Seconds. */
  period: number;
  periods: number;
  above?: number;
  below?: number;
  /** Whether a value below 0 counts as above the threshold: what a metric says that cannot be measured. @default false */
  negativeIsAbove?: boolean;
  /** What no data means. `breaching`: a source that went silent is itself a finding. */
  missing: "missing" | "breaching" | "notBreaching";
  topicArns: pulumi.Input<string>[];
  tags?: Tags;
}

/** A CloudWatch alarm through aws-native. */
export function metricAlarm(name: string, args: AlarmArgs, parent: pulumi.Resource): native.cloudwatch.Alarm {
  const percentile = /^p\d/.test(args.statistic);
  const dimensions = Object.entries(args.dimensions).map(([key, value]) => ({ name: key, value }));
  const { namespace, metricName, statistic: stat, period } = args;
  const measured =
    args.negativeIsAbove === true
      ? {
          metrics: [
            { id: "measured", returnData: false, metricStat: { metric: { namespace, metricName, dimensions }, period, stat } },
            { id: "counted", label: metricName, expression: `IF(measured < 0, ${(args.above ?? 0) + 1}, measured)`, returnData: true },
          ],
        }
      : { namespace, metricName, dimensions, ...(percentile ? { extendedStatistic: stat } : { statistic: stat }), period };
  return new native.cloudwatch.Alarm(
    name,
    {
      alarmName: args.alarmName,
      alarmDescription: args.description,
      ...measured,
      evaluationPeriods: args.periods,
      ...thresholdOf(args),
      treatMissingData: args.missing,
      alarmActions: args.topicArns,
      okActions: args.topicArns,
      ...tagsOf(args.tags),
    },
    { parent },
  );
}

/**
 * Answers 5xx over all requests of a load balancer: one alarm over three metrics. AWS counts the answers of the targets and
 * the load balancer's own apart, and a request that no target can take is no `RequestCount`: with all targets gone there
 * are only errors. https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
 */
export function errorShareAlarm(
  name: string,
  args: Pick<AlarmArgs, "alarmName" | "description" | "topicArns" | "tags" | "period" | "periods"> & {
    loadBalancer: pulumi.Input<string>;
    /** Fraction. */
    above: number;
  },
  parent: pulumi.Resource,
): native.cloudwatch.Alarm {
  const sumOf = (id: string, metricName: string) => ({
    id,
    returnData: false,
    metricStat: {
      metric: { namespace: "AWS/ApplicationELB", metricName, dimensions: [{ name: "LoadBalancer", value: args.loadBalancer }] },
      period: args.period,
      stat: "Sum",
    },
  });
  return new native.cloudwatch.Alarm(
    name,
    {
      alarmName: args.alarmName,
      alarmDescription: args.description,
      metrics: [
        sumOf("targets", "HTTPCode_Target_5XX_Count"),
        sumOf("own", "HTTPCode_ELB_5XX_Count"),
        sumOf("requests", "RequestCount"),
        // What did not happen gives no sample; each is filled, so that a sum never lacks a part.
        { id: "errors", expression: "FILL(targets, 0) + FILL(own, 0)", returnData: false },
        { id: "asked", expression: "IF(FILL(requests, 0) > errors, FILL(requests, 0), errors)", returnData: false },
        // 0 / 0 is dropped: without traffic there is no share, and a minute whose samples are late does not read as a good one.
        { id: "share", label: "share of answers 5xx", expression: "errors / asked", returnData: true },
      ],
      evaluationPeriods: args.periods,
      ...thresholdOf(args),
      treatMissingData: "missing",
      alarmActions: args.topicArns,
      okActions: args.topicArns,
      ...tagsOf(args.tags),
    },
    { parent },
  );
}

function thresholdOf({ above, below }: { above?: number; below?: number }): { threshold: number; comparisonOperator: string } {
  return below === undefined
    ? { threshold: above ?? 0, comparisonOperator: "GreaterThanThreshold" }
    : { threshold: below, comparisonOperator: "LessThanThreshold" };
}

const tagsOf = (tags: Tags | undefined) =>
  tags === undefined || Object.keys(tags).length === 0 ? {} : { tags: Object.entries(tags).map(([key, value]) => ({ key, value })) };

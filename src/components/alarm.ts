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
  /** What no data means. `breaching`: a source that went silent is itself a finding. */
  missing: "missing" | "breaching" | "notBreaching";
  topicArns: pulumi.Input<string>[];
  tags?: Tags;
}

/** A CloudWatch alarm through aws-native. */
export function metricAlarm(name: string, args: AlarmArgs, parent: pulumi.Resource): native.cloudwatch.Alarm {
  const percentile = /^p\d/.test(args.statistic);
  return new native.cloudwatch.Alarm(
    name,
    {
      alarmName: args.alarmName,
      alarmDescription: args.description,
      namespace: args.namespace,
      metricName: args.metricName,
      dimensions: Object.entries(args.dimensions).map(([key, value]) => ({ name: key, value })),
      ...(percentile ? { extendedStatistic: args.statistic } : { statistic: args.statistic }),
      period: args.period,
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

/** Answers 5xx over all answers of a load balancer's targets: one alarm over two metrics. */
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
        sumOf("errors", "HTTPCode_Target_5XX_Count"),
        sumOf("requests", "RequestCount"),
        // No errors give no sample; no requests give no share.
        { id: "share", label: "share of answers 5xx", expression: "FILL(errors, 0) / requests", returnData: true },
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

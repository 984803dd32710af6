import * as native from "@pulumi/aws-native";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

export interface AlertRulesArgs {
  namespace: pulumi.Input<string>;
  /** @default 0.05 */
  errorRate?: number;
  /** Seconds. @default 1 */
  latencyP95Seconds?: number;
  /** Seconds a condition must hold. @default 300 */
  forSeconds?: number;
  /** Seconds between evaluations. @default 30 */
  intervalSeconds?: number;
  /** SNS topics for the CloudWatch alarms. @default none */
  topicArns?: pulumi.Input<string>[];
  /** Watch this database's CPU. Absent: no database alarm. */
  databaseIdentifier?: string;
}

/** The two rules of the seed's prometheus-rules.yaml; exported for promtool's tests. */
export function alertRules(
  job: string,
  args: Omit<AlertRulesArgs, "namespace">,
): { alert: string; expr: string; for: string; labels: Record<string, string>; annotations: Record<string, string> }[] {
  const hold = `${args.forSeconds ?? 300}s`;
  return [
    {
      alert: "HighErrorRate",
      expr: `sum(rate(http_requests_total{job="${job}",status=~"5.."}[5m])) / sum(rate(http_requests_total{job="${job}"}[5m])) > ${args.errorRate ?? 0.05}`,
      for: hold,
      labels: { severity: "critical" },
      annotations: { summary: "High error rate detected", description: "Error rate is {{ $value | humanizePercentage }}" },
    },
    {
      alert: "HighLatency",
      // A quantile over several pods needs their buckets summed first.
      expr: `histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{job="${job}"}[5m]))) > ${args.latencyP95Seconds ?? 1}`,
      for: hold,
      labels: { severity: "warning" },
      annotations: { summary: "High latency detected", description: "P95 latency is {{ $value }}s" },
    },
  ];
}

/**
 * Alerts for the new side: the seed's PrometheusRule, and a CloudWatch alarm for the database.
 *
 * @example
 * new AlertRules("web-api", { namespace: "production" });
 */
export class AlertRules extends pulumi.ComponentResource {
  readonly nodes: { rule: k8s.apiextensions.CustomResource; alarm?: native.cloudwatch.Alarm };

  constructor(name: string, args: AlertRulesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:AlertRules", name, {}, opts);
    const rule = new k8s.apiextensions.CustomResource(
      `${name}-alerts`,
      {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "PrometheusRule",
        metadata: { name: `${name}-alerts`, namespace: args.namespace, labels: { app: name } },
        spec: { groups: [{ name, interval: `${args.intervalSeconds ?? 30}s`, rules: alertRules(name, args) }] },
      },
      { parent: this },
    );
    const alarm =
      args.databaseIdentifier === undefined ? undefined : this.databaseAlarm(name, args.databaseIdentifier, args.topicArns ?? []);
    this.nodes = { rule, ...(alarm === undefined ? {} : { alarm }) };
    this.registerOutputs({});
  }

  private databaseAlarm(name: string, identifier: string, topics: pulumi.Input<string>[]): native.cloudwatch.Alarm {
    return new native.cloudwatch.Alarm(
      `${name}-database-cpu`,
      {
        alarmName: `${identifier}-cpu`,
        alarmDescription: `CPU of ${identifier} above 80 % for 15 minutes`,
        namespace: "AWS/RDS",
        metricName: "CPUUtilization",
        dimensions: [{ name: "DBInstanceIdentifier", value: identifier }],
        statistic: "Average",
        period: 300,
        evaluationPeriods: 3,
        threshold: 80,
        comparisonOperator: "GreaterThanThreshold",
        treatMissingData: "missing",
        alarmActions: topics,
      },
      { parent: this },
    );
  }
}

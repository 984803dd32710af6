import type * as native from "@pulumi/aws-native";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { allTargetsDown, errorRate, latency, type Selection, untoldWhileServing } from "../promql/expressions.js";
import { errorShareAlarm, metricAlarm } from "./alarm.js";
import { require, requireName, requireNumber } from "./checks.js";
import type { Tags } from "./support.js";

export interface AlertRulesArgs {
  /** Namespace of the PrometheusRule; the Prometheus operator must watch it. */
  namespace: pulumi.Input<string>;
  /** Fraction of requests answered 5xx that is too much. @default 0.05 (seed: prometheus-rules.yaml) */
  errorRate?: number;
  /** Seconds of the 95th percentile of request durations that are too long. @default 1 (seed: prometheus-rules.yaml) */
  latencyP95Seconds?: number;
  /** Seconds that a condition must hold. @default 300 (seed: `for: 5m`) */
  forSeconds?: number;
  /** What selects the application's metrics. @default the guide's names, job NAME in the namespace */
  selection?: Selection;
  /** Labels of the PrometheusRule itself, by which the Prometheus operator selects it. @default none */
  ruleLabels?: Record<string, string>;
  /** Labels that each rule adds to its alerts, beside its severity. @default none */
  labels?: Record<string, string>;
  /** Seconds between evaluations. @default 30 (seed: `interval: 30s`) */
  intervalSeconds?: number;
  /** SNS topics that the CloudWatch alarms notify, when they begin and when they end. @default none */
  topicArns?: pulumi.Input<string>[];
  /** The load balancer's ARN suffix, `app/NAME/ID`: alarms on its answers 5xx and its targets' response time. Absent: no such alarms. */
  loadBalancer?: pulumi.Input<string>;
  /** The database's identifier: alarms on its CPU and free storage. Absent: no such alarms. */
  databaseIdentifier?: string;
  /** Tags of the CloudWatch alarms. @default none */
  tags?: Tags;
}

export interface AlertRule {
  alert: string;
  expr: string;
  for: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

const WINDOW = "5m";

/** What selects an application of which nothing else is said. */
export const plainSelection = (application: string, namespace: string): Selection => ({
  convention: "guide",
  application,
  namespace,
  environment: namespace,
  probes: [],
});

/**
 * The two rules of the seed's prometheus-rules.yaml, and two for when there is nothing to judge by: pods that are all down have
 * no error rate, and neither has a status that says nothing. Plain data, so that promtool can test them.
 */
export function alertRules(
  selection: Selection,
  args: Pick<AlertRulesArgs, "errorRate" | "latencyP95Seconds" | "forSeconds" | "labels">,
): AlertRule[] {
  const hold = `${args.forSeconds ?? 300}s`;
  const p95 = latency(selection, WINDOW);
  return [
    {
      alert: "HighErrorRate",
      expr: `${errorRate(selection, WINDOW)} > ${args.errorRate ?? 0.05}`,
      for: hold,
      labels: { severity: "critical", ...args.labels },
      annotations: { summary: "High error rate detected", description: "Error rate is {{ $value | humanizePercentage }}" },
    },
    ...(p95 === undefined
      ? []
      : [
          {
            alert: "HighLatency",
            // Not above alone: what takes longer than the largest bucket reads as long as that bucket.
            expr: `${p95} >= ${args.latencyP95Seconds ?? 1}`,
            for: hold,
            labels: { severity: "warning", ...args.labels },
            annotations: { summary: "High latency detected", description: "P95 latency is {{ $value }}s" },
          },
        ]),
    {
      alert: "NoPodUp",
      // Not absent(): before its first pod, and after it went back, an application is not down.
      expr: allTargetsDown(selection),
      for: hold,
      labels: { severity: "critical", ...args.labels },
      annotations: { summary: "No pod is up", description: `Prometheus reaches no pod of ${selection.application}` },
    },
    {
      alert: "ErrorsNotMeasured",
      expr: untoldWhileServing(selection, WINDOW),
      for: hold,
      labels: { severity: "warning", ...args.labels },
      annotations: {
        summary: "Errors are not measured",
        description: "The status of {{ $value | humanizePercentage }} of the requests does not say whether they failed",
      },
    },
  ];
}

/**
 * Alerts for the new side: error rate, latency and no pod up in Prometheus, and CloudWatch alarms on the load balancer and the
 * database, which see what Prometheus cannot (answers that never reached a pod).
 *
 * @example
 * new AlertRules("web-api", { namespace: "production", topicArns: [oncall.arn], loadBalancer: ingress.loadBalancer().arnSuffix });
 *
 * @seed prometheus-rules.yaml
 * @cost About 0.10 USD a month for each CloudWatch alarm; the one on answers 5xx reads three metrics and counts as three.
 */
export class AlertRules extends pulumi.ComponentResource {
  readonly nodes: { rule: k8s.apiextensions.CustomResource; alarms: native.cloudwatch.Alarm[] };

  constructor(name: string, args: AlertRulesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("cutover:components:AlertRules", name, {}, opts);
    const at = `AlertRules(${name})`;
    requireName(`${at}.namespace`, args.namespace);
    const { errorRate = 0.05, latencyP95Seconds = 1 } = args;
    require(errorRate > 0 && errorRate < 1, `${at}.errorRate`, errorRate, "a fraction above 0 and below 1");
    require(latencyP95Seconds > 0, `${at}.latencyP95Seconds`, latencyP95Seconds, "seconds above 0");
    requireNumber(`${at}.forSeconds`, args.forSeconds, 0, 86_400);
    requireNumber(`${at}.intervalSeconds`, args.intervalSeconds, 1, 3_600);

    const rule = new k8s.apiextensions.CustomResource(
      `${name}-alerts`,
      {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "PrometheusRule",
        metadata: { name: `${name}-alerts`, namespace: args.namespace, labels: { app: name, ...args.ruleLabels } },
        spec: {
          groups: [
            {
              name,
              interval: `${args.intervalSeconds ?? 30}s`,
              rules: pulumi
                .output(args.namespace)
                .apply((namespace) => alertRules(args.selection ?? plainSelection(name, namespace), args)),
            },
          ],
        },
      },
      { parent: this },
    );
    this.nodes = { rule, alarms: [...this.ofLoadBalancer(name, args, errorRate, latencyP95Seconds), ...this.ofDatabase(name, args)] };
    this.registerOutputs({});
  }

  private ofLoadBalancer(name: string, args: AlertRulesArgs, errorRate: number, latency: number): native.cloudwatch.Alarm[] {
    const { loadBalancer, topicArns = [], tags } = args;
    if (loadBalancer === undefined) return [];
    // Five minutes, as the seed's alerts hold.
    const common = { period: 60, periods: 5, topicArns, ...(tags === undefined ? {} : { tags }) };
    return [
      errorShareAlarm(
        `${name}-alb-5xx`,
        {
          ...common,
          alarmName: `${name}-alb-5xx`,
          description: `More than ${errorRate * 100} % of ${name}'s requests are answered 5xx, by its targets or by the load balancer itself`,
          loadBalancer,
          above: errorRate,
        },
        this,
      ),
      metricAlarm(
        `${name}-alb-latency`,
        {
          ...common,
          alarmName: `${name}-alb-latency`,
          description: `The 95th percentile of ${name}'s target response time is above ${latency} s`,
          namespace: "AWS/ApplicationELB",
          metricName: "TargetResponseTime",
          dimensions: { LoadBalancer: loadBalancer },
          statistic: "p95",
          above: latency,
          missing: "missing",
        },
        this,
      ),
    ];
  }

  private ofDatabase(name: string, args: AlertRulesArgs): native.cloudwatch.Alarm[] {
    const { databaseIdentifier: identifier, topicArns = [], tags } = args;
    if (identifier === undefined) return [];
    const common = {
      namespace: "AWS/RDS",
      dimensions: { DBInstanceIdentifier: identifier },
      statistic: "Average",
      period: 300,
      periods: 3,
      topicArns,
      ...(tags === undefined ? {} : { tags }),
    };
    return [
      metricAlarm(
        `${name}-database-cpu`,
        {
          ...common,
          alarmName: `${identifier}-cpu`,
          description: `CPU of ${identifier} above 80 % for 15 minutes`,
          metricName: "CPUUtilization",
          above: 80,
          missing: "breaching",
        },
        this,
      ),
      metricAlarm(
        `${name}-database-storage`,
        {
          ...common,
          alarmName: `${identifier}-storage`,
          description: `Less than 10 GiB of ${identifier}'s storage is free`,
          metricName: "FreeStorageSpace",
          below: 10 * 1_024 ** 3,
          missing: "breaching",
        },
        this,
      ),
    ];
  }
}

import type { MetricDataResult } from "@aws-sdk/client-cloudwatch";
import type { OwnGate } from "../../config/ownGates.js";
import { known, type Reading, unknown } from "../../ports/observations.js";
import type { Sampled } from "../prometheus/observations.js";
import type { AwsClients } from "./clients.js";
import { metricData } from "./metrics.js";
import { windowOf } from "./requests.js";

type OfCloudWatch = Extract<OwnGate, { source: "cloudwatch" }>;

/**
 * A metric of the user's own over the window, in whole minutes. No sample is unknown: CloudWatch has none also where a name or a
 * dimension is another one (promise 10).
 * @throws as `metricData` does
 */
export async function ownMetric(clients: AwsClients, gate: OfCloudWatch, windowSeconds: number, now: number): Promise<Sampled> {
  const { namespace, metric, dimensions } = gate;
  const { end, period } = windowOf(windowSeconds, now);
  const query = (Id: string, Stat: string) => ({
    Id,
    MetricStat: {
      Metric: {
        Namespace: namespace,
        MetricName: metric,
        Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
      },
      Period: period,
      Stat,
    },
  });
  const data = await metricData(clients, {
    StartTime: new Date(end - period * 1_000),
    EndTime: new Date(end),
    MetricDataQueries: [query("value", gate.statistic), query("samples", "SampleCount")],
  });
  return { reading: readingOf(gate, data("value"), data("samples")), ageSeconds: (now - end) / 1_000 };
}

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);

function readingOf(gate: OfCloudWatch, { Values: values = [] }: MetricDataResult, { Values: counts = [] }: MetricDataResult): Reading {
  const samples = sum(counts);
  if (values.length === 0)
    return unknown(`CloudWatch has no samples of ${gate.namespace} ${gate.metric} with these dimensions in the window`);
  if (samples < (gate.leastSamples ?? 0)) return unknown(`only ${samples} samples in the window`);
  return known(whole(gate, values, counts));
}

/** A window that lies across two of CloudWatch's periods comes in two parts. */
function whole({ statistic, direction }: OfCloudWatch, values: number[], counts: number[]): number {
  switch (statistic) {
    case "Sum":
    case "SampleCount":
      return sum(values);
    case "Average":
      return sum(values.map((v, i) => v * (counts[i] ?? 0))) / sum(counts);
    case "Minimum":
      return Math.min(...values);
    case "Maximum":
      return Math.max(...values);
    default:
      // Percentiles of parts make none of the whole: the worse one counts.
      return direction === "at-most" ? Math.max(...values) : Math.min(...values);
  }
}

import { GetMetricDataCommand, type GetMetricDataCommandInput, type MetricDataResult } from "@aws-sdk/client-cloudwatch";
import { Transient } from "../../errors.js";
import type { AwsClients } from "./clients.js";

/**
 * What CloudWatch has of every query, by its id. No samples in a complete answer mean that nothing happened; in one that
 * is not complete, or is missing, they mean nothing.
 * @throws Transient for such an answer (promise 10)
 */
export async function metricData(
  { cloudwatch }: Pick<AwsClients, "cloudwatch">,
  input: GetMetricDataCommandInput,
): Promise<(id: string) => MetricDataResult> {
  const { MetricDataResults = [], NextToken } = await cloudwatch.send(new GetMetricDataCommand(input));
  const results = new Map(MetricDataResults.map((r) => [r.Id, r]));
  const incomplete = (what: string) => new Transient(`CloudWatch's answer is not complete: ${what}`);
  for (const { Id = "", MetricStat } of input.MetricDataQueries ?? []) {
    const metric = MetricStat?.Metric?.MetricName ?? Id;
    const result = results.get(Id);
    if (result === undefined) throw incomplete(`${metric} is missing`);
    if (result.StatusCode !== "Complete") {
      const said = (result.Messages ?? []).map((m) => `, ${m.Value ?? m.Code}`).join("");
      throw incomplete(`${metric} is ${result.StatusCode ?? "without a status"}${said}`);
    }
  }
  if (NextToken !== undefined) throw incomplete("there is more of it");
  return (id) => results.get(id) ?? {};
}

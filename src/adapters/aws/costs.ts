import { type Expression, GetCostAndUsageCommand, type GroupDefinition, type ResultByTime } from "@aws-sdk/client-cost-explorer";
import { paginateDescribeSpotPriceHistory } from "@aws-sdk/client-ec2";
import type { CostRow, HourlyPrice } from "../../ports/target.js";
import type { AwsClients } from "./clients.js";

const DAY = 86_400_000;
/** How far back the prices of Spot capacity are averaged, in days. */
const SPOT_DAYS = 7;

interface Months {
  /** `2026-01`. */
  start: string;
  /** A month too, and part of it. */
  end: string;
}

/**
 * Cost by service, application and month, all pages. The application is the value of a cost allocation tag, which must be
 * active in the account's billing settings; what has none is of no application.
 * @param tag key of the cost allocation tag
 */
export async function costsByMonth(clients: AwsClients, months: Months, tag: string): Promise<CostRow[]> {
  const groupBy: GroupDefinition[] = [
    { Type: "DIMENSION", Key: "SERVICE" },
    { Type: "TAG", Key: tag },
  ];
  const results = await costAndUsage(clients, months, "BlendedCost", groupBy);
  return results.flatMap((result) =>
    (result.Groups ?? []).map(({ Keys: [service = "", tagged = ""] = [], Metrics }) => {
      // `KEY$VALUE`; nothing after the dollar for what has no such tag.
      const application = tagged.slice(tagged.indexOf("$") + 1);
      const { Amount = "0", Unit = "USD" } = Metrics?.BlendedCost ?? {};
      return {
        month: (result.TimePeriod?.Start ?? "").slice(0, 7),
        service,
        ...(application === "" ? {} : { application }),
        amount: Number(Amount),
        currency: Unit,
      };
    }),
  );
}

/**
 * What an hour of each instance type costs: on demand as the account paid for it in the month given, on Spot as the
 * market was in the last days, in the mean of its zones. What the account did not run on demand has no price of that kind.
 */
export async function hourlyPrices(clients: AwsClients, instanceTypes: string[], month: string, now: number): Promise<HourlyPrice[]> {
  const onDemand = await costAndUsage(
    clients,
    { start: month, end: month },
    "UnblendedCost",
    [{ Type: "DIMENSION", Key: "INSTANCE_TYPE" }],
    {
      And: [
        { Dimensions: { Key: "PURCHASE_TYPE", Values: ["On Demand Instances"] } },
        { Dimensions: { Key: "INSTANCE_TYPE", Values: instanceTypes } },
      ],
    },
  );
  const paid = new Map(
    onDemand.flatMap((r) =>
      (r.Groups ?? []).flatMap(({ Keys: [type = ""] = [], Metrics }) => {
        const hours = Number(Metrics?.UsageQuantity?.Amount ?? 0);
        return hours > 0 ? [[type, Number(Metrics?.UnblendedCost?.Amount ?? 0) / hours] as const] : [];
      }),
    ),
  );
  const spot = new Map<string, number[]>();
  const filter = {
    InstanceTypes: instanceTypes as never[],
    ProductDescriptions: ["Linux/UNIX"],
    StartTime: new Date(now - SPOT_DAYS * DAY),
    EndTime: new Date(now),
  };
  for await (const page of paginateDescribeSpotPriceHistory({ client: clients.ec2 }, filter))
    for (const { InstanceType = "", SpotPrice } of page.SpotPriceHistory ?? [])
      spot.set(InstanceType, [...(spot.get(InstanceType) ?? []), Number(SpotPrice)]);
  return instanceTypes.map((type) => {
    const prices = spot.get(type) ?? [];
    const mean = prices.reduce((sum, p) => sum + p, 0) / prices.length;
    const hour = paid.get(type);
    return { type, ...(hour === undefined ? {} : { onDemand: hour }), ...(prices.length === 0 ? {} : { spot: mean }) };
  });
}

/** Every page of one question. */
async function costAndUsage(
  { costs }: AwsClients,
  { start, end }: Months,
  metric: "BlendedCost" | "UnblendedCost",
  GroupBy: GroupDefinition[],
  Filter?: Expression,
): Promise<ResultByTime[]> {
  const after = new Date(`${end}-01T00:00:00Z`);
  after.setUTCMonth(after.getUTCMonth() + 1);
  const results: ResultByTime[] = [];
  let page: string | undefined;
  do {
    const answer = await costs.send(
      new GetCostAndUsageCommand({
        TimePeriod: { Start: `${start}-01`, End: after.toISOString().slice(0, 10) },
        Granularity: "MONTHLY",
        Metrics: [metric, "UsageQuantity"],
        GroupBy,
        ...(Filter === undefined ? {} : { Filter }),
        ...(page === undefined ? {} : { NextPageToken: page }),
      }),
    );
    results.push(...(answer.ResultsByTime ?? []));
    page = answer.NextPageToken;
  } while (page !== undefined);
  return results;
}

import type { StackConfig } from "../../config/schema.js";
import type { CostRow, Evidence, HourlyPrice } from "../../ports/target.js";
import type { ActionContext } from "./step.js";

/** Hours of a month, as prices a month are given. */
const HOURS_A_MONTH = 730;

const money = (amount: number): number => Math.round(amount * 100) / 100;
const sumOf = (rows: CostRow[]): number => money(rows.reduce((sum, r) => sum + r.amount, 0));

/** Cost before and after by service and by application, and what Spot capacity would save. */
export async function costDocument({ target, config }: ActionContext): Promise<Evidence> {
  const now = new Date(target.clock.now());
  const month = (offset: number): string =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1)).toISOString().slice(0, 7);
  // The last month that is complete, and the one before the migration's ten weeks began.
  const [before, after] = [month(-3), month(-1)];
  const rows = await target.cloud.costs({ start: before, end: after });
  const ours = rows.filter((r) => r.application === config.application.name);
  const currency = rows[0]?.currency ?? "USD";
  const of = (list: CostRow[], m: string): number => sumOf(list.filter((r) => r.month === m));
  const spot =
    config.spot === undefined ? undefined : spotForecast(config.spot, await target.cloud.prices(config.spot.instanceTypes, after));
  const tagged =
    ours.length === 0
      ? ` No cost is tagged with ${config.application.name}.`
      : ` ${config.application.name}: ${of(ours, before)} ${currency}, then ${of(ours, after)} ${currency}.`;
  return {
    summary: `${of(rows, before)} ${currency} in ${before}, ${of(rows, after)} ${currency} in ${after}.${tagged}${spot === undefined ? "" : ` ${spot.summary(currency)}`}`,
    facts: {
      before: of(rows, before),
      after: of(rows, after),
      ...(ours.length === 0 ? {} : { applicationBefore: of(ours, before), applicationAfter: of(ours, after) }),
      ...(spot?.savings === undefined ? {} : { spotSavingsAMonth: spot.savings }),
      services: servicesOf(rows, before, after),
      currency,
    },
    files: { "cost.md": `# Cost\n\n${byService(rows)}\n\n${byApplication(rows)}${spot === undefined ? "" : `\n\n${spot.table}`}\n` },
  };
}

const table = (header: string[], rows: (string | number)[][]): string =>
  [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** Sums of rows that share a key, in the order in which the keys first come. */
function grouped(rows: CostRow[], key: (row: CostRow) => string[]): string[][] {
  const sums = new Map<string, { cells: string[]; amount: number; currency: string }>();
  for (const row of rows) {
    const cells = key(row);
    const sum = sums.get(cells.join("\n")) ?? { cells, amount: 0, currency: row.currency };
    sums.set(cells.join("\n"), { ...sum, amount: sum.amount + row.amount });
  }
  return [...sums.values()].map(({ cells, amount, currency }) => [...cells, `${amount.toFixed(2)} ${currency}`]);
}

/** Each service before and after, the most expensive first. */
function servicesOf(rows: CostRow[], before: string, after: string): { service: string; before: number; after: number }[] {
  const amount = (service: string, month: string): number => sumOf(rows.filter((r) => r.service === service && r.month === month));
  return [...new Set(rows.map((r) => r.service))]
    .map((service) => ({ service, before: amount(service, before), after: amount(service, after) }))
    .sort((a, b) => Math.max(b.before, b.after) - Math.max(a.before, a.after));
}

const byService = (rows: CostRow[]): string =>
  `## By service\n\n${table(
    ["Month", "Service", "Amount"],
    grouped(rows, (r) => [r.month, r.service]),
  )}`;

const byApplication = (rows: CostRow[]): string =>
  `## By application\n\n${table(
    ["Month", "Application", "Amount"],
    grouped(rows, (r) => [r.month, r.application ?? "(without a tag)"]),
  )}`;

interface Forecast {
  /** A month; absent where a price is unknown. */
  savings?: number;
  summary: (currency: string) => string;
  table: string;
}

/**
 * What the Spot node group saves a month against the same nodes on demand. The group may take any of its types, so the
 * least that any of them saves is what can be counted on; a type without both prices makes no promise.
 */
export function spotForecast({ desiredSize }: NonNullable<StackConfig["spot"]>, prices: HourlyPrice[]): Forecast {
  const saving = ({ onDemand, spot }: HourlyPrice): number | undefined =>
    onDemand === undefined || spot === undefined ? undefined : money((onDemand - spot) * HOURS_A_MONTH * desiredSize);
  const known = prices.flatMap((p) => saving(p) ?? []);
  const least = known.length === 0 ? undefined : Math.min(...known);
  const hour = (price: number | undefined): string => (price === undefined ? "unknown" : price.toFixed(4));
  return {
    ...(least === undefined ? {} : { savings: least }),
    summary: (currency) =>
      least === undefined
        ? "What Spot capacity saves is unknown: no instance type has both prices."
        : `Spot capacity saves ${least} ${currency} or more a month on ${desiredSize} nodes.`,
    table: `## Spot capacity, ${desiredSize} nodes\n\n${table(
      ["Instance type", "On demand, an hour", "Spot, an hour", "Saved a month"],
      prices.map((p) => [p.type, hour(p.onDemand), hour(p.spot), saving(p) ?? "unknown"]),
    )}`,
  };
}

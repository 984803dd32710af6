import { expect } from "chai";
import { costDocument, spotForecast } from "../../../src/automation/plan/costs.js";
import { cleanupList } from "../../../src/automation/plan/documents.js";
import type { ActionContext } from "../../../src/automation/plan/step.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { known } from "../../../src/ports/observations.js";
import type { CloudPort, CostRow, HourlyPrice } from "../../../src/ports/target.js";
import { RAW, STACK } from "../model.js";

const config = readConfig(RAW, "test", STACK);
const SPOT = { nodeRoleArn: "arn:aws:iam::123456789012:role/nodes", subnetIds: ["subnet-0aaa", "subnet-0bbb"], desiredSize: 4 };
const withSpot = readConfig(patched(RAW, { "application.criticality": "low", "cutover:spot": undefined, spot: SPOT }), "test", STACK);

const context = (cloud: Partial<CloudPort>, of = config): ActionContext =>
  ({
    config: of,
    target: { clock: { now: () => Date.UTC(2026, 3, 20) }, cloud, observer: { observe: async () => ({ reading: known(0) }) } },
    otherStacks: async () => [],
  }) as unknown as ActionContext;

describe("what it costs", () => {
  const rows: CostRow[] = [
    { month: "2026-01", service: "EC2", application: "web-api", amount: 400, currency: "EUR" },
    { month: "2026-01", service: "EC2", amount: 50, currency: "EUR" },
    { month: "2026-02", service: "EC2", amount: 900, currency: "EUR" },
    { month: "2026-03", service: "EKS", application: "web-api", amount: 73, currency: "EUR" },
    { month: "2026-03", service: "EC2", application: "web-api", amount: 200.005, currency: "EUR" },
  ];

  it("compares the last whole month with the one before the migration, in all and of the application", async () => {
    let asked: unknown;
    const costs = async (months: unknown) => {
      asked = months;
      return rows;
    };
    const { summary, facts, files } = await costDocument(context({ costs }));
    expect(asked).to.deep.equal({ start: "2026-01", end: "2026-03" });
    expect(summary).to.equal("450 EUR in 2026-01, 273.01 EUR in 2026-03. web-api: 400 EUR, then 273.01 EUR.");
    expect(facts).to.deep.equal({
      before: 450,
      after: 273.01,
      applicationBefore: 400,
      applicationAfter: 273.01,
      services: [
        { service: "EC2", before: 450, after: 200.01 },
        { service: "EKS", before: 0, after: 73 },
      ],
      currency: "EUR",
    });
    expect(files?.["cost.md"]).to.contain("| 2026-01 | EC2 | 450.00 EUR |").and.to.contain("| 2026-01 | (without a tag) | 50.00 EUR |");
  });

  it("says that nothing carries the application's tag, instead of showing a cost of 0", async () => {
    const { summary, facts } = await costDocument(context({ costs: async () => rows.filter((r) => r.application === undefined) }));
    expect(summary).to.contain("No cost is tagged with web-api.");
    expect(facts).to.not.have.property("applicationAfter");
  });

  it("forecasts what Spot capacity saves by the type that saves least, and nothing from half a price", async () => {
    const prices: HourlyPrice[] = [
      { type: "m5.large", onDemand: 0.1, spot: 0.04 },
      { type: "m6i.large", onDemand: 0.1, spot: 0.05 },
      { type: "m5a.large", spot: 0.01 },
    ];
    const forecast = spotForecast({ ...(withSpot.spot as NonNullable<typeof withSpot.spot>) }, prices);
    expect(forecast.savings).to.equal(146);
    expect(forecast.table).to.contain("| m5a.large | unknown | 0.0100 | unknown |");
    const { summary, facts } = await costDocument(context({ costs: async () => rows, prices: async () => prices }, withSpot));
    expect(summary).to.contain("Spot capacity saves 146 EUR or more a month on 4 nodes.");
    expect(facts).to.include({ spotSavingsAMonth: 146 });
    const none = await costDocument(context({ costs: async () => rows, prices: async () => [{ type: "m5.large", spot: 1 }] }, withSpot));
    expect(none.summary).to.contain("unknown: no instance type has both prices");
    expect(none.facts).to.not.have.property("spotSavingsAMonth");
  });
});

describe("the list of what the clean-up removes", () => {
  it("promise 4: names exactly the application's own, whatever else is in the account, and what is gone already", async () => {
    const region = "us-east-2";
    const { summary, facts } = await cleanupList(
      context({
        instances: async () =>
          ["i-123abc", "i-of-others"].map((id) => ({ id, type: "m5.large", state: "running", name: undefined, region })),
        loadBalancers: async () => [],
        databases: async () =>
          ["prod-db", "payroll"].map((identifier) => ({
            identifier,
            engine: "postgres",
            version: "15",
            class: "db.r6g.large",
            endpoint: undefined,
            sizeGb: 1,
            region,
          })),
      }),
    );
    expect(facts).to.deep.equal({
      resources: ["i-123abc", "prod-db", "sg-old123"],
      gone: [config.old?.loadBalancerArn],
      hours: 24,
      stays: [],
      unused: ["load balancer", "instances", "database"],
    });
    expect(summary).to.not.contain("payroll").and.to.not.contain("i-of-others");
    expect(summary).to.contain("Not there any more: arn:aws:elasticloadbalancing");
  });
});

import { expect } from "chai";
import { alertRules, plainSelection } from "../../src/components/AlertRules.js";
import { type ExpectedAlert, requirePromtool, type Series, testRules } from "../support/promtool.js";

const WEB = plainSelection("web-api", "production");

const requests = (status: number, perMinute: number | string, job = "web-api"): Series => ({
  series: `http_requests_total{job="${job}",status="${status}",pod="a"}`,
  values: typeof perMinute === "number" ? `0+${perMinute}x30` : perMinute,
});

/** A pod whose requests all take just under `seconds`, `perMinute` of them. */
function durations(pod: string, seconds: number, perMinute: number): Series[] {
  const bucket = (le: string, count: number): Series => ({
    series: `http_request_duration_seconds_bucket{job="web-api",pod="${pod}",le="${le}"}`,
    values: `0+${count}x30`,
  });
  return ["0.1", "0.5", "1", "2.5", "+Inf"].map((le) => bucket(le, le === "+Inf" || Number(le) >= seconds ? perMinute : 0));
}

const errorRate = (shown: string): ExpectedAlert => ({
  exp_labels: { severity: "critical" },
  exp_annotations: { summary: "High error rate detected", description: `Error rate is ${shown}` },
});
const latency = (seconds: string, labels: Record<string, string> = {}): ExpectedAlert => ({
  exp_labels: { severity: "warning", ...labels },
  exp_annotations: { summary: "High latency detected", description: `P95 latency is ${seconds}s` },
});

describe("the alert rules, by promtool", () => {
  before(function () {
    requirePromtool(this);
  });

  const check = (alert: string, series: Series[], atMinute: number, expected: ExpectedAlert[], rules: object[] = alertRules(WEB, {})) => {
    const { status, output } = testRules({ rules, series, atMinute, alert, expected });
    expect(status, output).to.equal(0);
  };
  const errors = (title: string, series: Series[], atMinute: number, expected: ExpectedAlert[] = []) =>
    it(`HighErrorRate ${expected.length > 0 ? "fires" : "is silent"} ${title}`, () => check("HighErrorRate", series, atMinute, expected));
  const slow = (title: string, series: Series[], expected: ExpectedAlert[] = []) =>
    it(`HighLatency ${expected.length > 0 ? "fires" : "is silent"} ${title}`, () => check("HighLatency", series, 20, expected));

  errors("at 10 % for 15 minutes", [requests(200, 90), requests(500, 10)], 15, [errorRate("10%")]);
  errors("where every request fails, on no series of successes", [requests(503, 50)], 15, [errorRate("100%")]);
  errors("at 4 %", [requests(200, 96), requests(500, 4)], 15);
  // 10 % from minute 11 on: three minutes later the condition has not held for five.
  errors("at 10 % for three minutes", [requests(200, 90), requests(500, "0x10 20+20x20")], 13);
  errors("on another job's errors", [requests(200, 100), requests(500, 100, "other")], 15);
  errors("on answers 4xx alone", [requests(200, 50), requests(404, 50)], 15);
  errors("on no series at all", [], 15);
  errors("on series that stand still: 0/0 is no rate", [requests(200, "100x30"), requests(500, "100x30")], 15);
  errors("when all requests have stopped", [requests(200, "0+90x5 450x25"), requests(500, "0+10x5 50x25")], 25);

  for (const [label, values] of [
    ["code", ["200", "500"]],
    ["status_code", ["200", "503"]],
    ["status", ["success", "error"]],
    ["status", ["2xx", "5xx"]],
  ] as const) {
    const of = (value: string, perMinute: number): Series => ({
      series: `http_requests_total{job="web-api",${label}="${value}",pod="a"}`,
      values: `0+${perMinute}x30`,
    });
    errors(`[observing-1] where 99 % of requests have the ${label} ${values[1]}`, [of(values[0], 1), of(values[1], 99)], 15, [
      errorRate("99%"),
    ]);
  }
  errors(
    "[observing-2] in production while staging of the same job is well",
    [
      { series: 'http_requests_total{job="web-api",namespace="production",status="500"}', values: "0+10x30" },
      { series: 'http_requests_total{job="web-api",namespace="staging",status="200"}', values: "0+990x30" },
    ],
    15,
    [errorRate("100%")],
  );
  it("ErrorsNotMeasured fires [observing-1] where no label holds a status", () =>
    check("ErrorsNotMeasured", [{ series: 'http_requests_total{job="web-api",method="GET"}', values: "0+60x30" }], 15, [
      {
        exp_labels: { severity: "warning" },
        exp_annotations: {
          summary: "Errors are not measured",
          description: "The status of 100% of the requests does not say whether they failed",
        },
      },
    ]));
  it("ErrorsNotMeasured is silent where every request has one", () =>
    check("ErrorsNotMeasured", [requests(200, 60), requests(500, 1)], 15, []));

  slow("once for two pods, not once a pod", [...durations("a", 2, 60), ...durations("b", 2, 60)], [latency("2.425")]);
  slow(
    "when one of two equally busy pods is slow",
    [...durations("a", 2, 60), ...durations("b", 0.05, 60)],
    [latency("2.3499999999999996")],
  );
  slow("when one of two pods is slow on few requests: 95 % of all are fast", [...durations("a", 2, 2), ...durations("b", 0.05, 100)]);
  slow("on fast requests", durations("a", 0.05, 60));
  slow("on no series at all", []);
  slow("on series that stand still", durations("a", 2, 0));

  const up = (pod: string, values: string): Series => ({ series: `up{job="web-api",pod="${pod}"}`, values });
  const down: ExpectedAlert = {
    exp_labels: { severity: "critical" },
    exp_annotations: { summary: "No pod is up", description: "Prometheus reaches no pod of web-api" },
  };
  const pods = (title: string, series: Series[], atMinute: number, expected: ExpectedAlert[] = []) =>
    it(`NoPodUp ${expected.length > 0 ? "fires" : "is silent"} ${title}`, () => check("NoPodUp", series, atMinute, expected));

  // The error rate's rule is silent there: no request is counted any more.
  pods("when all pods have been down for five minutes", [up("a", "1x5 0x25"), up("b", "1x5 0x25")], 15, [down]);
  pods("while one of two pods is up", [up("a", "0x30"), up("b", "1x30")], 15);
  pods("while pods start for three minutes", [up("a", "0x3 1x27")], 3);
  pods("before the first pod", [], 15);

  it("the seed's own latency rule would fire there for the slow pod alone: the reason for the sum", () => {
    const [, rule] = alertRules(WEB, {});
    const expr = 'histogram_quantile(0.95, rate(http_request_duration_seconds_bucket{job="web-api"}[5m])) > 1';
    const series = [...durations("a", 2, 2), ...durations("b", 0.05, 100)];
    check("HighLatency", series, 20, [latency("2.425", { job: "web-api", pod: "a" })], [{ ...rule, expr }]);
  });

  it("take other thresholds and times", () => {
    const rules = alertRules(WEB, { errorRate: 0.01, forSeconds: 60 });
    check("HighErrorRate", [requests(200, 98), requests(500, 2)], 7, [errorRate("2%")], rules);
  });

  it("are really judged: a wrong expectation fails", () => {
    const wrong = { rules: alertRules(WEB, {}), series: [requests(200, 100)], atMinute: 15, alert: "HighErrorRate" };
    expect(testRules({ ...wrong, expected: [errorRate("10%")] }).status).to.not.equal(0);
  });
});

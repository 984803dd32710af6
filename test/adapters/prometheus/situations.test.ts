import { expect } from "chai";
import { prometheusObservation, type RequestSignal } from "../../../src/adapters/prometheus/observations.js";
import { gateNamed } from "../../../src/automation/gates/catalogue.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import { RAW } from "../../automation/model.js";
import { expectGenerated, markdownTable } from "../../support/generated.js";
import { backfilledForSuite, type Growth } from "../../support/prometheus.js";

/** What pods of production answered in the last ten minutes, and what the gate says of it. */
interface Situation {
  name: string;
  cases: string;
  what: string;
  gate: "error-rate" | "latency-p95";
  series: Growth[];
  config?: Record<string, unknown>;
  verdict: "pass" | "fail" | "unknown";
  /** What the reading says. */
  says: RegExp;
}

const PROM = { kind: "prometheus" };
const up = (job: string, pods: number, down = 0): Growth[] =>
  Array.from({ length: pods }, (_, i) => ({
    name: "up",
    labels: { job, namespace: "production", instance: `10.0.0.${i}`, pod: `${job}-${i}` },
    perSecond: 0,
    from: i < pods - down ? 1 : 0,
  }));
/** Requests of one application's pods, a second each. */
function requests(job: string, byStatus: Record<string, number>, label = "status", more: Record<string, string> = {}, pods = 3): Growth[] {
  return Array.from({ length: pods }, (_, i) => i).flatMap((i) =>
    Object.entries(byStatus).map(([status, perSecond]) => ({
      name: "http_requests_total",
      labels: { job, namespace: "production", instance: `10.0.0.${i}`, pod: `${job}-${i}`, path: "/orders", [label]: status, ...more },
      perSecond,
    })),
  );
}
function durations(job: string, slowerThan: number, bounds: number[], perSecond = 10): Growth[] {
  return [...bounds.map(String), "+Inf"].map((le) => ({
    name: "http_request_duration_seconds_bucket",
    labels: { job, namespace: "production", instance: "10.0.0.0", pod: `${job}-0`, path: "/orders", le },
    perSecond: le === "+Inf" || Number(le) >= slowerThan ? perSecond : 0,
  }));
}
const well = (job: string) => [...up(job, 3), ...requests(job, { "200": 10 })];

const SITUATIONS: Situation[] = [
  ...(["code", "status_code"] as const).map(
    (label): Situation => ({
      name: `label-${label.replace("_", "-")}`,
      cases: "[observing-1] [observing-7]",
      what: `99 % of requests fail, and the status label is \`${label}\``,
      gate: "error-rate",
      series: [
        ...up(`label-${label.replace("_", "-")}`, 3),
        ...requests(`label-${label.replace("_", "-")}`, { "200": 0.1, "500": 9.9 }, label),
      ],
      verdict: "fail",
      says: /^99 %$/,
    }),
  ),
  {
    name: "says-error",
    cases: "[observing-1]",
    what: "99 % of requests fail, and the status label says `error`",
    gate: "error-rate",
    series: [...up("says-error", 3), ...requests("says-error", { success: 0.1, error: 9.9 })],
    verdict: "fail",
    says: /^99 %$/,
  },
  {
    name: "says-class",
    cases: "[observing-1]",
    what: "20 % of requests fail, and the status label says `5xx`",
    gate: "error-rate",
    series: [...up("says-class", 3), ...requests("says-class", { "2xx": 8, "5xx": 2 })],
    verdict: "fail",
    says: /^20 %$/,
  },
  {
    name: "no-status",
    cases: "[observing-1]",
    what: "no label holds a status",
    gate: "error-rate",
    series: [...up("no-status", 3), ...requests("no-status", { GET: 10 }, "method")],
    verdict: "unknown",
    says: /the status of all|100 % of requests says nothing/,
  },
  {
    name: "odd-status",
    cases: "[observing-1]",
    what: "a tenth of the requests have a status that means nothing to anybody (`KO`)",
    gate: "error-rate",
    series: [...up("odd-status", 3), ...requests("odd-status", { OK: 9, KO: 1 })],
    verdict: "unknown",
    says: /the status of 10 % of requests says nothing/,
  },
  {
    name: "no-error",
    cases: "[observing-1]",
    what: "not a single request fails",
    gate: "error-rate",
    series: well("no-error"),
    verdict: "pass",
    says: /^0 %$/,
  },
  {
    name: "burst",
    cases: "[observing-3]",
    what: "errors came in one burst between two scrapes: their series began with its last value",
    gate: "error-rate",
    series: [
      ...well("burst"),
      {
        name: "http_requests_total",
        labels: { job: "burst", namespace: "production", instance: "10.0.0.0", pod: "burst-0", path: "/orders", status: "500" },
        perSecond: 0,
        from: 3_000,
        sinceSeconds: 120,
      },
    ],
    verdict: "fail",
    says: /%$/,
  },
  {
    name: "shared",
    cases: "[observing-2]",
    what: "production fails wholly, staging of the same job does not, and both have namespaces",
    gate: "error-rate",
    series: [
      ...up("shared", 3),
      ...requests("shared", { "500": 1 }),
      ...requests("shared", { "200": 50 }, "status", { namespace: "staging", instance: "10.9.0.1", pod: "staging-0" }),
    ],
    verdict: "fail",
    says: /^100 %$/,
  },
  {
    name: "unplaced",
    cases: "[observing-2]",
    what: "series of one job have no label of a namespace or environment",
    gate: "error-rate",
    series: [...up("unplaced", 3), ...requests("unplaced", { "200": 10 })].map((g) => {
      const { namespace: _, ...labels } = g.labels as Record<string, string>;
      return { ...g, labels };
    }),
    verdict: "unknown",
    says: /no label of a namespace or environment/,
  },
  {
    name: "two-clusters",
    cases: "[observing-2]",
    what: "series of one job and namespace come from two clusters",
    gate: "error-rate",
    series: [
      ...up("two-clusters", 3),
      ...requests("two-clusters", { "500": 1 }, "status", { cluster: "east" }),
      ...requests("two-clusters", { "200": 50 }, "status", { cluster: "west", instance: "10.9.0.1" }),
    ],
    verdict: "unknown",
    says: /several places/,
  },
  {
    name: "pods-down",
    cases: "[observing-3]",
    what: "nine of ten pods are down, the tenth answers well",
    gate: "error-rate",
    series: [...up("pods-down", 10, 9), ...requests("pods-down", { "200": 10 }, "status", {}, 1)],
    verdict: "unknown",
    says: /only 1 of 10 pods report/,
  },
  {
    name: "slow",
    cases: "[observing-3]",
    what: "every request takes 30 s, and the largest bucket ends at 1 s, which is the limit",
    gate: "latency-p95",
    series: [...well("slow"), ...durations("slow", 30, [0.1, 0.5, 1])],
    verdict: "fail",
    says: /^1 s$/,
  },
  {
    name: "coarse",
    cases: "[observing-3]",
    what: "every request takes 30 s, and the largest bucket ends at 0.5 s, below the limit",
    gate: "latency-p95",
    series: [...well("coarse"), ...durations("coarse", 30, [0.1, 0.5])],
    verdict: "unknown",
    says: /above the largest bucket, 0.5 s/,
  },
  {
    name: "fast",
    cases: "[observing-3]",
    what: "every request takes less than 0.1 s",
    gate: "latency-p95",
    series: [...well("fast"), ...durations("fast", 0.05, [0.1, 0.5, 1])],
    verdict: "pass",
    says: /^0\.\d+ s$/,
  },
  {
    name: "probes-only",
    cases: "[observing-3]",
    what: "every user's request fails while probes succeed, and routes are told apart",
    gate: "error-rate",
    series: [
      ...up("probes-only", 3),
      ...requests("probes-only", { "500": 0.1 }),
      ...requests("probes-only", { "200": 10 }, "status", { path: "/health" }),
    ],
    verdict: "fail",
    says: /^100 %$/,
  },
  {
    name: "probes-unrouted",
    cases: "[observing-3]",
    what: "every user's request fails while probes succeed, and no label tells routes apart",
    gate: "error-rate",
    series: [...up("probes-unrouted", 3), ...requests("probes-unrouted", { "500": 0.1, "200": 0.5 }, "status", { path: "" })],
    verdict: "fail",
    says: /%$/,
  },
  {
    name: "green-fails",
    cases: "[observing-3]",
    what: "green has 5 % of the requests and fails them all",
    gate: "error-rate",
    series: [
      ...up("green-fails", 3),
      ...requests("green-fails", { "200": 9.5 }),
      ...requests("green-fails", { "500": 0.5 }, "status", { pod: "green-fails-green-7d9f-x" }, 1),
    ],
    config: { strategy: { kind: "blue-green", image: "example.org/web-api:1.1.0", green: true, greenWeight: 5 } },
    verdict: "fail",
    says: /^100 %$/,
  },
  {
    name: "green-quiet",
    cases: "[observing-3]",
    what: "green has 5 % of the requests, too few to judge",
    gate: "error-rate",
    series: [
      ...up("green-quiet", 3),
      ...requests("green-quiet", { "200": 9.5 }),
      ...requests("green-quiet", { "200": 0.01 }, "status", { pod: "green-quiet-green-7d9f-x" }, 1),
    ],
    config: { strategy: { kind: "blue-green", image: "example.org/web-api:1.1.0", green: true, greenWeight: 5 } },
    verdict: "unknown",
    says: /^green: only \d+ requests/,
  },
  {
    name: "spring",
    cases: "[observing-7]",
    what: "the application is Spring's, and the config does not say so",
    gate: "error-rate",
    series: [
      ...up("spring", 3),
      ...requests("spring", { "200": 10 }, "status", { uri: "/orders" }).map((g) => ({ ...g, name: "http_server_requests_seconds_count" })),
    ],
    verdict: "unknown",
    says: /but \d+ series of http_server_requests_seconds_count: sources\.new\.convention spring/,
  },
  {
    name: "spring-said",
    cases: "[observing-7]",
    what: "the application is Spring's, and the config says so; 10 % fail",
    gate: "error-rate",
    series: [
      ...up("spring-said", 3),
      ...requests("spring-said", { "200": 9, "500": 1 }, "status", { uri: "/orders" }).map((g) => ({
        ...g,
        name: "http_server_requests_seconds_count",
      })),
    ],
    config: { sources: { new: { ...PROM, convention: "spring" } } },
    verdict: "fail",
    says: /^10 %$/,
  },
  {
    name: "own-expressions",
    cases: "[observing-7]",
    what: "the metrics follow no convention, and the config has expressions of its own; 10 % fail",
    gate: "error-rate",
    series: [
      { name: "shop_hits", labels: { ok: "yes" }, perSecond: 9 },
      { name: "shop_hits", labels: { ok: "no" }, perSecond: 1 },
    ],
    config: {
      sources: {
        new: {
          ...PROM,
          expressions: { requests: "sum(rate(shop_hits[$window]))", errors: 'sum(rate(shop_hits{ok="no"}[$window])) or vector(0)' },
        },
      },
    },
    verdict: "fail",
    says: /^10 %$/,
  },
];

/** What was read, without what another run reads otherwise by a little. */
const stable = (shown: string, says: RegExp): string => {
  const exact = /^\^[\d.]+ \S+\$$/.test(says.source);
  const [text = ""] = shown.replace(/\{[^}]*\}/g, "").split(" (");
  return exact ? text : text.replace(/^[\d.]+ (%|s)$/, "a value in $1").replace(/only \d+ requests/, "only a few requests");
};

describe("situations, their reading and the gate's verdict, by a real Prometheus", function () {
  this.timeout(120_000);
  const prometheus = backfilledForSuite(() => SITUATIONS.flatMap((s) => s.series));
  const rows: string[][] = [];

  for (const { name, cases, what, gate, config: patch = {}, verdict, says } of SITUATIONS)
    it(`promise 10 ${cases}: ${what}: ${verdict}`, async () => {
      const raw = patched(RAW, {
        "application.name": name,
        "application.environment": "production",
        "gates.minRequests": 20,
        sources: { new: PROM },
        strategy: { kind: "rolling", image: "example.org/web-api:1.1.0" },
        ...patch,
      });
      const config = readConfig(raw, "test", `${name}-production`);
      const { observation } = gateNamed(gate);
      const sampled = await prometheusObservation({ url: prometheus.url() }, config, observation as RequestSignal, 300);
      const reading = sampled?.reading ?? { known: false as const, reason: "not measured" };
      const judged = reading.known ? gateNamed(gate).judge(reading.value, config, undefined) : "unknown";
      const shown = reading.known ? gateNamed(gate).format(reading.value) : reading.reason;
      expect(shown).to.match(says);
      expect(judged).to.equal(verdict);
      rows.push([what, gate, stable(shown, says), judged]);
    });

  it("stand in docs/readings.md, as they were read", async () => {
    const table = markdownTable(["Situation", "Gate", "What the reading says", "Verdict"], rows);
    await expectGenerated(
      "docs/readings.md",
      [
        "<!-- Made by test/adapters/prometheus/situations.test.ts; CUTOVER_WRITE_DOCS=1 writes it again. -->",
        "# What a gate reads, and when it does not know",
        "Each row was set up in a real Prometheus and read by the adapter that a migration uses, with the default limits: 5 % of requests answered 5xx, and 1 s for the 95th percentile. What cannot be told is unknown, and unknown never passes a gate.",
        table,
      ].join("\n\n"),
    );
  });
});

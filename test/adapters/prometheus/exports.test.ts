import { type ChildProcess, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { expect } from "chai";
import express from "express";
import promBundle from "express-prom-bundle";
import { Counter, Histogram, Registry } from "prom-client";
import { stringify } from "yaml";
import { prometheusObservation, type RequestSignal } from "../../../src/adapters/prometheus/observations.js";
import { patched, readConfig } from "../../../src/config/stackFile.js";
import type { ConventionName } from "../../../src/promql/conventions.js";
import { RAW, STACK } from "../../automation/model.js";
import { requirePart } from "../../support/parts.js";
import { endProcess, startPrometheus } from "../../support/prometheus.js";
import { tempFolderForSuite } from "../../support/tmp.js";

/** Seconds. */
const WINDOW = 10;
const BUCKETS = [0.05, 0.1, 0.5, 1];

/** An application that answers `/orders` and, with 500, `/broken`, and what it gives Prometheus of it. */
type Serve = (app: express.Express, registry: Registry) => { metrics?: () => Promise<string> };

interface Exporter {
  convention: ConventionName;
  serve: Serve;
  /** What the error rate and the 95th percentile read. */
  reads: Record<Exclude<RequestSignal, "request-count">, number | RegExp>;
}

/** Counts each answer by prom-client, under the label names that an application chose. */
const byHand =
  (label: string, word: (status: number) => string, histogram = true): Serve =>
  (app, registry) => {
    const registers = [registry];
    const requests = new Counter({ name: "http_requests_total", help: "requests", labelNames: ["method", "path", label], registers });
    const seconds = histogram
      ? new Histogram({ name: "http_request_duration_seconds", help: "durations", labelNames: ["path"], buckets: BUCKETS, registers })
      : undefined;
    app.use((request, response, next) => {
      const end = seconds?.startTimer({ path: request.path });
      response.on("finish", () => {
        requests.inc({ method: request.method, path: request.path, [label]: word(response.statusCode) });
        end?.();
      });
      next();
    });
    return {};
  };

/** express-prom-bundle's own middleware. */
const bundled =
  (options: Partial<promBundle.Opts>): Serve =>
  (app, registry) => {
    app.use(
      promBundle({ includeMethod: true, includePath: true, autoregister: false, promRegistry: registry, ...options } as promBundle.Opts),
    );
    return {};
  };

/** OpenTelemetry's exporter of a histogram that is named as its HTTP semantic conventions say. */
const openTelemetry: Serve = (app) => {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meter = new MeterProvider({ readers: [exporter] }).getMeter("app");
  const duration = meter.createHistogram("http.server.request.duration", {
    unit: "s",
    advice: { explicitBucketBoundaries: BUCKETS },
  });
  app.use((request, response, next) => {
    const began = performance.now();
    response.on("finish", () =>
      duration.record((performance.now() - began) / 1_000, {
        "http.request.method": request.method,
        "http.route": request.path,
        "http.response.status_code": response.statusCode,
      }),
    );
    next();
  });
  const metrics = (): Promise<string> =>
    new Promise((resolve) => {
      const body = { statusCode: 200, setHeader: () => undefined, end: resolve };
      exporter.getMetricsRequestHandler({} as never, body as never);
    });
  return { metrics };
};

const TENTH = 0.1;
const FAST = 0.05;
const EXPORTERS: Record<string, Exporter> = {
  "prom-client-status": {
    convention: "guide",
    serve: byHand("status", String),
    reads: { "error-rate": TENTH, "latency-p95": FAST },
  },
  "prom-client-code": {
    convention: "guide",
    serve: byHand("code", String),
    reads: { "error-rate": TENTH, "latency-p95": FAST },
  },
  "prom-client-classes": {
    convention: "guide",
    serve: byHand("status", (status) => `${Math.floor(status / 100)}xx`),
    reads: { "error-rate": TENTH, "latency-p95": FAST },
  },
  "prom-client-outcome": {
    convention: "guide",
    serve: byHand("outcome", (status) => (status < 500 ? "fine" : "broken"), false),
    reads: { "error-rate": /the status of (all|100 % of) requests says nothing/, "latency-p95": /the window gives no value/ },
  },
  "express-prom-bundle": {
    convention: "duration-histogram",
    serve: bundled({ buckets: BUCKETS }),
    reads: { "error-rate": TENTH, "latency-p95": FAST },
  },
  "express-prom-bundle-summary": {
    convention: "duration-histogram",
    serve: bundled({ metricType: "summary" }),
    reads: { "error-rate": TENTH, "latency-p95": /the window gives no value/ },
  },
  "express-prom-bundle-no-status": {
    convention: "duration-histogram",
    serve: bundled({ buckets: BUCKETS, includeStatusCode: false }),
    reads: { "error-rate": /the status of (all|100 % of) requests says nothing/, "latency-p95": FAST },
  },
  "opentelemetry-js": {
    convention: "opentelemetry-js",
    serve: openTelemetry,
    reads: { "error-rate": TENTH, "latency-p95": FAST },
  },
  "opentelemetry-js-by-its-other-name": {
    convention: "opentelemetry",
    serve: openTelemetry,
    reads: {
      "error-rate": /no samples of .*but \d+ series of http_server_request_duration_count: sources.new.convention opentelemetry-js/,
      "latency-p95": /sources.new.convention opentelemetry-js/,
    },
  },
};

describe("[observing-1] [observing-7] what real exporters give Prometheus is read right, or is unknown", function () {
  this.timeout(90_000);
  const folder = tempFolderForSuite("exports");
  const servers: Server[] = [];
  let prometheus: { server?: ChildProcess; url: string } = { url: "" };
  let asking = true;
  let askers: Promise<void>[] = [];

  before("applications, users who ask them, and Prometheus that scrapes them", async function () {
    requirePart(this, "Prometheus", spawnSync("prometheus", ["--version"]).status === 0, "apt-get install prometheus");
    const jobs = await Promise.all(Object.entries(EXPORTERS).map(([job, { serve }]) => start(job, serve)));
    const file = join(folder(), "prometheus.yml");
    writeFileSync(
      file,
      stringify({
        global: { scrape_interval: "1s", scrape_timeout: "1s" },
        scrape_configs: jobs.map(({ job, target }) => ({
          job_name: job,
          static_configs: [{ targets: [target], labels: { namespace: "production", pod: `${job}-0` } }],
        })),
      }),
    );
    prometheus = await startPrometheus([`--config.file=${file}`, `--storage.tsdb.path=${join(folder(), "data")}`]);
    askers = jobs.map(({ target }) => ask(target));
    await pause((WINDOW + 4) * 1_000);
  });
  after("end them", async () => {
    asking = false;
    await Promise.all(askers);
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    await endProcess(prometheus.server);
  });

  async function start(job: string, serve: Serve): Promise<{ job: string; target: string }> {
    const app = express();
    const registry = new Registry();
    const { metrics = () => registry.metrics() } = serve(app, registry);
    app.get("/orders", (_, response) => void response.send("ok"));
    app.get("/broken", (_, response) => void response.status(500).send("broken"));
    app.get("/metrics", async (_, response) => void response.type("text/plain").send(await metrics()));
    const server = app.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    servers.push(server);
    return { job, target: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  /** Of ten requests one fails; what Prometheus itself asks for is left out. */
  async function ask(target: string): Promise<void> {
    while (asking) {
      for (let i = 0; i < 10; i += 1) await (await fetch(`http://${target}/${i === 0 ? "broken" : "orders"}`)).text();
      await pause(200);
    }
  }

  for (const [job, { convention, reads }] of Object.entries(EXPORTERS))
    for (const [signal, expected] of Object.entries(reads) as [RequestSignal, number | RegExp][])
      it(`${job}, by the convention ${convention}: ${signal} is ${expected instanceof RegExp ? "unknown" : "read"}`, async () => {
        const source = { kind: "prometheus", convention, labels: { job } };
        const config = readConfig(patched(RAW, { "sources.new": source, "workload.replicas": 1 }), "test", STACK);
        const { reading } = await prometheusObservation({ url: prometheus.url }, config, signal, WINDOW);
        const said = reading.known ? `${reading.value}` : reading.reason;
        if (expected instanceof RegExp) expect(said).to.match(expected);
        else if (signal === "error-rate") expect(reading.known && reading.value, said).to.be.within(expected * 0.7, expected * 1.4);
        // All of them are fast: within the first bucket or two.
        else expect(reading.known && reading.value, said).to.be.within(0.001, 0.1);
      });
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import express from "express";
import promBundle from "express-prom-bundle";
import { Counter, Histogram, Registry } from "prom-client";
import { projectRoot } from "../../../src/engine/engine.js";
import { type Reads, readsOfExporters } from "../../support/exporters.js";
import { requirePart } from "../../support/parts.js";
import { endProcess } from "../../support/prometheus.js";

/** Where `.ci/run` puts the exporters of Python. */
const PYTHON = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "cutover", "tools", "prometheus-exporters-1", "bin", "python");
const HERE = join(projectRoot(), "test", "adapters", "prometheus");
const BUCKETS = [0.05, 0.1, 0.5, 1];

/** An application that answers `/orders` and, with 500, `/broken`, and what it gives Prometheus of it. */
type Serve = (app: express.Express, registry: Registry) => { metrics?: () => Promise<string> };

interface Exporter extends Reads {
  serve: Serve;
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

const EXPORTERS: Record<string, Exporter> = {
  "prom-client-status": {
    convention: "guide",
    serve: byHand("status", String),
    reads: { "error-rate": "right", "latency-p95": "right" },
  },
  "prom-client-code": {
    convention: "guide",
    serve: byHand("code", String),
    reads: { "error-rate": "right", "latency-p95": "right" },
  },
  "prom-client-classes": {
    convention: "guide",
    serve: byHand("status", (status) => `${Math.floor(status / 100)}xx`),
    reads: { "error-rate": "right", "latency-p95": "right" },
  },
  "prom-client-outcome": {
    convention: "guide",
    serve: byHand("outcome", (status) => (status < 500 ? "fine" : "broken"), false),
    reads: { "error-rate": /the status of (all|100 % of) requests says nothing/, "latency-p95": /the window gives no value/ },
  },
  "express-prom-bundle": {
    convention: "duration-histogram",
    serve: bundled({ buckets: BUCKETS }),
    reads: { "error-rate": "right", "latency-p95": "right" },
  },
  "express-prom-bundle-summary": {
    convention: "duration-histogram",
    serve: bundled({ metricType: "summary" }),
    reads: { "error-rate": "right", "latency-p95": /the window gives no value/ },
  },
  "express-prom-bundle-no-status": {
    convention: "duration-histogram",
    serve: bundled({ buckets: BUCKETS, includeStatusCode: false }),
    reads: { "error-rate": /the status of (all|100 % of) requests says nothing/, "latency-p95": "right" },
  },
  "opentelemetry-js": {
    convention: "opentelemetry-js",
    serve: openTelemetry,
    reads: { "error-rate": "right", "latency-p95": "right" },
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

const OF_PYTHON: Record<string, Reads & { kind: string }> = {
  prometheus_client: {
    convention: "guide",
    kind: "prometheus_client",
    reads: { "error-rate": "right", "latency-p95": "right" },
  },
  "starlette-exporter": {
    convention: "starlette",
    kind: "starlette",
    reads: { "error-rate": "right", "latency-p95": "right" },
  },
  "starlette-exporter-as-http": {
    convention: "guide",
    kind: "starlette-as-http",
    reads: { "error-rate": "right", "latency-p95": "right" },
  },
  "django-prometheus": {
    convention: "django",
    kind: "django",
    reads: { "error-rate": "right", "latency-p95": "right" },
  },
};

describe("[observing-1] [observing-7] what exporters of Node.js give Prometheus is read right, or is unknown", function () {
  this.timeout(90_000);
  readsOfExporters(EXPORTERS, async ({ serve }) => {
    const app = express();
    const registry = new Registry();
    const { metrics = () => registry.metrics() } = serve(app, registry);
    app.get("/orders", (_, response) => void response.send("ok"));
    app.get("/broken", (_, response) => void response.status(500).send("broken"));
    app.get("/metrics", async (_, response) => void response.type("text/plain").send(await metrics()));
    const server = app.listen(0, "127.0.0.1");
    await once(server, "listening");
    const end = async (): Promise<void> => {
      server.closeAllConnections();
      server.close();
    };
    return { target: `127.0.0.1:${(server.address() as AddressInfo).port}`, end };
  });
});

describe("[observing-1] [observing-7] what exporters of Python give Prometheus is read right, or is unknown", function () {
  this.timeout(90_000);
  before(function () {
    const install = `python3 -m venv ${dirname(dirname(PYTHON))} && ${dirname(PYTHON)}/pip install -r ${join(HERE, "exporters.txt")}`;
    requirePart(this, "the exporters of Python", existsSync(PYTHON), install);
  });

  readsOfExporters(OF_PYTHON, async ({ kind }) => {
    const child = spawn(PYTHON, [join(HERE, "exporters.py"), kind], { stdio: ["pipe", "pipe", "ignore"] });
    const [port] = (await once(child.stdout, "data")) as [Buffer];
    return { target: `127.0.0.1:${port.toString().trim()}`, end: () => endProcess(child) };
  });
});

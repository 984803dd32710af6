/**
 * How libraries and proxies name what they count of HTTP requests. A convention is data: which counter, which label holds
 * the status, which the route, which histogram the durations, and what selects one application.
 */
export interface Convention {
  /** For people: who names its metrics so. */
  about: string;
  /** Counter of requests. */
  requests: string;
  /** Labels that may hold the status; the first that a series has counts, and one that says error is believed. */
  statusLabels: string[];
  /** Labels that may hold the route: requests of probes are left out by them. */
  routeLabels: string[];
  /** Histogram of the durations, without `_bucket`. Absent: the convention has none, and the 95th percentile is unknown. */
  durations?: string;
  /** Units of the histogram in a second. @default 1 */
  perSecond?: number;
  /** What names the application: its own targets' `job`, or a label of a proxy in front of it. @default "job" */
  applicationLabel?: "job" | "ingress" | "destination_workload";
}

const WEB_ROUTES = ["path", "route", "handler", "endpoint", "url"];

/** By the name that `sources.new.convention` has. */
export const CONVENTIONS = {
  guide: {
    about: "http_requests_total and http_request_duration_seconds, as the guide, Go's and FastAPI's exporters have them",
    requests: "http_requests_total",
    statusLabels: ["status", "code", "status_code", "http_status"],
    routeLabels: WEB_ROUTES,
    durations: "http_request_duration_seconds",
  },
  "duration-histogram": {
    about: "http_request_duration_seconds alone, as express-prom-bundle, fastify-metrics and prometheus-net have it",
    requests: "http_request_duration_seconds_count",
    statusLabels: ["status_code", "code", "status"],
    routeLabels: WEB_ROUTES,
    durations: "http_request_duration_seconds",
  },
  opentelemetry: {
    about: "OpenTelemetry's HTTP semantic conventions, stable since 1.23; .NET 8 and later",
    requests: "http_server_request_duration_seconds_count",
    statusLabels: ["http_response_status_code"],
    routeLabels: ["http_route"],
    durations: "http_server_request_duration_seconds",
  },
  "opentelemetry-js": {
    about: "the same as OpenTelemetry's Prometheus exporter for JavaScript has them: it leaves the unit out of the name",
    requests: "http_server_request_duration_count",
    statusLabels: ["http_response_status_code"],
    routeLabels: ["http_route"],
    durations: "http_server_request_duration",
  },
  "opentelemetry-old": {
    about: "OpenTelemetry's HTTP semantic conventions before 1.23",
    requests: "http_server_duration_milliseconds_count",
    statusLabels: ["http_status_code"],
    routeLabels: ["http_route", "http_target"],
    durations: "http_server_duration_milliseconds",
    perSecond: 1_000,
  },
  spring: {
    about: "Spring Boot's actuator through Micrometer; a histogram needs management.metrics.distribution.percentiles-histogram",
    requests: "http_server_requests_seconds_count",
    statusLabels: ["status"],
    routeLabels: ["uri"],
    durations: "http_server_requests_seconds",
  },
  rails: {
    about: "discourse's prometheus_exporter for Rails; its durations are a summary, so no percentile can be made of them",
    requests: "ruby_http_requests_total",
    statusLabels: ["status"],
    routeLabels: ["action"],
  },
  django: {
    about: "django-prometheus",
    requests: "django_http_responses_total_by_status_total",
    statusLabels: ["status"],
    routeLabels: ["view"],
    durations: "django_http_requests_latency_seconds_by_view_method",
  },
  starlette: {
    about: "starlette-exporter, also for FastAPI; with prefix http it is the guide's",
    requests: "starlette_requests_total",
    statusLabels: ["status_code"],
    routeLabels: ["path"],
    durations: "starlette_request_duration_seconds",
  },
  flask: {
    about: "prometheus-flask-exporter",
    requests: "flask_http_request_total",
    statusLabels: ["status"],
    routeLabels: ["path"],
    durations: "flask_http_request_duration_seconds",
  },
  dotnet: {
    about: "prometheus-net's HTTP metrics",
    requests: "http_requests_received_total",
    statusLabels: ["code"],
    routeLabels: ["endpoint", "page"],
    durations: "http_request_duration_seconds",
  },
  "ingress-nginx": {
    about: "the ingress-nginx controller, which counts what the application's Ingress answered",
    requests: "nginx_ingress_controller_requests",
    statusLabels: ["status"],
    routeLabels: [],
    durations: "nginx_ingress_controller_request_duration_seconds",
    applicationLabel: "ingress",
  },
  istio: {
    about: "Istio's standard metrics, as the servers' proxies report them",
    requests: 'istio_requests_total{reporter="destination"}',
    statusLabels: ["response_code"],
    routeLabels: [],
    durations: 'istio_request_duration_milliseconds{reporter="destination"}',
    perSecond: 1_000,
    applicationLabel: "destination_workload",
  },
} satisfies Record<string, Convention>;

export type ConventionName = keyof typeof CONVENTIONS;
export const CONVENTION_NAMES = Object.keys(CONVENTIONS) as [ConventionName, ...ConventionName[]];

export const conventionNamed = (name: ConventionName): Convention => CONVENTIONS[name];

import type { RequestHandler } from "express";
import type { Metrics } from "./metrics.js";

/** Counts answers by route: addresses hold names, and would make a time series each. */
export function measureRequests(metrics: Metrics): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    response.once("close", () => {
      const method = ["GET", "POST", "HEAD", "OPTIONS"].includes(request.method) ? request.method : "other";
      const route = routeOf(request.route as { path?: unknown } | undefined);
      metrics.count("cutover_http_requests_total", {
        method,
        route,
        status: response.writableFinished ? String(response.statusCode) : "aborted",
      });
      const stream = String(response.getHeader("content-type") ?? "").startsWith("text/event-stream");
      if (!stream) metrics.observe("cutover_http_request_duration_seconds", (performance.now() - started) / 1_000, { method, route });
    });
    next();
  };
}

/** The matched route's pattern. */
export const routeOf = (route: { path?: unknown } | undefined): string => (typeof route?.path === "string" ? route.path : "other");

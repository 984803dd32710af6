import type { RequestHandler } from "express";
import { type DestinationStream, destination, type Logger, pino } from "pino";
import type { Migrations } from "../automation/migrations.js";
import { UserError } from "../errors.js";
import { redact } from "../lib/redact.js";
import { routeOf } from "./metrics/http.js";

export type { Logger } from "pino";

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/**
 * JSON lines on standard error. Whatever is logged goes through the redaction first.
 * @throws UserError for a level that does not exist
 */
export function createLogger(level = process.env.CUTOVER_LOG_LEVEL ?? "info", stream: DestinationStream = destination(2)): Logger {
  if (!LEVELS.includes(level)) throw new UserError({ path: "CUTOVER_LOG_LEVEL", got: level, accepted: `one of ${LEVELS.join(", ")}` });
  // The finished line, so that nothing gets past: bindings of children and messages of errors are in it too.
  const redacted = { write: (line: string) => void stream.write(`${JSON.stringify(redact(JSON.parse(line)))}\n`) };
  return pino(
    {
      level,
      base: { service: "cutover", pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    redacted,
  );
}

/** Logs each answer: the route, not the address, which may hold a token in its query. */
export function logRequests(logger: Logger): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    response.once("close", () => {
      const { method } = request;
      const status = response.statusCode;
      const line = {
        requestId: response.getHeader("x-request-id"),
        method,
        route: routeOf(request.route as { path?: unknown } | undefined),
        ...(typeof request.params?.stack === "string" ? { stack: request.params.stack } : {}),
        status,
        ms: Math.round(performance.now() - started),
      };
      // Probes and scrapes come every few seconds.
      const quiet = /^\/(healthz|readyz|metrics)$/.test(line.route) && status < 400;
      logger[status >= 500 ? "error" : quiet ? "debug" : "info"](line, "request");
    });
    next();
  };
}

/** Logs what the journals of this process say, and what they could not take. @returns how to stop */
export function logMigrations(logger: Logger, migrations: Migrations): () => void {
  const stops = [
    migrations.onProgress(({ stack, entry, state, here }) => {
      if (!here) return;
      const failed = ["update.failed", "action.failed", "gates.failed", "migration.held"].includes(entry.type);
      const { step, error, reason, command, who } = entry as {
        step?: string;
        error?: string;
        reason?: string;
        command?: string;
        who?: string;
      };
      const line = { stack, entry: entry.type, seq: entry.seq, status: state.status, step, command, who, error, reason };
      logger[failed ? "warn" : "info"](line, "journal");
    }),
    migrations.onFailure((stack, error) => logger.error({ stack, err: error }, "a run ended with an error")),
    migrations.onLeaseLost((stack) => logger.warn({ stack }, "the lease was lost")),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

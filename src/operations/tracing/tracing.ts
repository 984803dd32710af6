import { AsyncLocalStorage } from "node:async_hooks";
import {
  type Attributes,
  type Context,
  defaultTextMapGetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { RequestHandler } from "express";
import type { Decision } from "../../automation/decide/decision.js";
import type { Driver } from "../../automation/engine/driver.js";
import type { Migrations } from "../../automation/migrations.js";
import type { Progress } from "../../automation/run/projections.js";
import { redactText } from "../../lib/redact.js";
import { bound } from "../metrics/driver.js";
import { routeOf } from "../metrics/http.js";

/**
 * Spans of what the service does, each within the one that brought it about:
 *
 *   HTTP request → command → decision → effect (intent to outcome) → the engine's own work
 *
 * Names and ids only: neither configs nor values are attributes. The contexts are its own, and not OpenTelemetry's global
 * ones, which belong to the engine's SDK in this process.
 */
export class Tracing {
  private readonly here = new AsyncLocalStorage<Context>();
  /** The last command of each stack: what its runner does is done for it. */
  private readonly commands = new Map<string, Context>();
  /** Effects under way, by their key. */
  private readonly effects = new Map<string, { span: Span; stack: string; context: Context }>();

  constructor(
    private readonly tracer: Tracer,
    private readonly propagator: TextMapPropagator,
    readonly close: () => Promise<void>,
  ) {}

  /** A span for each request, within the caller's when it sends a `traceparent`. */
  requests(): RequestHandler {
    return (request, response, next) => {
      const from = this.propagator.extract(ROOT_CONTEXT, request.headers, defaultTextMapGetter);
      const span = this.tracer.startSpan(request.method, { kind: SpanKind.SERVER }, from);
      response.once("close", () => {
        const route = routeOf(request.route as { path?: unknown } | undefined);
        span.updateName(`${request.method} ${route}`);
        span.setAttributes({
          "http.request.method": request.method,
          "http.route": route,
          "http.response.status_code": response.statusCode,
          "cutover.request.id": String(response.getHeader("x-request-id")),
        });
        if (response.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      });
      this.here.run(trace.setSpan(from, span), next);
    };
  }

  /** Commands and effects, as the journal has them. @returns how to stop */
  watch(migrations: Migrations): () => void {
    return migrations.onProgress((progress) => {
      if (progress.here) this.journaled(progress);
    });
  }

  /** A runner's decision. Waiting and sampling, which go on for days, are none of it. */
  around<T>(stack: string, decision: Decision, run: () => Promise<T>): Promise<T> {
    if (decision.do === "wait" || decision.do === "sample" || decision.do === "idle") return run();
    const step =
      decision.do === "record" || decision.do === "recover" || decision.do === "settle"
        ? {}
        : { "cutover.step": decision.step?.id ?? "way back" };
    const entries = decision.do === "record" ? { "cutover.entries": decision.entries.map((e) => e.type) } : {};
    return this.inSpan(`decision ${decision.do}`, { "cutover.stack": stack, ...step, ...entries }, this.commands.get(stack), run);
  }

  /** The engine's work, within the effect that it is for. */
  driver(driver: Driver): Driver {
    const engine = <T>(what: string, stack: string, run: () => Promise<T>): Promise<T> =>
      this.inSpan(`engine ${what}`, { "cutover.stack": stack }, this.effectOf(stack), run);
    return {
      ...bound(driver),
      preview: (stack, ...args) => engine("preview", stack, () => driver.preview(stack, ...args)),
      update: (stack, ...args) => engine("update", stack, () => driver.update(stack, ...args)),
      recover: (stack, ...args) => engine("recover", stack, () => driver.recover(stack, ...args)),
    };
  }

  private effectOf(stack: string): Context | undefined {
    return [...this.effects.values()].find((e) => e.stack === stack)?.context;
  }

  private async inSpan<T>(name: string, attributes: Attributes, within: Context | undefined, run: () => Promise<T>): Promise<T> {
    const parent = within ?? this.here.getStore() ?? ROOT_CONTEXT;
    const span = this.tracer.startSpan(name, { attributes }, parent);
    try {
      return await this.here.run(trace.setSpan(parent, span), run);
    } catch (error) {
      fail(span, (error as Error).message);
      throw error;
    } finally {
      span.end();
    }
  }

  private journaled({ stack, entry }: Progress): void {
    const parent = this.here.getStore() ?? ROOT_CONTEXT;
    switch (entry.type) {
      case "command": {
        const span = this.tracer.startSpan(
          `command ${entry.command}`,
          { attributes: { "cutover.stack": stack, "cutover.seq": entry.seq } },
          parent,
        );
        this.commands.set(stack, trace.setSpan(parent, span));
        span.end();
        break;
      }
      case "update.intended":
      case "action.intended": {
        const attributes = {
          "cutover.stack": stack,
          "cutover.key": entry.key,
          ...(entry.step === undefined ? {} : { "cutover.step": entry.step }),
        };
        const span = this.tracer.startSpan(`effect ${entry.type === "update.intended" ? "update" : "action"}`, { attributes }, parent);
        this.effects.set(entry.key, { span, stack, context: trace.setSpan(parent, span) });
        break;
      }
      case "update.succeeded":
      case "action.succeeded":
        this.finish(entry.key);
        break;
      case "update.failed":
      case "action.failed":
        this.finish(entry.key, entry.error);
    }
  }

  private finish(key: string, error?: string): void {
    const effect = this.effects.get(key);
    if (effect === undefined) return;
    if (error !== undefined) fail(effect.span, error);
    effect.span.end();
    this.effects.delete(key);
  }
}

function fail(span: Span, message: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message: redactText(message) });
}

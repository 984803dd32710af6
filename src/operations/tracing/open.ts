import type { Logger } from "../logs.js";
import { Tracing } from "./tracing.js";

/**
 * Traces to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, over OTLP/HTTP; nothing is loaded without it. The other
 * OTEL_… variables (headers, service name, sampler) are OpenTelemetry's own.
 */
export async function openTracing(logger: Logger, instance: string, env: NodeJS.ProcessEnv = process.env): Promise<Tracing | undefined> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces } = env;
  if ((all ?? traces ?? "") === "") return undefined;
  const [{ BasicTracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }, { W3CTraceContextPropagator }] =
    await Promise.all([
      import("@opentelemetry/sdk-trace-base"),
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/resources"),
      import("@opentelemetry/core"),
    ]);
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": env.OTEL_SERVICE_NAME ?? "cutover", "service.instance.id": instance }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const propagator = new W3CTraceContextPropagator();
  return new Tracing(provider.getTracer("cutover"), propagator, () =>
    provider.shutdown().catch((error: Error) => logger.warn({ err: error }, "the last traces were not taken")),
  );
}

import { expect } from "chai";
import { NO_OPERATIONS } from "../../../src/operations/config.js";
import { createLogger } from "../../../src/operations/logs.js";
import { Operations } from "../../../src/operations/operations.js";
import { openTracing } from "../../../src/operations/tracing/open.js";
import { startServer } from "../../../src/server.js";
import { modelPlan, STACK } from "../../automation/model.js";
import { modelService, until } from "../../automation/modelService.js";
import { afterThisTest } from "../../support/cleanup.js";
import { receiver } from "../../support/receiver.js";

interface SentSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  status: { code?: number; message?: string };
  attributes: { key: string; value: { stringValue?: string } }[];
}

const logger = createLogger("silent");

describe("traces", () => {
  it("are none without a collector", async () => {
    expect(await openTracing(logger, "one", {})).to.equal(undefined);
  });

  it("lead from the HTTP request over command, decision and effect to the engine's update, in a real OTLP receiver", async () => {
    const { url, received } = await receiver(
      (_, response) => void response.writeHead(200, { "content-type": "application/json" }).end("{}"),
    );
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT = url;
    afterThisTest(() => void delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT);
    const tracing = await openTracing(logger, "one");
    const operations = new Operations({ config: NO_OPERATIONS, logger, tracing });
    const { store, driver, start } = modelService();
    const service = start({ driver: operations.driver(driver), ...operations.attached });
    await operations.watch({ migrations: service, store, queueUrl: "" });
    const server = await startServer({ migrations: service, operations, port: 0 });
    await service.create(STACK, "alice");
    const deploy = modelPlan().findIndex((s) => s.id === "containerize.deploy");
    await until(service, (s) => s.position === 6 && s.status === "approval");
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await fetch(`${server.url}/v1/migrations/${STACK}/approve`, {
      method: "POST",
      headers: { authorization: `Bearer ${server.token}`, "x-cutover-user": "bob", "content-type": "application/json", traceparent },
      body: JSON.stringify({ step: "assess.accept" }),
    });
    const state = await service.settled(STACK);
    expect(state.position).to.be.greaterThan(deploy);
    await server.close();
    await service.close();
    await operations.close();

    const all = received.filter((r) => r.path === "/v1/traces");
    const resources = all.flatMap((r) => r.json.resourceSpans);
    expect(JSON.stringify(resources[0].resource)).to.contain('"cutover"').and.contain("service.instance.id");
    const spans: SentSpan[] = resources.flatMap((r: { scopeSpans: { spans: SentSpan[] }[] }) => r.scopeSpans.flatMap((s) => s.spans));
    const chainOf = (span: SentSpan | undefined): string[] =>
      span === undefined ? [] : [...chainOf(spans.find((s) => s.spanId === span.parentSpanId)), span.name];
    const updates = spans.filter((s) => s.name === "engine update");
    expect(updates.map(chainOf)).to.deep.include([
      "POST /v1/migrations/:stack/approve",
      "command approve",
      "decision update",
      "effect update",
      "engine update",
    ]);
    const traced = spans.filter((s) => s.traceId === "0af7651916cd43dd8448eb211c80319c");
    expect(traced.map((s) => s.name)).to.include.members(["decision record", "decision preview", "effect action", "engine preview"]);
    expect(traced.some((s) => s.name === "decision sample" || s.name === "decision wait")).to.equal(false);
    const effect = spans.find((s) => s.name === "effect update");
    expect(effect?.attributes.find((a) => a.key === "cutover.step")?.value.stringValue).to.equal("containerize.deploy");
    expect(JSON.stringify(spans)).not.to.contain("v1:sealed");
  });
});

import { expect } from "chai";
import type { Migrations } from "../../src/automation/migrations.js";
import type { Store } from "../../src/automation/store/store.js";
import { NO_OPERATIONS } from "../../src/operations/config.js";
import { createLogger } from "../../src/operations/logs.js";
import { Operations } from "../../src/operations/operations.js";
import { type RunningServer, startServer } from "../../src/server.js";
import { STACK } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { afterThisTest } from "../support/cleanup.js";

describe("the service as its operators see it", () => {
  let server: RunningServer;
  let operations: Operations;
  let lines: Record<string, unknown>[];
  let storeAnswers: boolean;
  let migrations: Migrations;

  beforeEach(async () => {
    lines = [];
    storeAnswers = true;
    const { store, start } = modelService();
    const service = start();
    migrations = service;
    operations = new Operations({
      config: NO_OPERATIONS,
      logger: createLogger("debug", { write: (line: string) => void lines.push(JSON.parse(line)) }),
    });
    const failing = {
      answers: async () => (storeAnswers ? store.answers() : Promise.reject(new Error("admin@10.0.0.1 refused"))),
    } as Store;
    process.env.CUTOVER_ENGINE_BIN ??= "/nowhere";
    await operations.watch({ migrations: service, store: failing, queueUrl: "" });
    server = await startServer({ migrations: service, operations, port: 0 });
    afterThisTest(async () => {
      await server.close();
      await operations.close();
      await service.close();
    });
  });

  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${server.token}` }, ...init });
    const text = await response.text();
    return { status: response.status, text, type: response.headers.get("content-type"), id: response.headers.get("x-request-id") };
  };

  it("is alive without a credential, also when it is not ready; it then says which part is missing, and no more", async () => {
    storeAnswers = false;
    expect((await get("/healthz", { headers: {} })).status).to.equal(200);
    const answer = await get("/readyz", { headers: {} });
    expect(answer.status).to.equal(503);
    expect(JSON.parse(answer.text).detail).to.match(/^Not ready: the store does not answer/);
    expect(answer.text).not.to.contain("10.0.0.1");
  });

  it("is not ready until every journal was verified, and answers for single stacks meanwhile", async () => {
    expect(JSON.parse((await get("/readyz")).text).detail).to.contain("the journals are being verified");
    expect((await get(`/v1/migrations/${STACK}`)).status).to.equal(404);
    await migrations.resumeAll();
    expect((await get("/readyz")).text).not.to.contain("journals");
  });

  it("shows its metrics to who has a credential, with requests by route and not by address", async () => {
    expect((await get("/metrics", { headers: {} })).status).to.equal(401);
    await get(`/v1/migrations/${STACK}`);
    await get("/v1/migrations/other-production");
    const { status, text, type } = await get("/metrics");
    expect([status, type]).to.deep.equal([200, "text/plain; version=0.0.4; charset=utf-8"]);
    expect(text).to.contain('cutover_http_requests_total{method="GET",route="/v1/migrations/:stack",status="404"} 2');
    expect(text).to.contain('cutover_http_requests_total{method="GET",route="other",status="401"} 1');
    expect(text).to.contain("process_resident_memory_bytes");
    expect(text).not.to.contain("other-production");
  });

  it("logs each request with its id, and never a token", async () => {
    const { id } = await get(`/v1/migrations?limit=5`, { headers: { authorization: `Bearer ${server.token}`, "x-request-id": "mine-1" } });
    await get(`/?token=${server.token}`, { headers: {}, redirect: "manual" });
    expect(id).to.equal("mine-1");
    expect(lines.find((l) => l.requestId === "mine-1")).to.include({ method: "GET", route: "/v1/migrations", status: 200, msg: "request" });
    expect(JSON.stringify(lines)).not.to.contain(server.token);
  });

  it("has no drift to show before the first look", async () => {
    await get("/v1/migrations", { method: "POST" });
    expect((await get(`/v1/migrations/${STACK}/drift`)).status).to.equal(404);
  });

  it("is not ready any more when it begins to stop", async () => {
    operations.readiness.stop();
    expect(JSON.parse((await get("/readyz")).text).detail).to.equal("Not ready: the service is shutting down.");
  });
});

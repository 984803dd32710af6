import { expect } from "chai";
import { type RunningServer, startServer } from "../../src/server.js";
import { STACK } from "../automation/model.js";
import { ModelService } from "../automation/service.js";
import { expectConforming } from "./conforming.js";

describe("the HTTP API while a migration runs", () => {
  let m: ModelService;
  let server: RunningServer;
  beforeEach(async () => {
    m = await ModelService.open();
    server = await startServer({ migrations: m.migrations, port: 0 });
  });
  afterEach(() => server.close());

  const call = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { "content-type": "application/json", authorization: `Bearer ${server.token}`, "x-cutover-user": "carol" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const json = (await response.json()) as Record<string, unknown>;
    expectConforming({ method, path, status: response.status, contentType: response.headers.get("content-type"), body: json });
    return { status: response.status, json };
  };
  const at = `/v1/migrations/${STACK}`;

  it("answers what can be tuned, and tunes it without a restart", async () => {
    const before = await call("GET", `${at}/tuning`);
    expect(before.json.values).to.include({ "gates.maxErrorRate": 0.05, "rollback.traffic": "automatic", "cleanup.soakSeconds": 86_400 });
    expect((await call("POST", `${at}/tune`, { changes: { "gates.maxErrorRate": 0.01 }, why: "stricter" })).status).to.equal(202);
    const after = await call("GET", `${at}/tuning`);
    expect(after.json).to.deep.equal({
      values: { ...(before.json.values as object), "gates.maxErrorRate": 0.01 },
      tuned: { "gates.maxErrorRate": 0.01 },
      texts: before.json.texts,
    });
    expect((before.json.texts as Record<string, unknown>)["gates.maxErrorRate"]).to.deep.equal({
      about: "Highest fraction of requests answered 5xx.",
      accepted: "a number from 0 to 1",
    });
    expect((await m.journal("command")).at(-1)).to.include({ who: "carol", why: "stricter" });
    const wrong = await call("POST", `${at}/tune`, { changes: { "gates.maxErrorRate": "a lot", "dns.zoneId": "Z1" } });
    expect([wrong.status, wrong.json.detail]).to.deep.equal([400, wrong.json.detail]);
    expect(wrong.json.detail).to.contain("changes.dns.zoneId: got a path that cannot be tuned");
  });

  it("goes back when Alertmanager calls, once for each alert, and says what it did with each", async () => {
    await m.reach("traffic.dns-100");
    const alert = (labels: object, status = "firing") => ({
      status,
      labels: { alertname: "HighErrorRate", ...labels },
      annotations: { description: "Error rate is 12%" },
      startsAt: "2026-01-20T10:00:00Z",
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL: "http://prometheus/graph",
      fingerprint: "c0ffee",
    });
    // As Alertmanager sends it.
    const webhook = {
      version: "4",
      groupKey: "{}",
      truncatedAlerts: 0,
      status: "firing",
      receiver: "cutover",
      groupLabels: {},
      commonLabels: {},
      commonAnnotations: {},
      externalURL: "http://alertmanager",
      alerts: [
        alert({ stack: STACK }),
        alert({ stack: STACK }),
        alert({ stack: "gone-production" }),
        alert({}),
        alert({ stack: STACK }, "resolved"),
      ],
    };
    const first = await call("POST", "/v1/alerts", webhook);
    expect((first.json.alerts as { outcome: string }[]).map((a) => a.outcome)).to.deep.equal([
      "journaled",
      "known",
      "no such migration",
      "no label stack",
      "not firing",
    ]);
    const state = await m.migrations.settled(STACK);
    expect(state.heldReason).to.contain("traffic.dns-25: Alertmanager: HighErrorRate: Error rate is 12%");
    expect(m.world.applied.dns?.weights).to.deep.equal({ old: 100, new: 0 });
    const again = await call("POST", "/v1/alerts", webhook);
    expect((again.json.alerts as { outcome: string }[])[0]?.outcome).to.equal("known");
    expect((await call("POST", "/v1/alerts", { alerts: [{ status: "on fire" }] })).status).to.equal(400);
  });

  it("shows what the calendar makes it wait for", async () => {
    const waiting = await ModelService.open({
      "approvals.validSeconds": 2_592_000,
      calendar: { maintenance: [{ days: ["sat"], from: "22:00", to: "23:00" }] },
    });
    await waiting.reach("database.go");
    const target = await startServer({ migrations: waiting.migrations, port: 0 });
    try {
      // The model's clock jumps at once: held still, it waits as a real one does.
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      waiting.world.beforeSleep = () => held;
      const advanced = waiting.migrations.command(STACK, { command: "advance", extent: "step" }, "alice");
      await advanced;
      const view = (await (await fetch(`${target.url}${at}`, { headers: { authorization: `Bearer ${target.token}` } })).json()) as {
        waits?: { until: number; why: string };
      };
      expect(view.waits?.why).to.match(/^the next maintenance window opens on sat .* 22:00 UTC$/);
      release();
      expect((await waiting.migrations.settled(STACK)).status).to.equal("approval");
    } finally {
      await target.close();
    }
  });
});

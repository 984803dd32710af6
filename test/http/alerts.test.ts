import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { expect } from "chai";
import { WebhookSenders } from "../../src/access/webhooks.js";
import { defaultAccess } from "../../src/config/access.js";
import { PromiseViolation, Transient } from "../../src/errors.js";
import { signatureHeaders, signingKey } from "../../src/operations/signatures.js";
import { STACK } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { afterThisTest } from "../support/cleanup.js";
import { expectConforming } from "./conforming.js";
import { openModelServer } from "./modelServer.js";

const SECRET = `whsec_${randomBytes(32).toString("base64")}`;
const key = signingKey(SECRET, "secret");
const BROKEN = "orders-api-production";

/** As Prometheus and Alertmanager make them: labels of a pod, two texts, links. */
const alert = (stack: string, n = 0) => ({
  status: "firing",
  labels: {
    alertname: "HighErrorRate",
    ...{ stack, severity: "critical", namespace: "production", service: "web-api", container: "web-api", job: "kubernetes-pods" },
    ...{ instance: `10.0.12.${n % 250}:3000`, pod: `web-api-7d9c5b8f6d-${n}`, prometheus: "monitoring/kube-prometheus-stack" },
  },
  annotations: {
    summary: `High error rate on web-api-7d9c5b8f6d-${n}`,
    description: "Error rate is 12.4% over the last 5 minutes, more than the 5% at which users are sent back to the old side.",
    runbook_url: "https://runbooks.example.com/runbooks/cutover/high-error-rate",
  },
  startsAt: `2026-01-20T10:00:00.${n}Z`,
  endsAt: "0001-01-01T00:00:00Z",
  generatorURL: `https://prometheus.example.com/graph?g0.expr=${"sum%28rate%28http_requests_total%7Bstatus%3D~%225..%22%7D%5B5m%5D%29%29".repeat(4)}&g0.tab=1`,
  fingerprint: `c0ffee${n}`,
});

describe("alerts", () => {
  let parts: ReturnType<typeof modelService>;
  let at: string;
  let token: string;
  /** What reading a stack's journal throws. */
  let broken: Map<string, Error>;
  const failures: string[] = [];

  beforeEach(async () => {
    process.env.ALERTS_SECRET = SECRET;
    afterThisTest(() => void delete process.env.ALERTS_SECRET);
    parts = modelService();
    broken = new Map();
    failures.length = 0;
    const { entries, lengths } = parts.store;
    parts.store.entries = async (stack, after) => {
      const error = broken.get(stack);
      if (error !== undefined) throw error;
      return entries(stack, after);
    };
    parts.store.lengths = async () => new Map([...(await lengths()), ...(broken.has(BROKEN) ? [[BROKEN, 3] as const] : [])]);
    const webhooks = new WebhookSenders([{ name: "relay", role: "operator", secret: { env: "ALERTS_SECRET" } }]);
    const local = { token: "cutover_local_x", name: "root", namesPeople: true };
    const { server, migrations, close } = await openModelServer({ access: { webhooks, local } }, parts);
    afterThisTest(close);
    migrations.onFailure((stack, error) => failures.push(`${stack}: ${error.message}`));
    await migrations.create(STACK, "alice");
    [at, token] = [`${server.url}/v1/alerts`, local.token];
  });

  const send = async (alerts: object[], signedAs?: string) => {
    const body = JSON.stringify({ version: "4", alerts });
    const credential = signedAs === undefined ? { authorization: `Bearer ${token}` } : signatureHeaders(key, signedAs, body);
    const response = await fetch(at, { method: "POST", headers: { "content-type": "application/json", ...credential }, body });
    const json = (await response.json()) as { detail?: string; alerts?: { outcome: string }[] };
    expectConforming({
      method: "POST",
      path: "/v1/alerts",
      status: response.status,
      contentType: response.headers.get("content-type"),
      body: json,
    });
    return { status: response.status, detail: json.detail, outcomes: json.alerts?.map((a) => a.outcome) };
  };

  it("are taken when their message is sent again after it could not be taken", async () => {
    broken.set(STACK, new Transient("the database does not answer"));
    expect((await send([alert(STACK)], "msg_1")).status).to.equal(503);
    broken.clear();
    expect((await send([alert(STACK)], "msg_1")).outcomes).to.deep.equal(["journaled"]);
    expect((await send([alert(STACK)], "msg_1")).status).to.equal(409);
  });

  it("[people-23] are not parsed before their sender is known, and not even read when their headers are stale", async () => {
    const unparsable = `{"alerts": [${"x".repeat(1_900_000)}`;
    const type = { "content-type": "application/json" };
    const stranger = signatureHeaders(randomBytes(32), "msg_9", unparsable);
    const refused = await fetch(at, { method: "POST", headers: { ...type, ...stranger }, body: unparsable });
    expect(refused.status).to.equal(401);
    const known = await fetch(at, {
      method: "POST",
      headers: { ...type, ...signatureHeaders(key, "msg_10", unparsable) },
      body: unparsable,
    });
    expect(known.status).to.equal(400);

    // Its body never comes: the answer does not wait for it.
    const old = signatureHeaders(key, "msg_11", "", Date.now() - 600_000);
    const unread = request(at, { method: "POST", headers: { ...type, ...old, "content-length": "1900000" } });
    const status = new Promise((resolve, reject) => unread.once("response", (r) => resolve(r.statusCode)).once("error", reject));
    unread.flushHeaders();
    expect(await status).to.equal(401);
    unread.destroy();
  });

  it("[people-23] are refused unread where too many were refused before, and their connection ends; those of usual size are read", async () => {
    const body = JSON.stringify({ alerts: [] });
    const forged = () =>
      fetch(at, {
        method: "POST",
        headers: { "content-type": "application/json", ...signatureHeaders(randomBytes(32), "msg_20", body) },
        body,
      });
    const most = defaultAccess().limits.failuresPerMinute;
    for (let i = 0; i < most; i += 1) expect((await forged()).status).to.equal(401);
    expect((await forged()).status).to.equal(429);
    // Its body never comes: the answer does not wait for it, and a signature over nothing lets nothing in.
    const large = request(at, {
      method: "POST",
      headers: { "content-type": "application/json", ...signatureHeaders(key, "msg_21", ""), "content-length": "1900000" },
    });
    const answer = new Promise<[number | undefined, string | undefined]>((resolve, reject) =>
      large.once("response", (r) => resolve([r.statusCode, r.headers.connection])).once("error", reject),
    );
    large.flushHeaders();
    expect(await answer).to.deep.equal([429, "close"]);
    large.destroy();
    expect((await send([alert(STACK)], "msg_22")).status, "a right one of usual size").to.equal(200);
  });

  it("are taken once when their message comes twice at the same time", async () => {
    const both = await Promise.all([send([alert(STACK)], "msg_1"), send([alert(STACK)], "msg_1")]);
    expect(both.map((a) => a.status).sort()).to.satisfy((s: number[]) => s[0] === 200 && s[1] !== 200);
    expect((await parts.store.entries(STACK)).filter((e) => e.type === "alarm").length).to.equal(1);
  });

  it("reach healthy stacks whatever is the matter with another one, which the sender and the log are told", async () => {
    broken.set(BROKEN, new PromiseViolation(9, `the journal of ${BROKEN} was tampered with`));
    const mixed = await send([alert(BROKEN), alert(STACK), alert(BROKEN, 1)]);
    expect([mixed.status, mixed.detail]).to.deep.equal([503, `Alerts were not taken for ${BROKEN}; all others were.`]);
    expect((await parts.store.entries(STACK)).filter((e) => e.type === "alarm").length).to.equal(1);
    expect(failures).to.deep.equal([`${BROKEN}: promise 9: the journal of ${BROKEN} was tampered with`]);
    expect((await send([alert(STACK)])).outcomes).to.deep.equal(["known"]);
  });

  it("of what is no stack's name reach no store", async () => {
    const asked: string[] = [];
    const { entries } = parts.store;
    parts.store.entries = async (stack, after) => {
      asked.push(stack);
      return entries(stack, after);
    };
    expect((await send([alert("../../elsewhere"), alert("a\0b")])).outcomes).to.deep.equal(["no such migration", "no such migration"]);
    expect(asked).to.deep.equal([]);
  });

  it("fit into one message, 1,000 of a usual size; of larger ones it is said what fits", async () => {
    const { status, outcomes } = await send(Array.from({ length: 1_000 }, (_, n) => alert("gone-production", n)));
    expect([status, outcomes?.length]).to.deep.equal([200, 1_000]);
    const huge = await send([{ ...alert(STACK), annotations: { description: "x".repeat(3_000_000) } }]);
    expect([huge.status, huge.detail]).to.deep.equal([413, "body: accepted: at most 2048 kB"]);
  });
});

import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import type { Response } from "express";
import express from "express";
import type { Grant } from "../../src/access/caller.js";
import { OidcVerifier } from "../../src/access/oidc.js";
import { TokenFolder } from "../../src/access/tokenFolder.js";
import { makeToken } from "../../src/access/tokens.js";
import { WebhookSenders } from "../../src/access/webhooks.js";
import type { Command } from "../../src/automation/journal/entries.js";
import type { Migrations } from "../../src/automation/migrations.js";
import { accessSchema } from "../../src/config/access.js";
import { authentication } from "../../src/http/authentication.js";
import { authenticateBy } from "../../src/http/signIn.js";
import { ProgressStream } from "../../src/http/stream.js";
import { signatureHeaders, signingKey } from "../../src/operations/signatures.js";
import { createCutoverRouter, type RunningServer, type ServerOptions, startServer } from "../../src/server.js";
import { STACK } from "../automation/model.js";
import { modelService } from "../automation/modelService.js";
import { afterThisTest } from "../support/cleanup.js";
import { startIssuer } from "../support/issuer.js";
import { expectConforming } from "./conforming.js";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("access to the service", () => {
  let migrations: Migrations;
  let server: RunningServer;
  let tokens: TokenFolder;
  const at = `/v1/migrations/${STACK}`;

  beforeEach(async () => {
    const { folder, start } = modelService();
    tokens = new TokenFolder(join(folder, "tokens"));
    migrations = start();
    await migrations.create(STACK, "alice");
  });
  afterEach(() => migrations.close());

  const serve = async (options: Partial<ServerOptions> = {}): Promise<void> => {
    const running = await startServer({ migrations, port: 0, access: { tokens }, ...options });
    afterThisTest(() => running.close());
    server = running;
  };
  const tokenOf = async (name: string, ...grants: Grant[]): Promise<string> => {
    const { token, stored } = makeToken({
      name,
      grants: grants.map((g) => ({ ...g, applications: g.applications?.slice(), environments: g.environments?.slice() })),
    });
    await tokens.add(stored);
    return token;
  };
  const call = async (method: string, path: string, headers: Record<string, string> = {}, body?: unknown) => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      redirect: "manual",
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = text.startsWith("{") ? JSON.parse(text) : undefined;
    const contentType = response.headers.get("content-type");
    if (method !== "OPTIONS" && parsed !== undefined)
      expectConforming({ method, path, status: response.status, contentType, body: parsed });
    // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by name
    return { status: response.status, headers: response.headers, text, json: parsed as any };
  };
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  it("asks for a credential everywhere but for its health", async () => {
    await serve();
    expect((await call("GET", "/healthz")).status).to.equal(200);
    for (const path of ["/", "/portal.js", "/v1/migrations", at, "/v1/events", "/v1/openapi.json", "/v1/nothing"]) {
      const { status, headers, json } = await call("GET", path);
      expect([status, json.type, headers.get("www-authenticate")], path).to.deep.equal([
        401,
        "/problems/unauthenticated",
        'Bearer realm="cutover"',
      ]);
    }
    for (const header of ["Basic YTpi", "Bearer", "Bearer nonsense", `Bearer cutover_local_${"A".repeat(43)}`])
      expect((await call("GET", at, { authorization: header })).status, header).to.equal(401);
    expect((await call("POST", `${at}/advance`, {}, { extent: "step" })).status).to.equal(401);
  });

  it("lets each role do its own and what is below, and says which one is missing", async () => {
    await serve();
    const [viewer, operator, approver] = await Promise.all(
      (["viewer", "operator", "approver"] as const).map((role) => tokenOf(role, { role })),
    );
    const advance = (token = "") => call("POST", `${at}/advance`, bearer(token), { extent: "end" });
    expect((await call("GET", at, bearer(viewer ?? ""))).status).to.equal(200);
    const refused = await advance(viewer);
    expect([refused.status, refused.json.detail]).to.deep.equal([403, "viewer does not have the role operator for web-api in production."]);
    expect((await advance(operator)).status).to.equal(202);
    await migrations.settled(STACK);
    const approve = (token = "") => call("POST", `${at}/approve`, bearer(token), { step: "assess.accept" });
    expect((await approve(operator)).json.detail).to.contain("role approver");
    expect((await approve(approver)).status).to.equal(202);
    const { entries } = (await call("GET", `${at}/journal?limit=1000`, bearer(approver ?? ""))).json;
    const commands = entries.filter((e: { type: string }) => e.type === "command");
    expect(commands.map((c: { command: string; who: string }) => [c.command, c.who])).to.deep.equal([
      ["advance", "operator"],
      ["approve", "approver"],
    ]);
  });

  it("shows only what a caller's scope covers: lists, single migrations, events", async () => {
    await serve();
    const staging = await tokenOf("stan", { role: "admin", environments: ["staging"] });
    const production = await tokenOf("paula", { role: "viewer", applications: ["web-api"], environments: ["production"] });
    const listed = async (token: string) =>
      (await call("GET", "/v1/migrations", bearer(token))).json.migrations.map((m: { stack: string }) => m.stack);
    expect(await listed(staging)).to.deep.equal(["web-api-staging"]);
    expect(await listed(production)).to.deep.equal([STACK]);
    const hidden = await call("GET", at, bearer(staging));
    const absent = await call("GET", "/v1/migrations/nobody", bearer(staging));
    expect([hidden.status, hidden.json.detail.replace(STACK, "X")]).to.deep.equal([
      absent.status,
      absent.json.detail.replace("nobody", "X"),
    ]);
    expect((await call("POST", "/v1/migrations", bearer(staging), { stack: STACK })).status).to.equal(404);
    const snapshots = async (token: string): Promise<string[]> => {
      const response = await fetch(`${server.url}/v1/events`, { headers: { ...bearer(token), "last-event-id": "unknown" } });
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (!text.includes("data: ")) text += (await reader?.read())?.value ?? "";
      await reader?.cancel();
      return [...text.matchAll(/data: (.+)\n/g)].map(([, data = ""]) => JSON.parse(data).stack);
    };
    expect(await snapshots(staging)).to.deep.equal(["web-api-staging"]);
    expect(await snapshots(production)).to.deep.equal([STACK]);
  });

  it("tells of everything at once only to those who may see everything; of the inventory, to each the own part", async () => {
    await serve();
    const one = await tokenOf("paula", { role: "admin", applications: ["admin-portal"] });
    const all = await tokenOf("vera", { role: "viewer" });
    for (const path of ["/v1/rehearsals", "/metrics"]) {
      expect((await call("GET", path, bearer(one))).json.detail, path).to.contain("for every application in every environment");
      expect((await call("GET", path, bearer(all))).status, path).to.not.equal(403);
    }
    const names = async (token: string) =>
      (await call("GET", "/v1/inventory", bearer(token))).json.applications.map((a: { name: string }) => a.name);
    expect(await names(one)).to.deep.equal([]);
    expect(await names(all)).to.include("web-api");
  });

  it("takes nobody's word for a name: x-cutover-user counts with the local token of a rehearsal only", async () => {
    await serve();
    const mallory = await tokenOf("mallory", { role: "approver" });
    expect((await call("POST", `${at}/advance`, { ...bearer(mallory), "x-cutover-user": "alice" }, { extent: "end" })).status).to.equal(
      202,
    );
    await migrations.settled(STACK);
    expect((await migrations.get(STACK)).state.advancedBy).to.equal("mallory");
    await serve({ access: { local: { token: "cutover_local_x", name: "root", namesPeople: false } } });
    await call("POST", `${at}/approve`, { ...bearer("cutover_local_x"), "x-cutover-user": "bob" }, { step: "assess.accept" });
    await migrations.settled(STACK);
    expect((await migrations.get(STACK)).state.steps["assess.accept"]?.approvedBy).to.equal("root");
  });

  it("knows people of an identity provider by their JWT", async () => {
    const issuer = await startIssuer();
    const oidc = new OidcVerifier({ issuer: issuer.url, audience: "cutover", nameClaim: "sub", groupsClaim: "groups" }, [
      { group: "platform", role: "operator", applications: ["web-api"] },
    ]);
    await serve({ access: { oidc } });
    const token = await issuer.sign({ sub: "alice", groups: ["platform"] });
    expect((await call("POST", `${at}/advance`, bearer(token), { extent: "step" })).status).to.equal(202);
    expect((await call("GET", at, bearer(await issuer.sign({ sub: "eve" })))).status).to.equal(404);
    expect((await call("GET", "/v1/migrations", bearer(await issuer.sign({ sub: "eve" })))).status).to.equal(403);
    expect((await call("GET", at, bearer(await issuer.sign({}, { expires: "-1m" })))).json.detail).to.equal("The token has expired.");
    await issuer.stop();
    await serve({
      access: { oidc: new OidcVerifier({ issuer: issuer.url, audience: "cutover", nameClaim: "sub", groupsClaim: "groups" }, []) },
    });
    expect((await call("GET", at, bearer(token))).status).to.equal(503);
  });

  it("knows a system by its signature over what it sends, once each, and nowhere but where signatures count", async () => {
    process.env.RELAY_SECRET = `whsec_${randomBytes(32).toString("base64")}`;
    afterThisTest(() => void delete process.env.RELAY_SECRET);
    await serve({ access: { webhooks: new WebhookSenders([{ name: "relay", role: "operator", secret: { env: "RELAY_SECRET" } }]) } });
    const key = signingKey(process.env.RELAY_SECRET, "secret");
    const body = { alerts: [{ status: "firing", labels: { alertname: "HighErrorRate", stack: STACK }, annotations: {}, startsAt: "now" }] };
    const text = JSON.stringify(body);
    const headers = signatureHeaders(key, "msg_1", text);
    expect((await call("POST", "/v1/alerts", headers, body)).status).to.equal(200);
    const again = await call("POST", "/v1/alerts", headers, body);
    expect([again.status, again.json.detail]).to.deep.equal([409, "The message msg_1 of relay has been here already."]);
    const refused = async (changed: Record<string, string>, sent: unknown = body) =>
      (await call("POST", "/v1/alerts", { ...signatureHeaders(key, "msg_2", text), ...changed }, sent)).status;
    expect(await refused({}, { alerts: [] })).to.equal(401);
    expect(await refused({ "webhook-id": "msg_3" })).to.equal(401);
    expect(await refused(signatureHeaders(key, "msg_2", text, Date.now() - 600_000))).to.equal(401);
    expect(await refused(signatureHeaders(randomBytes(32), "msg_2", text))).to.equal(401);
    const elsewhere = signatureHeaders(key, "msg_4", "{}");
    expect((await call("POST", `${at}/advance`, elsewhere, {})).status).to.equal(401);
  });

  describe("from a browser", () => {
    let cookie: string;
    const local = { token: "cutover_local_x", name: "root", namesPeople: true };
    beforeEach(async () => {
      await serve({ access: { local, tokens } });
      const entered = await call("GET", `/?token=${local.token}`);
      expect([entered.status, entered.headers.get("location")]).to.deep.equal([303, "/"]);
      const set = entered.headers.get("set-cookie") ?? "";
      expect(set).to.match(/; HttpOnly; SameSite=Strict$/);
      cookie = set.split(";")[0] ?? "";
    });

    it("comes in by a link, once, and then by a cookie that is of this port alone", async () => {
      expect((await call("GET", "/", { cookie })).text).to.contain('src="portal.js"');
      expect((await call("GET", "/v1/migrations", { cookie })).status).to.equal(200);
      expect((await call("GET", "/v1/migrations", { cookie: cookie.replace(/_\d+=/, "_1=") })).status).to.equal(401);
      expect((await call("GET", "/?token=cutover_local_wrong")).status).to.equal(401);
    });

    it("[people-26] is told to sign in again when its cookie is malformed", async () => {
      const { status, json } = await call("GET", "/v1/migrations", { cookie: `${cookie.split("=")[0]}=%E0%A4%A` });
      expect([status, json.detail]).to.deep.equal([401, "The browser's cookie is malformed."]);
    });

    it("is shown how to get in, comes in by the form, and leaves", async () => {
      const page = await call("GET", "/", { accept: "text/html" });
      expect(page.status).to.equal(401);
      expect(page.text).to.contain('<form method="post" action="sign-in">');
      const form = (headers: Record<string, string>) =>
        fetch(`${server.url}/sign-in`, { method: "POST", redirect: "manual", headers, body: new URLSearchParams({ token: local.token }) });
      expect((await form({ "sec-fetch-site": "cross-site" })).status).to.equal(403);
      const entered = await form({ "sec-fetch-site": "same-origin" });
      expect([entered.status, entered.headers.get("set-cookie")?.split(";")[0]]).to.deep.equal([303, cookie]);
      expect((await call("POST", "/sign-out", { cookie })).headers.get("set-cookie")).to.contain("Expires=Thu, 01 Jan 1970");
    });

    it("changes things only from this service's own pages: no other site can use the cookie", async () => {
      const pause = (headers: Record<string, string>) => call("POST", `${at}/pause`, { cookie, ...headers }, { why: "a look" });
      for (const headers of [
        {},
        { "sec-fetch-site": "cross-site" },
        { "sec-fetch-site": "same-site" },
        { origin: "https://evil.example.com" },
        { origin: "null" },
      ] as Record<string, string>[])
        expect((await pause(headers)).status, JSON.stringify(headers)).to.equal(403);
      expect((await pause({ "sec-fetch-site": "same-origin" })).status).to.equal(202);
      expect((await pause({ origin: server.url })).status).to.equal(409);
    });
  });

  it("limits one caller's requests and one address's wrong credentials, but never holds up a right one or an emergency", async () => {
    const settings = accessSchema.parse({ limits: { requestsPerMinute: 3, failuresPerMinute: 2 } });
    await serve({ settings });
    const alice = await tokenOf("alice", { role: "admin" });
    const statuses = async (count: number, headers: Record<string, string>, path = at) => {
      const all: number[] = [];
      for (let i = 0; i < count; i += 1) all.push((await call("GET", path, headers)).status);
      return all;
    };
    expect(await statuses(3, bearer("wrong"))).to.deep.equal([401, 401, 429]);
    expect(await statuses(1, { ...bearer("wrong"), "x-forwarded-for": "10.1.2.3" })).to.deep.equal([429]);
    expect(await statuses(4, bearer(alice))).to.deep.equal([200, 200, 200, 429]);
    const refused = await call("GET", at, bearer(alice));
    expect([refused.json.type, refused.headers.get("content-type")]).to.deep.equal([
      "/problems/too-many",
      "application/problem+json; charset=utf-8",
    ]);
    expect(Number(refused.headers.get("retry-after"))).to.be.within(1, 60);
    expect((await call("POST", `${at}/emergency`, bearer(alice), {})).status).to.equal(409);
    expect(await statuses(1, bearer(await tokenOf("bob", { role: "viewer" })))).to.deep.equal([200]);
  });

  it("ends a stream of events once its credential is taken back", async () => {
    const alice = await tokenOf("alice", { role: "viewer" });
    const stream = new ProgressStream(migrations, 20);
    const app = express();
    app.use(authentication(authenticateBy({ tokens })));
    app.get("/", (request, response) => stream.serve(request, response, () => true));
    const host = createServer(app);
    await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
    afterThisTest(() => void host.close());
    const response = await fetch(`http://127.0.0.1:${(host.address() as AddressInfo).port}/`, { headers: bearer(alice) });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("still here")) text += (await reader?.read())?.value ?? "";
    await tokens.revoke((await tokens.list())[0]?.id ?? "");
    while ((await reader?.read())?.done === false);
  });

  /** A stream of its own, which beats fast and has listeners to look at. */
  const streamOf = async (mostWaiting?: number) => {
    const stream = new ProgressStream(migrations, 20, mostWaiting);
    const served: Response[] = [];
    const app = express();
    app.use(authentication(authenticateBy({ tokens })));
    app.get("/", (request, response) => {
      served.push(response);
      stream.serve(request, response, () => true);
    });
    const host = createServer(app);
    await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
    afterThisTest(() => {
      host.close();
      host.closeAllConnections();
    });
    return { served, port: (host.address() as AddressInfo).port };
  };
  const happen = async (times: number) => {
    for (let i = 0; i < times; i += 1)
      await migrations.command(
        STACK,
        { command: i % 2 === 0 ? "pause" : "resume", ...(i % 2 === 0 ? { why: "x".repeat(400) } : {}) } as Command,
        "alice",
      );
  };

  it("writes nothing more to a stream whose credential was taken back while its client does not read", async () => {
    const alice = await tokenOf("alice", { role: "viewer" });
    const { served, port } = await streamOf(100_000_000);
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    afterThisTest(() => void socket.destroy());
    socket.pause();
    socket.write(`GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${alice}\r\n\r\n`);
    while (served.length === 0) await pause(5);
    const errors: Error[] = [];
    served[0]?.on("error", (error) => errors.push(error));
    // More than the sockets' buffers take: its end does not get through.
    served[0]?.write(`: ${"x".repeat(30_000_000)}\n\n`);
    await tokens.revoke((await tokens.list())[0]?.id ?? "");
    while (served[0]?.writableEnded === false) await pause(5);
    await happen(3);
    await pause(50);
    expect(errors.map((e) => e.message)).to.deep.equal([]);
    expect(served[0]?.destroyed, "let go at the next beat").to.equal(true);
  });

  it("lets a client go that does not read what it is sent, and keeps one that does", async () => {
    const alice = await tokenOf("alice", { role: "viewer" });
    const { served, port } = await streamOf(40_000);
    const open = async () => {
      const socket = connect(port, "127.0.0.1").on("error", () => undefined);
      afterThisTest(() => void socket.destroy());
      socket.write(`GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${alice}\r\n\r\n`);
      const count = served.length;
      while (served.length === count) await pause(5);
      return socket;
    };
    (await open()).resume();
    await open();
    // Nothing leaves this one for a socket whose buffers are full.
    served[1]?.cork();
    for (let i = 0; i < 10; i += 1) {
      await happen(2);
      // The other one reads in between.
      await pause(10);
    }
    await pause(50);
    expect(served.map((r) => r.destroyed)).to.deep.equal([false, true]);
  });

  it("lets only named portals frame it and named origins call it", async () => {
    const portal = "https://portal.example.com";
    await serve({ settings: accessSchema.parse({ cors: [portal], frames: [portal] }) });
    const preflight = (origin: string) =>
      call("OPTIONS", at, { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" });
    expect((await preflight(portal)).headers.get("access-control-allow-origin")).to.equal(portal);
    expect((await preflight("https://evil.example.com")).headers.get("access-control-allow-origin")).to.equal(null);
    const elements = await call("GET", "/elements.js", { origin: portal });
    expect([elements.status, elements.headers.get("access-control-allow-origin")]).to.deep.equal([200, portal]);
    expect((await call("GET", "/index.html")).status).to.equal(401);
    const { headers } = await call("GET", "/healthz");
    expect(headers.get("content-security-policy")).to.contain(`frame-ancestors 'self' ${portal}`);
    expect([headers.get("x-frame-options"), headers.get("x-content-type-options"), headers.get("x-powered-by")]).to.deep.equal([
      null,
      "nosniff",
      null,
    ]);
    await serve();
    expect((await call("GET", "/healthz")).headers.get("x-frame-options")).to.equal("SAMEORIGIN");
    expect((await preflight(portal)).headers.get("access-control-allow-origin")).to.equal(null);
  });

  it("ends a connection whose request does not arrive", async () => {
    await serve({ headersTimeoutMs: 50 });
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n");
    const received = await new Promise<string>((resolve) => {
      let text = "";
      socket.on("data", (d) => {
        text += d;
      });
      socket.on("close", () => resolve(text));
    });
    expect(received).to.match(/^HTTP\/1\.1 408/);
  });

  it("is the host application's own where the router is mounted in one", async () => {
    const app = express();
    app.use(
      "/cutover",
      createCutoverRouter({
        migrations,
        authenticate: async (request) =>
          request.get("x-host-user") === undefined
            ? undefined
            : { name: String(request.get("x-host-user")), grants: [{ role: "operator" }] },
      }),
    );
    app.get("/other", (_, response) => void response.send("the host's own"));
    const host: Server = createServer(app);
    await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
    afterThisTest(() => void host.close());
    server = { url: `http://127.0.0.1:${(host.address() as AddressInfo).port}`, close: async () => undefined };
    expect((await call("GET", "/other")).text).to.equal("the host's own");
    expect((await call("GET", `/cutover${at}`)).status).to.equal(401);
    const answer = await call("POST", `/cutover${at}/advance`, { "x-host-user": "hanna" }, { extent: "step" });
    expect([answer.status, answer.json.stack]).to.deep.equal([202, STACK]);
    expect((await migrations.get(STACK)).state.advancedBy).to.equal("hanna");
    expect((await call("POST", `/cutover${at}/approve`, { "x-host-user": "hanna" }, { step: "assess.accept" })).status).to.equal(403);
  });
});
